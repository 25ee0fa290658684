"""Schema drift: said before anything is read, in words that name table, column and change."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from rapport.errors import RapportError
from rapport.local.postgres import EmbeddedPostgres
from rapport.sources.contracts import Contract
from support.landing_lab import LandingLab
from support.source_lab import SourceLab, source_lab

TABLE = (
    "create type status as enum ('open', 'closed');"
    "create table loans (loan_id varchar(40) primary key, amount numeric(20,2) not null,"
    " status status)"
)
CONTRACT = """\
source: demo
connector: postgres
connection: demo
tables:
  loans:
    drift: {mode}
    key: [loan_id]
    columns: {{loan_id: text, amount: "numeric(20,2) required", status: text}}
    allowed: {{status: [open, closed]}}
"""
ADDED = "alter table loans add column branch text; update loans set branch = 'north'"
NARROWED = "alter table loans alter loan_id type varchar(20)"
NULLS = "alter table loans alter amount drop not null"
LABEL = "alter type status add value 'frozen'"


@pytest.fixture
def source(
    server: EmbeddedPostgres, lab: LandingLab, monkeypatch: pytest.MonkeyPatch
) -> Iterator[SourceLab]:
    with source_lab(server, lab, monkeypatch, TABLE) as made:
        made.run("insert into loans values ('a', 1, 'open'), ('b', 2, 'closed')")
        yield made


def landed_once(source: SourceLab, mode: str) -> Contract:
    contract = source.lab.contract(CONTRACT.format(mode=mode))
    source.land(contract)
    return contract


def recorded(source: SourceLab) -> list[tuple[str, str, bool]]:
    query = "select kind, message, is_stopping from ctl.drift order by drift_id"
    return [tuple(row) for row in source.lab.rows(query)]


CHANGES = pytest.mark.parametrize(
    ("statement", "kind", "message"),
    [
        (ADDED, "added", "public.loans.branch (text) is new"),
        (NARROWED, "narrowed", "public.loans.loan_id was character varying(40) and is now"),
        (NULLS, "null_allowed", "public.loans.amount may be empty now"),
        (LABEL, "new_value", "public.loans.status has the new value 'frozen'"),
    ],
    ids=["added", "narrowed", "null_allowed", "new_value"],
)


@CHANGES
def test_discard_column_records_a_change_once_and_goes_on(
    source: SourceLab, statement: str, kind: str, message: str
) -> None:
    contract = landed_once(source, "discard_column")
    source.run(statement)
    assert source.land(contract).unchanged == 2
    source.land(contract)
    ((found, text, stops),) = recorded(source)
    assert (found, stops) == (kind, False)
    assert text.startswith(message)


@CHANGES
def test_freeze_stops_at_a_change_until_it_is_approved(
    source: SourceLab, statement: str, kind: str, message: str
) -> None:
    contract = landed_once(source, "freeze")
    source.run(statement)
    with pytest.raises(RapportError, match="does not match its contract") as stopped:
        source.land(contract)
    assert message in stopped.value.message
    source.lab.rows(
        "select ctl.approve('demo', 'loans', 'drift', 'me', 'planned', now() + interval '1 day')",
        role="publisher",
    )
    assert source.land(contract).unchanged == 2
    assert source.land(contract).unchanged == 2
    assert [(k, stops) for k, _, stops in recorded(source)] == [(kind, True), (kind, False)]


def test_evolve_lands_a_new_column_from_then_on(source: SourceLab) -> None:
    contract = landed_once(source, "evolve")
    source.run(ADDED)
    assert source.land(contract).landed == 2
    assert source.land(contract).unchanged == 2
    now = [("a", "north"), ("b", "north")]
    assert source.lab.visible("demo__loans", "loan_id, branch") == now
    assert source.lab.visible("demo__loans", "loan_id, branch", ceiling=1) == [
        ("a", None),
        ("b", None),
    ]


def test_a_renamed_column_is_guessed_by_its_type(source: SourceLab) -> None:
    contract = landed_once(source, "discard_column")
    source.run("alter table loans rename column amount to principal")
    with pytest.raises(RapportError, match=r"renamed to principal \(numeric\(20,2\)\)"):
        source.land(contract)
    assert ("renamed", True) in [(kind, stops) for kind, _, stops in recorded(source)]


def test_a_value_that_the_contract_does_not_know_goes_to_quarantine(source: SourceLab) -> None:
    contract = landed_once(source, "discard_column")
    source.run(LABEL)
    source.run("update loans set status = 'frozen' where loan_id = 'a'")
    assert source.land(contract).quarantined == 1
    assert source.lab.visible("demo__loans", "loan_id, status") == [("a", "open"), ("b", "closed")]


def test_columns_the_contract_never_listed_are_no_drift(source: SourceLab) -> None:
    source.run("alter table loans add column hidden text")
    landed_once(source, "freeze")
    assert recorded(source) == []
