"""Suite files: strict, explained, and hashed by everything that decides their outcome."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from rapport.errors import RapportError
from rapport.quality.suites import load_suites, source_suites, stage_suites
from rapport.settings import Settings, load
from rapport.sources.contracts import load_contracts

RULE = """\
owner: stewards
objects:
  clients:
    key: [client_id]
    expectations:
      - rule: names_are_given
        type: expect_column_values_to_not_be_null
        kwargs: {column: name, mostly: 0.9}
        severity: warning
        since: 2026-11-23
        reason: {en: People need names., zh: 需要名称。}
"""


@dataclass(frozen=True)
class Table:
    key: tuple[str, ...] = ("id",)
    entity: str | None = None


@dataclass(frozen=True)
class Contract:
    source: str
    layout: str = "models"
    tables: dict[str, Table] = field(default_factory=lambda: {"things": Table()})


def written(root: Path, text: str, name: str = "marts/clients.yml") -> Settings:
    path = root / "expectations" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return Settings(root=root)


def refused(root: Path, text: str, name: str = "marts/clients.yml", **contracts: Any) -> str:
    with pytest.raises(RapportError) as caught:
        load_suites(written(root, text, name), contracts)
    return caught.value.message


def test_a_suite_is_read_with_its_reason(tmp_path: Path) -> None:
    (suite,) = load_suites(written(tmp_path, RULE), {})
    assert (suite.stage, suite.suite, suite.object) == ("marts", "clients", "clients")
    assert (suite.key, suite.expectation_count, suite.allow_empty) == (("client_id",), 1, False)
    reason = str(suite.expectations[0].reason)
    assert reason == "People need names. / 需要名称。 (stewards, 2026-11-23)"


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("owner: stewards\n", "", "clients.yml:1: the file: the key 'owner' is missing"),
        ("severity: warning", "severity: fatal", ":9: objects.clients.expectations.0.severity:"),
        ("severity: warning\n        ", "", "the key 'severity' is missing"),
        ("        since: 2026-11-23\n", "", "the key 'since' is missing"),
        ("2026-11-23", "last year", "must be a date"),
        (", zh: 需要名称。", "", "the key 'zh' is missing"),
        (
            "reason: {en: People need names.,",
            "reason: {en: '',",
            "must be a text that is not empty",
        ),
        ("mostly: 0.9", "row_condition: x", "is set by the runner"),
        ("_not_be_null", "_be_pretty", ":7: objects.clients.expectations.0.type:"),
        ("_not_be_null", "_be_unique", "uniqueness is not a gate's business"),
        ("key: [client_id]", "keys: [client_id]", ":4: objects.clients.keys: unknown key"),
        ("    key: [client_id]\n", "", "give the mart its `key`"),
        ("names_are_given", "Names!", "lower_snake_case"),
        ("owner: stewards", "owner: stewards\nowner: others", "given twice"),
    ],
)
def test_an_error_names_file_line_and_key(
    tmp_path: Path, old: str, new: str, expected: str
) -> None:
    message = refused(tmp_path, RULE.replace(old, new, 1))
    assert "expectations/marts/clients.yml:" in message
    assert expected in message


def test_an_empty_suite_is_refused(tmp_path: Path) -> None:
    empty = RULE[: RULE.index("expectations:")] + "expectations: []\n"
    assert "an empty suite would pass whatever the data is" in refused(tmp_path, empty)
    assert "checks nothing" in refused(tmp_path, "owner: me\nobjects: {}\n")


def test_a_rule_may_not_stand_twice(tmp_path: Path) -> None:
    twice = RULE + RULE[RULE.index("      - rule:") :]
    assert "stands twice" in refused(tmp_path, twice)


def test_sql_must_read_the_rows_under_judgement(tmp_path: Path) -> None:
    sql = RULE.replace("expect_column_values_to_not_be_null", "unexpected_rows_expectation")
    sql = sql.replace("{column: name, mostly: 0.9}", "{unexpected_rows_query: select 1}")
    assert "must read {batch}" in refused(tmp_path, sql)


def test_emptiness_is_allowed_only_with_a_dated_reason(tmp_path: Path) -> None:
    bare = RULE.replace("    key:", "    allow_empty: true\n    key:")
    assert "objects.clients.allow_empty: must be a mapping" in refused(tmp_path, bare)
    why = "    allow_empty: {en: May be., zh: 可以。, since: 2026-11-23}\n    key:"
    (suite,) = load_suites(written(tmp_path, RULE.replace("    key:", why)), {})
    assert suite.allow_empty


def test_the_hash_moves_with_every_tolerance_and_reason(tmp_path: Path) -> None:
    def digest(text: str) -> str:
        return load_suites(written(tmp_path, text), {})[0].suite_hash

    variants = [RULE, RULE.replace("0.9", "0.8"), RULE.replace("warning", "critical")]
    variants.append(RULE.replace("2026-11-23", "2026-11-24"))
    assert len({digest(text) for text in variants}) == 4
    assert digest(RULE) == digest(
        RULE.replace("{column: name, mostly: 0.9}", "{mostly: 0.9, column: name}")
    )


def test_a_users_file_adds_to_the_shipped_one_and_never_weakens_it(tmp_path: Path) -> None:
    written(tmp_path / "shipped", RULE)
    written(tmp_path / "own", RULE.replace("mostly: 0.9", "mostly: 0.1"))
    both = Settings(root=tmp_path / "shipped", project_path=tmp_path / "own")
    assert [s.suite for s in load_suites(both, {})] == ["clients", "project.clients"]


def test_a_users_file_replaces_the_shipped_one_only_with_a_reason(tmp_path: Path) -> None:
    written(tmp_path / "shipped", RULE)
    replaces = "replaces: {en: Ours differs., zh: 我行不同。, since: 2026-11-23}\n"
    written(tmp_path / "own", replaces + RULE.replace("0.9", "0.1"))
    both = Settings(root=tmp_path / "shipped", project_path=tmp_path / "own")
    (suite,) = load_suites(both, {})
    assert suite.expectations[0].kwargs["mostly"] == 0.1
    written(tmp_path / "own", "replaces: yes\n" + RULE)
    with pytest.raises(RapportError, match="replaces"):
        load_suites(both, {})


def test_every_source_and_every_canonical_table_gets_the_common_rules(tmp_path: Path) -> None:
    canonical = RULE.replace("  clients:\n    key: [client_id]", "  clients:")
    written(tmp_path, canonical, "landing/canonical.yml")
    settings = written(
        tmp_path, canonical.replace("  clients:", "  ${source}:"), "landing/every_source.yml"
    )
    contracts = {
        "one": Contract("one", "canonical", {"clients": Table(("client_id",), "clients")}),
        "two": Contract("two"),
    }
    suites = load_suites(settings, contracts)
    assert [(s.suite, s.object) for s in suites] == [
        ("every_source", "one"),
        ("canonical", "one__clients"),
        ("every_source", "two"),
    ]
    assert [s.object for s in source_suites(suites, "one")] == ["one", "one__clients"]


def test_a_suite_of_a_table_that_the_contract_lacks_is_refused(tmp_path: Path) -> None:
    text = RULE.replace("  clients:\n", "  shop__clents:\n")
    message = refused(tmp_path, text, "landing/shop.yml", shop=Contract("shop"))
    assert "the contract of shop has no such table" in message


def test_a_suite_file_of_an_unknown_source_is_refused(tmp_path: Path) -> None:
    message = refused(tmp_path, RULE, "landing/shpo.yml", shop=Contract("shop"))
    assert "there is no contract of a source 'shpo'" in message


def test_the_shipped_suites_cover_every_source_and_stage() -> None:
    contracts = load_contracts(load())
    suites = load_suites(load(), contracts)
    for source in contracts:
        assert source in {s.object for s in source_suites(suites, source)}
    assert {s.object for s in stage_suites(suites, "marts")} >= {
        "clients",
        "loan_risk",
        "client_value",
        "client_satisfaction",
    }
    assert "release_input" in {s.object for s in stage_suites(suites, "staging")}
