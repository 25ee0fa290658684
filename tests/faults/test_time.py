"""T1-T7 and I13: changes that come late, out of order, at one instant, or under a wrong clock."""

from __future__ import annotations

from dataclasses import replace

import psycopg
import pytest

from rapport.sources.connectors import Horizon, postgres
from rapport.sources.contracts import Contract
from support.fault_lab import accounted
from support.landing_lab import TREE
from support.source_lab import OPEN_TRANSACTIONS, OVERLAP, SourceLab

fault = pytest.mark.fault


@pytest.fixture
def loans(source: SourceLab) -> Contract:
    source.see_all_transactions()
    source.run("insert into loans select 'L' || n, n from generate_series(1, 200) as n")
    made = source.lab.contract(OPEN_TRANSACTIONS)
    source.land(made)
    return made


@fault("T1", "a late update inside the overlap", "Read again: the overlap covers it.")
def test_t1_an_update_inside_the_overlap_is_read(source: SourceLab) -> None:
    source.run("insert into loans values ('a', 1, now() - interval '1 day')")
    contract = source.lab.contract(OVERLAP)
    source.land(contract)
    source.run("update loans set amount = 2, updated_at = now() - interval '1 hour'")
    assert accounted(source.land(contract)).landed == 1


@fault("T1", "a late update outside the overlap", "Found by the next comparison of key digests.")
def test_t1_an_update_outside_the_overlap_is_found_by_comparison(source: SourceLab) -> None:
    source.run("insert into loans values ('a', 1, now() - interval '1 day')")
    contract = source.lab.contract(OVERLAP + "    compare_every: 0 seconds\n")
    source.land(contract)
    source.run("update loans set amount = 2, updated_at = now() - interval '5 hours'")
    assert accounted(source.land(contract)).landed == 1
    assert source.is_in_step()


@fault("T2", "a long source transaction across the pull", "Read once it commits; an alert.")
def test_t2_a_long_transaction_is_read_when_it_commits(source: SourceLab) -> None:
    source.see_all_transactions()
    contract = source.lab.contract(OPEN_TRANSACTIONS + "    alert_open_after: 0 seconds\n")
    writer = source.writer()
    writer.execute("insert into loans values ('long', 1)")
    for n in range(3):
        source.run(f"insert into loans values ('s{n}', 1)")
        source.land(contract)
    assert source.lab.rows("select distinct kind from ctl.source_alert") == [("old_transaction",)]
    writer.commit()
    source.land(contract)
    assert source.is_in_step()


@fault("T2", "a prepared source transaction", "The watermark waits until it is ended.")
def test_t2_a_prepared_transaction_holds_the_watermark(
    source: SourceLab, loans: Contract, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The test server has none; what one looks like to a reader is put in its place."""
    low = "select low from ctl.current_watermark"
    before = source.lab.rows(low)
    seen = postgres.observe

    def prepared(connection: psycopg.Connection) -> Horizon:
        return replace(seen(connection), prepared=1)

    monkeypatch.setattr(postgres, "observe", prepared)
    source.run("insert into loans values ('other', 1)")
    accounted(source.land(loans))
    assert source.lab.rows(low) == before
    assert source.lab.rows("select kind from ctl.source_alert") == [("prepared_transaction",)]
    monkeypatch.setattr(postgres, "observe", seen)
    source.land(loans)
    assert source.lab.rows(low) > before
    assert source.is_in_step()


@fault("T2", "a long source transaction across the pull", "Read once it commits; an alert.")
def test_t2_the_watermark_waits_for_the_oldest_open_transaction(
    source: SourceLab, loans: Contract
) -> None:
    low = "select low from ctl.current_watermark"
    writer = source.writer()
    writer.execute("insert into loans values ('open', 1)")
    source.land(loans)
    waiting = source.lab.rows(low)
    source.land(loans)
    assert source.lab.rows(low) == waiting
    writer.commit()
    source.land(loans)
    assert source.lab.rows(low) > waiting
    assert source.is_in_step()


@fault("T3", "commits out of order", "The watermark stays below every open transaction.")
def test_t3_commits_out_of_order_lose_nothing(source: SourceLab, loans: Contract) -> None:
    first, second, third = source.writer(), source.writer(), source.writer()
    for key, writer in (("x1", first), ("x2", second), ("x3", third)):
        writer.execute("insert into loans values (%s, 1)", [key])
    for writer in (third, first, second):
        writer.commit()
        source.land(loans)
    assert source.is_in_step()


@fault("T4", "many equal timestamps on the boundary", "The boundary itself is read again.")
def test_t4_a_burst_on_the_boundary_loses_nothing(source: SourceLab, loans: Contract) -> None:
    ((low,),) = source.lab.rows("select low from ctl.current_watermark")
    for n in range(3):
        source.owner.execute(
            "insert into loans select %s || k, 1, %s from generate_series(1, 50) as k",
            [f"b{n}-", low],
        )
        if n == 0:
            assert accounted(source.land(loans)).landed == 50
    admin = source.lab.connect("admin")
    admin.execute("set role rapport_owner")
    admin.execute("update ctl.watermark set low = %s", [low])
    counts = accounted(source.land(loans))
    assert (counts.landed, counts.unchanged) == (100, 50)
    assert source.is_in_step()


@fault("T5", "a back-dated row", "Found by the next comparison of key digests.")
def test_t5_a_back_dated_row_is_found_by_comparison(source: SourceLab) -> None:
    source.see_all_transactions()
    source.run("insert into loans select 'L' || n, n from generate_series(1, 200) as n")
    contract = source.lab.contract(OPEN_TRANSACTIONS + "    compare_every: 0 seconds\n")
    source.land(contract)
    source.run("insert into loans values ('old', 1, '2001-01-01')")
    assert accounted(source.land(contract)).landed == 1
    assert source.is_in_step()


@fault("T6", "a backfill of an old date", "It cannot move the watermark back.")
def test_t6_a_backfill_does_not_move_the_watermark_back(source: SourceLab, loans: Contract) -> None:
    before = source.lab.rows("select low from ctl.current_watermark")
    opened = f"select * from ctl.open_batch('demo', 'backfill', '{TREE}', '{loans.hash}')"
    ((batch, fence),) = source.lab.rows(opened)
    old = f"select ctl.record_watermark({batch}, {fence}, 'loans', '2020-01-01', false, false, 'h')"
    source.lab.rows(old)
    assert source.lab.rows("select low from ctl.current_watermark") == before


@fault(
    "T7",
    "leap days and month ends",
    "Read and kept exactly.",
)
def test_t7_leap_days_and_month_ends_are_exact(source: SourceLab, loans: Contract) -> None:
    for n, at in enumerate(("2024-02-29 23:59:59.999999+00", "2026-12-31 16:00:00+00")):
        source.run(f"insert into loans values ('leap{n}', 1, '{at}')")
    source.lab.rows("select ctl.reset_watermark('demo', 'loans', 'test', 'whole read')")
    assert accounted(source.land(loans)).landed == 2
    assert source.is_in_step()


@fault(
    "I13",
    "a clock ten minutes off",
    "Rows inside the allowance are read again; a clock that went back asks for a whole read.",
)
@pytest.mark.parametrize("minutes", [-10, 10])
def test_i13_a_clock_ten_minutes_off_loses_nothing(source: SourceLab, minutes: int) -> None:
    source.see_all_transactions()
    source.run("insert into loans select 'L' || n, n from generate_series(1, 200) as n")
    text = OPEN_TRANSACTIONS.replace("clock_allowance: 0 seconds", "clock_allowance: 10 minutes")
    contract = source.lab.contract(text)
    source.land(contract)
    # The writer's own clock is wrong: its rows carry times around the watermark.
    skewed = f"now() + interval '{minutes} minutes' + interval '1 second'"
    for n in range(3):
        source.run(f"insert into loans values ('w{n}', 1, {skewed})")
        accounted(source.land(contract))
    assert source.is_in_step()


@fault(
    "I13",
    "a clock ten minutes off",
    "Rows inside the allowance are read again; a clock that went back asks for a whole read.",
)
def test_i13_a_clock_that_went_back_asks_for_a_whole_read(
    source: SourceLab, loans: Contract
) -> None:
    admin = source.lab.connect("admin")
    admin.execute("set role rapport_owner")
    admin.execute("update ctl.watermark set low = low + interval '10 minutes'")
    source.run("insert into loans values ('after', 1)")
    counts = accounted(source.land(loans))
    assert (counts.read, counts.landed) == (201, 1)
    assert source.lab.rows("select kind from ctl.source_alert") == [("clock_went_back",)]
