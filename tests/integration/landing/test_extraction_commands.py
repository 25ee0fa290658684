"""What a person sees and does about watermarks, drift, guards and quarantine."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from typer.testing import CliRunner

from rapport.cli import app
from rapport.errors import RapportError
from rapport.local.postgres import EmbeddedPostgres
from rapport.sources.contracts import Contract
from support.landing_lab import LandingLab
from support.source_lab import OPEN_TRANSACTIONS, SourceLab, source_lab


@pytest.fixture
def source(
    server: EmbeddedPostgres, lab: LandingLab, monkeypatch: pytest.MonkeyPatch
) -> Iterator[SourceLab]:
    monkeypatch.setenv("COLUMNS", "240")
    with source_lab(server, lab, monkeypatch) as made:
        made.see_all_transactions()
        made.run("insert into loans values ('a', 1), ('b', 'NaN')")
        yield made


@pytest.fixture
def contract(source: SourceLab) -> Contract:
    made = source.lab.contract(OPEN_TRANSACTIONS)
    source.land(made)
    return made


def rapport(*arguments: str) -> str:
    result = CliRunner().invoke(app, arguments)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.output


def test_state_shows_and_forgets_a_watermark(source: SourceLab, contract: Contract) -> None:
    assert "demo.loans" in rapport("state", "show", "demo.loans")
    assert source.land(contract).read == 0
    rapport("state", "reset", "demo.loans", "--reason", "restored from backup")
    assert "no watermark" in rapport("state", "show", "demo.loans")
    assert source.land(contract).read == 2
    with pytest.raises(RapportError, match=r"demo\.other has no watermark"):
        rapport("state", "reset", "demo.other")


def test_drift_lists_what_changed(source: SourceLab, contract: Contract) -> None:
    assert "No change is on record" in rapport("drift")
    source.run("alter table loans add column extra text")
    source.land(contract)
    assert "public.loans.extra (text) is new" in rapport("drift", "demo")


def test_quarantine_is_counted_and_shown(source: SourceLab, contract: Contract) -> None:
    listed = rapport("quarantine", "list", "demo.loans")
    assert "finite:amount" in listed
    shown = json.loads(rapport("quarantine", "show", "demo.loans", "1"))
    assert shown["key_values"] == {"loan_id": "b"}
    with pytest.raises(RapportError, match="no quarantined row 99"):
        rapport("quarantine", "show", "demo.loans", "99")


def test_an_approval_needs_a_known_table_kind_and_a_time_to_come(
    source: SourceLab, contract: Contract
) -> None:
    answer = rapport("approve", "demo.loans", "--kind", "mass_delete", "--reason", "archived")
    assert "Approval 1 is recorded" in answer
    for wrong in (
        ("demo.loans", "--kind", "other", "--reason", "x"),
        ("demo.loans", "--kind", "drift", "--reason", " "),
        ("demo.loans", "--kind", "drift", "--reason", "x", "--until", "2020-01-01"),
    ):
        with pytest.raises(RapportError, match="not recorded"):
            rapport("approve", *wrong)
    with pytest.raises(RapportError, match="no table"):
        rapport("approve", "demo.none", "--kind", "drift", "--reason", "x")
