"""Planted dirt is caught, or harmless by a stated design; clean runs are never stopped."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from rapport.local import secret_files
from rapport.local.databases import address
from rapport.settings import load
from rapport.simulator import run
from rapport.simulator.dirt import KINDS, LEDGER, kinds_table
from rapport.sources.canonical import entities
from rapport.sources.contracts import load_contracts
from support.landing_lab import LandingLab

END = date(2024, 2, 29)


@pytest.fixture
def dsns(
    lab: LandingLab, database_copy: Callable[[str, str], str], monkeypatch: pytest.MonkeyPatch
) -> dict[str, str]:
    settings = lab.settings
    password = secret_files.read(settings.secrets, "local_roles.json")["simulator"]
    found = {}
    for side in run.SIDES:
        database = database_copy(side, "simulator")
        found[side] = address(settings.database_port, database, "simulator", password)
        monkeypatch.setenv(f"RAPPORT_SOURCE_{side.upper()}_URL", found[side])
    return found


def extract_all(lab: LandingLab) -> dict[str, int]:
    """Land both systems; quarantined rows by entity."""
    contracts = load_contracts(lab.settings)
    refused = {}
    for side in run.SIDES:
        report = lab.extract(lab.register(contracts[side]))
        refused |= {t.table: t.quarantined for t in report.tables}
    return refused


def test_planted_dirt_is_caught_or_harmless_by_design(
    lab: LandingLab, dsns: dict[str, str], tmp_path: Path
) -> None:
    run.simulate(load(), clients=150, months=24, seed=7, end=END, dirt=0.01, dsns=dsns)
    with (lab.settings.state / "simulator" / LEDGER).open(encoding="utf-8") as file:
        ledger = list(csv.DictReader(file))
    refused = extract_all(lab)
    rules = {
        entity: {
            "|".join(str(key[k]) for k in entities()[entity].key): rule
            for key, rule in lab.rows(
                f"select key_values, rule from quarantine.{entities()[entity].side}__{entity}"
            )
        }
        for entity in refused
    }
    missed = [
        row
        for row in ledger
        if not row["harmless_because"] and rules[row["entity"]].get(row["key"]) != row["caught_by"]
    ]
    assert {row["kind"] for row in ledger} == {k.name for k in KINDS}
    assert len(ledger) > 200
    assert len(missed) <= 0.01 * len(ledger), Counter(row["kind"] for row in missed)
    # Nothing clean was refused with the dirty.
    assert sum(refused.values()) == len([r for r in ledger if not r["harmless_because"]])


def test_a_clean_world_loses_nothing(lab: LandingLab, dsns: dict[str, str]) -> None:
    run.simulate(load(), clients=60, months=12, seed=11, end=END, dsns=dsns)
    assert sum(extract_all(lab).values()) == 0
    assert not (lab.settings.state / "simulator" / LEDGER).exists()


def test_every_kind_says_what_becomes_of_it() -> None:
    assert [k.name for k in KINDS if bool(k.rule) == bool(k.harmless)] == []
    assert len({k.name for k in KINDS}) == len(KINDS)


def test_the_page_lists_every_kind() -> None:
    page = Path(__file__).resolve().parents[3] / "docs" / "dirt.md"
    assert page.read_text(encoding="utf-8").endswith(kinds_table())
