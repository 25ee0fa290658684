"""S1-S9: the source changes its tables under a running pipeline."""

from __future__ import annotations

import pytest

from rapport.errors import RapportError
from rapport.sources.contracts import Contract
from support.fault_lab import content_hash
from support.landing_lab import LandingLab
from support.source_lab import SourceLab, source_lab

fault = pytest.mark.fault
TABLE = (
    "create type status as enum ('open', 'closed');"
    "create table loans (loan_id varchar(40) primary key, amount numeric(20,2) not null,"
    " status status, updated_at timestamptz default now())"
)
CONTRACT = """\
source: demo
connector: postgres
connection: demo
tables:
  loans:
    key: [loan_id]
    columns: {loan_id: text, amount: "numeric(20,2) required", status: text}
    allowed: {status: [open, closed]}
"""


@pytest.fixture
def source(server, lab: LandingLab, monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    with source_lab(server, lab, monkeypatch, TABLE) as made:
        made.run("insert into loans select 'L' || n, n, 'open' from generate_series(1, 50) as n")
        yield made


@pytest.fixture
def contract(source: SourceLab) -> Contract:
    made = source.lab.contract(CONTRACT)
    source.land(made)
    return made


def stops(source: SourceLab, contract: Contract, change: str, message: str, kind: str) -> None:
    """Stopped before reading, on record, and history as it was."""
    before = content_hash(source.lab, "demo__loans")
    source.run(change)
    with pytest.raises(RapportError, match=message):
        source.land(contract)
    assert content_hash(source.lab, "demo__loans") == before
    assert source.lab.rows("select kind, is_stopping from ctl.drift") == [(kind, True)]


def goes_on(source: SourceLab, contract: Contract, change: str, kind: str) -> None:
    """Recorded once, and nothing else changes."""
    source.run(change)
    assert source.land(contract).unchanged == 50
    assert source.land(contract).unchanged == 50
    assert source.lab.rows("select kind, is_stopping from ctl.drift") == [(kind, False)]


@fault("S1", "a column is added", "Recorded; read only in mode `evolve`; mode `freeze` stops.")
def test_s1_a_new_column_is_recorded(source: SourceLab, contract: Contract) -> None:
    goes_on(source, contract, "alter table loans add column branch text", "added")


@fault("S2", "a column is removed", "Stops before reading and names it.")
def test_s2_a_removed_column_stops(source: SourceLab, contract: Contract) -> None:
    drop = "alter table loans drop column status"
    stops(source, contract, drop, "public.loans.status does not exist", "removed")


@fault("S3", "a column is renamed", "Stops before reading and guesses the new name by its type.")
def test_s3_a_renamed_column_stops(source: SourceLab, contract: Contract) -> None:
    rename = "alter table loans rename column amount to principal"
    stops(source, contract, rename, "may have been renamed to principal", "renamed")


@fault("S4", "a column changes its type", "Stops unless every value still fits exactly.")
def test_s4_a_retyped_column_stops(source: SourceLab, contract: Contract) -> None:
    retype = "alter table loans alter amount type text"
    stops(source, contract, retype, "amount is text, the contract expects", "retyped")


@fault("S5", "a column is narrowed", "Recorded: longer values may have been cut; `freeze` stops.")
def test_s5_a_narrowed_column_is_recorded(source: SourceLab, contract: Contract) -> None:
    goes_on(source, contract, "alter table loans alter loan_id type varchar(10)", "narrowed")


@fault("S6", "NOT NULL is dropped", "Recorded; rows without a required value are quarantined.")
def test_s6_a_null_that_is_now_allowed_is_quarantined(
    source: SourceLab, contract: Contract
) -> None:
    goes_on(source, contract, "alter table loans alter amount drop not null", "null_allowed")
    source.run("insert into loans values ('N', null, 'open')")
    assert source.land(contract).quarantined == 1


@fault(
    "S7",
    "a new enumerated value",
    "Recorded; its rows are quarantined.",
)
def test_s7_a_new_value_is_quarantined(source: SourceLab, contract: Contract) -> None:
    goes_on(source, contract, "alter type status add value 'frozen'", "new_value")
    source.run("insert into loans values ('N', 1, 'frozen')")
    assert source.land(contract).quarantined == 1


@fault("S8", "a table is renamed or empty", "Stops; an empty one until it is approved.")
def test_s8_a_renamed_table_stops(source: SourceLab, contract: Contract) -> None:
    rename = "alter table loans rename to credits"
    stops(source, contract, rename, "table public.loans does not exist", "table_missing")


@fault("S8", "a table is renamed or empty", "Stops; an empty one until it is approved.")
def test_s8_an_empty_table_stops_until_it_is_approved(
    source: SourceLab, contract: Contract
) -> None:
    source.run("truncate loans")
    with pytest.raises(RapportError, match="delivered 0 rows where 50 were known"):
        source.land(contract)
    approve = "select ctl.approve('demo', 'loans', 'small_extract', 'me', 'sold', now() + '1 day')"
    source.lab.rows(approve.replace("'1 day'", "interval '1 day'"), role="publisher")
    assert source.land(contract).tombstoned == 50


@fault("S9", "a permission is revoked", "Stops before reading and says what to grant.")
def test_s9_a_revoked_permission_stops(source: SourceLab, contract: Contract) -> None:
    before = content_hash(source.lab, "demo__loans")
    source.run("revoke select on loans from source_reader")
    with pytest.raises(RapportError, match="may not be read: grant select on it"):
        source.land(contract)
    assert content_hash(source.lab, "demo__loans") == before
    kinds = source.lab.rows("select distinct kind, is_stopping from ctl.drift")
    assert kinds == [("permission_missing", True)]
