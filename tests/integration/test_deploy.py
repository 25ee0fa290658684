"""Deploying grows what is there and refuses what would break history or readers."""

from __future__ import annotations

from pathlib import Path

import pytest

from rapport.errors import RapportError
from rapport.settings import Settings
from rapport.sources.contracts import load_contracts
from rapport.transform import manifest
from rapport.warehouse import dsn
from rapport.warehouse.deploy import deploy, is_deployed

CONTRACT = """
source: own
connector: files
folder: {folder}
layout: models
max_staleness_hours: 1
tables:
  things:
    file: things.csv
    key: [thing_id]
    columns:
      thing_id: {{type: text}}
      size: {{type: {type}}}
"""


def own_contract(folder: Path, type_: str, more: str = "") -> None:
    (folder / "contracts").mkdir(exist_ok=True)
    text = CONTRACT.format(folder=folder, type=type_) + more
    (folder / "contracts/own.yml").write_text(text)


@pytest.fixture
def project(tmp_path: Path, warehouse: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    own_contract(tmp_path, "integer")
    settings = warehouse.model_copy(update={"project_path": tmp_path})
    deploy(settings)
    return settings


def landing_columns(settings: Settings) -> list[tuple[str, str]]:
    with dsn.connect(dsn.role_dsn(settings, "admin")) as connection:
        return connection.execute(
            "select attname, format_type(atttypid, atttypmod) from pg_attribute"
            " where attrelid = 'landing.own__things'::regclass and attnum > 0"
            " and attname !~ '^_' order by attnum"
        ).fetchall()


def test_a_new_column_is_added_to_landing(project: Settings) -> None:
    assert project.project_path is not None
    own_contract(project.project_path, "integer", "      colour: {type: text}\n")
    assert not is_deployed(project)
    deploy(project)
    assert is_deployed(project)
    assert landing_columns(project)[-1] == ("colour", "text")


def test_a_retyped_landing_column_is_refused_and_nothing_changes(project: Settings) -> None:
    assert project.project_path is not None
    own_contract(project.project_path, "text")
    with pytest.raises(RapportError, match=r"landing\.own__things: column size is integer"):
        deploy(project)
    assert landing_columns(project) == [("thing_id", "text"), ("size", "integer")]
    assert not is_deployed(project)


def test_a_mart_cannot_lose_or_retype_a_column(
    warehouse: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    marts = manifest.mart_contracts(warehouse)

    def changed(settings: Settings, name: str, type_: str | None) -> list[manifest.MartContract]:
        def columns(mart: manifest.MartContract) -> list[tuple[str, str, str]]:
            return [
                (n, type_ or t, d) if n == name else (n, t, d)
                for n, t, d in mart.columns
                if n != name or type_
            ]

        return [
            manifest.MartContract(m.name, tuple(columns(m)), m.key, m.description) for m in marts
        ]

    for type_, words in ((None, "loses region"), ("integer", "region is text and cannot become")):
        monkeypatch.setattr(
            manifest, "mart_contracts", lambda s, type_=type_: changed(s, "region", type_)
        )
        with pytest.raises(RapportError, match=words):
            deploy(warehouse)


def test_every_known_source_has_its_landing_tables(warehouse: Settings) -> None:
    expected = {
        f"{contract.source}__{table}"
        for contract in load_contracts(warehouse).values()
        for table in contract.tables
    }
    with dsn.connect(dsn.role_dsn(warehouse, "admin")) as connection:
        for schema in ("landing", "quarantine"):
            found = connection.execute(
                "select tablename from pg_tables where schemaname = %s", [schema]
            )
            assert expected <= {name for (name,) in found}
