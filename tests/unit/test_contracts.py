"""Contracts: what is shipped is sound, and a mistake is named with file, line and key."""

from __future__ import annotations

from pathlib import Path

import pytest

from rapport.errors import RapportError
from rapport.settings import load
from rapport.sources.canonical import entities
from rapport.sources.contracts import (
    Contract,
    canonical_sources,
    enabled_sources,
    load_contracts,
    parse_contract,
    source_location,
)

GOOD = """\
source: demo
connector: files
folder: ${DEMO_FOLDER}
tables:
  loans:
    file: loans.csv
    key: [loan_id]
    columns:
      loan_id: text
      amount: {type: "numeric(20,2)", from: Amount}
"""


def parse(folder: Path, text: str, name: str = "demo") -> Contract:
    path = folder / f"{name}.yml"
    path.write_text(text, encoding="utf-8")
    return parse_contract(path)


def test_the_shipped_contracts_cover_the_canonical_layout() -> None:
    contracts = load_contracts(load())
    assert set(contracts) == {"crm", "loans", "files", "eagle"}
    both = set(contracts["crm"].tables) | set(contracts["loans"].tables)
    assert both == set(entities()) == set(contracts["files"].tables)
    for name, entity in entities().items():
        table = contracts["files"].tables[name]
        assert [(c.name, c.type) for c in table.columns] == [
            (c.name, c.type) for c in entity.columns
        ]
        assert table.key == entity.key
        assert table.optional


def test_person_columns_of_the_canonical_layout_are_person_columns_of_the_contract() -> None:
    table = load_contracts(load())["crm"].tables["clients"]
    assert [c.name for c in table.columns if c.is_person] == ["legal_id"]


@pytest.mark.parametrize(
    "word", ["social", "first", "last", "phone", "address", "birth", "email", "account_to"]
)
def test_the_eagle_contract_lists_no_personal_column(word: str) -> None:
    for table in load_contracts(load())["eagle"].tables.values():
        assert not [c.source for c in table.columns if word in c.source.lower()]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("loan_id: text", "loan_id: txt", "demo.yml:9: tables.loans.columns.loan_id.type: unknown"),
        ("key: [loan_id]", "key: [id]", "demo.yml:5: tables.loans: column 'id' is not among"),
        ("from: Amount}", "form: Amount}", "demo.yml:10: tables.loans.columns.amount.form: Extra"),
        ("file: loans.csv", "like: lones", "demo.yml:6: tables.loans.like: there is no canonical"),
        ("connector: files", "connector: ftp", "demo.yml:2: connector: Input should be"),
        ("folder:", "fodler:", "demo.yml:3: fodler: Extra inputs"),
        ("source: demo", "source: other", "demo.yml:1: source: must be 'demo'"),
        ("      amount:", "      loan_id:", "demo.yml:9: tables.loans.columns.loan_id: the key is"),
        ("source: demo", "source: [", "demo.yml:3: not valid YAML"),
        ("    key:", "    encoding: utf-9\n    key:", "demo.yml:7: tables.loans.encoding: unknown"),
        (
            "    key:",
            "    control_amount: loan_id\n    key:",
            "demo.yml:5: tables.loans: control_amount 'loan_id' is not numeric",
        ),
    ],
)
def test_a_mistake_is_named_with_file_line_and_key(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    with pytest.raises(RapportError) as error:
        parse(tmp_path, GOOD.replace(old, new))
    assert message in str(error.value)


def test_an_entity_may_be_taken_with_other_names_and_fewer_columns(tmp_path: Path) -> None:
    text = """\
source: demo
connector: postgres
connection: core
tables:
  loans:
    like: loans
    omit: [collateral_amount]
    columns: {loan_id: {from: contract_no}, branch: text}
"""
    table = parse(tmp_path, text).tables["loans"]
    assert table.column("loan_id").source == "contract_no"
    assert table.column("branch").type == "text"
    assert "collateral_amount" not in {c.name for c in table.columns}
    assert "principal_is_positive" in table.checks


def test_the_hash_follows_the_meaning_and_not_the_comments(tmp_path: Path) -> None:
    first = parse(tmp_path, GOOD).hash
    assert parse(tmp_path, "# a remark\n" + GOOD).hash == first
    assert parse(tmp_path, GOOD.replace("20,2", "20,4")).hash != first


def test_a_source_is_enabled_by_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    contract = parse(tmp_path, GOOD)
    assert enabled_sources(load(), {"demo": contract}) == []
    monkeypatch.setenv("DEMO_FOLDER", str(tmp_path))
    assert source_location(load(), contract) == str(tmp_path)
    assert enabled_sources(load(), {"demo": contract}) == ["demo"]


def test_an_unknown_enabled_source_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAPPORT_SOURCES", "crm,lones")
    with pytest.raises(RapportError, match="lones"):
        enabled_sources(load(), load_contracts(load()))


def test_own_contracts_and_models_are_found_beside_the_shipped_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAPPORT_PROJECT_PATH", str(tmp_path))
    (tmp_path / "contracts").mkdir()
    (tmp_path / "contracts" / "demo.yml").write_text(GOOD, encoding="utf-8")
    models = tmp_path / "models" / "staging" / "demo"
    models.mkdir(parents=True)
    (models / "stg_demo__loans.sql").touch()
    contracts = load_contracts(load())
    delivering = canonical_sources({"demo": contracts["demo"], "loans": contracts["loans"]}, load())
    assert delivering["loans"] == {"layout": ["loans"], "models": ["demo"]}
    assert delivering["clients"] == {"layout": [], "models": []}


def test_the_example_of_the_documentation_is_a_contract(tmp_path: Path) -> None:
    page = (load().root / "docs" / "contracts.md").read_text(encoding="utf-8")
    example = page.split("```yaml\n")[1].split("```")[0]
    assert set(parse(tmp_path, example, "core").tables) == {"clients", "contracts"}
