"""Incremental tables: only what changed is moved, and nothing is lost on the way."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from rapport.errors import RapportError
from rapport.local.postgres import EmbeddedPostgres
from support.landing_lab import TREE, LandingLab
from support.race import race
from support.source_lab import OPEN_TRANSACTIONS, OVERLAP, SourceLab, source_lab


@pytest.fixture
def source(
    server: EmbeddedPostgres, lab: LandingLab, monkeypatch: pytest.MonkeyPatch
) -> Iterator[SourceLab]:
    with source_lab(server, lab, monkeypatch) as made:
        made.see_all_transactions()
        made.run(
            "insert into loans select 'L' || lpad(n::text, 5, '0'), n, now() - interval '1 day'"
            " from generate_series(1, 3000) as n"
        )
        yield made


def test_only_changed_rows_are_read_again(source: SourceLab) -> None:
    contract = source.lab.contract(OPEN_TRANSACTIONS)
    assert source.land(contract).landed == 3000
    assert source.land(contract).read == 0
    source.run("update loans set amount = 0, updated_at = now() where loan_id <= 'L00007'")
    source.run("insert into loans values ('L9', 1)")
    counts = source.land(contract)
    assert (counts.read, counts.landed, counts.unchanged) == (8, 8, 0)
    assert source.is_in_step()


def test_an_overlap_reads_unchanged_rows_again_and_counts_them_so(source: SourceLab) -> None:
    contract = source.lab.contract(OVERLAP)
    source.land(contract)
    source.run("update loans set amount = 0, updated_at = now() where loan_id = 'L00001'")
    assert source.land(contract).landed == 1
    again = source.land(contract)
    assert (again.read, again.landed, again.unchanged) == (1, 0, 1)


def test_a_transaction_open_during_the_pull_is_not_lost(source: SourceLab) -> None:
    contract = source.lab.contract(OPEN_TRANSACTIONS)
    source.land(contract)
    writer = source.writer()
    writer.execute("insert into loans values ('late', 1)")
    source.run("insert into loans values ('soon', 1)")
    assert source.land(contract).landed == 1
    writer.commit()
    assert source.land(contract).landed == 1
    assert source.is_in_step()


def test_what_cannot_be_guaranteed_is_refused(source: SourceLab) -> None:
    contract = source.lab.contract(OPEN_TRANSACTIONS)
    source.run("revoke pg_read_all_stats from source_reader")
    with pytest.raises(RapportError, match="may not see the transactions of others") as refused:
        source.land(contract)
    assert "overlap" in str(refused.value.next_step)
    assert source.lab.rows("select count(*) from landing.demo__loans") == [(0,)]


def test_an_old_open_transaction_raises_an_alert(
    source: SourceLab, caplog: pytest.LogCaptureFixture
) -> None:
    contract = source.lab.contract(OPEN_TRANSACTIONS + "    alert_open_after: 0 seconds\n")
    source.writer().execute("insert into loans values ('open', 1)")
    source.land(contract)
    ((kind, message),) = source.lab.rows("select kind, message from ctl.source_alert")
    assert kind == "old_transaction"
    assert message in caplog.text


def test_an_undone_batch_sets_the_watermark_back(source: SourceLab) -> None:
    contract = source.lab.contract(OPEN_TRANSACTIONS)
    source.land(contract)
    low = "select low from ctl.current_watermark"
    before = source.lab.rows(low)
    source.run("insert into loans values ('new', 1)")
    undone = source.lab.extract(contract, accept=False)
    assert source.lab.rows(low) > before
    source.lab.rows(f"select ctl.reject_batch({undone.batch_seq}, 'test')", role="validator")
    assert source.lab.rows(low) == before
    assert source.land(contract).landed == 1


def test_a_late_reader_never_moves_the_watermark_back(source: SourceLab) -> None:
    contract = source.lab.contract(OPEN_TRANSACTIONS)
    source.land(contract)
    before = source.lab.rows("select low from ctl.current_watermark")
    ((batch, fence),) = source.lab.rows(
        f"select * from ctl.open_batch('demo', 'backfill', '{TREE}', '{contract.hash}')"
    )
    source.lab.rows(
        f"select ctl.record_watermark({batch}, {fence}, 'loans', '2020-01-01', false, false, 'h')"
    )
    assert source.lab.rows("select low from ctl.current_watermark") == before


def test_deletes_and_new_keys_are_found_by_comparing_key_ranges(source: SourceLab) -> None:
    contract = source.lab.contract(OPEN_TRANSACTIONS + "    compare_every: 0 seconds\n")
    source.land(contract)
    source.run("delete from loans where loan_id in ('L00003', 'L02999')")
    source.run("update loans set loan_id = 'K1' where loan_id = 'L00005'")  # no new updated_at
    source.run("insert into loans values ('A', 1, '2001-01-01')")  # back-dated
    counts = source.land(contract)
    assert (counts.landed, counts.tombstoned) == (2, 3)
    assert counts.read < 3000
    assert source.is_in_step()
    source.run("insert into loans values ('L00003', 3)")
    counts = source.land(contract)
    assert (counts.read, counts.landed, counts.tombstoned) == (1, 1, 0)
    assert source.is_in_step()


def test_a_change_later_than_the_overlap_is_found_by_the_comparison(source: SourceLab) -> None:
    contract = source.lab.contract(OVERLAP + "    compare_every: 0 seconds\n")
    source.land(contract)
    late = "update loans set amount = 5, updated_at = now() - interval '{}' where loan_id = '{}'"
    source.run(late.format("1 hour", "L00010"))
    source.run(late.format("5 hours", "L01010"))
    assert source.land(contract).landed == 2
    assert source.is_in_step()


def test_a_reset_watermark_and_a_changed_contract_ask_for_a_full_read(source: SourceLab) -> None:
    contract = source.lab.contract(OPEN_TRANSACTIONS)
    source.land(contract)
    source.lab.rows("select ctl.reset_watermark('demo', 'loans', 'test', 'because')")
    counts = source.land(contract)
    assert (counts.read, counts.unchanged) == (3000, 3000)
    assert source.land(contract).read == 0


def test_rows_without_a_cursor_value_are_always_read(source: SourceLab) -> None:
    contract = source.lab.contract(OPEN_TRANSACTIONS)
    source.run("insert into loans values ('never', 1, null)")
    source.land(contract)
    source.run("update loans set amount = 2 where loan_id = 'never'")
    assert source.land(contract).landed == 1


def test_a_clock_that_went_back_is_answered_with_a_full_read(source: SourceLab) -> None:
    contract = source.lab.contract(OPEN_TRANSACTIONS)
    source.land(contract)
    admin = source.lab.connect("admin")
    admin.execute("set role rapport_owner")
    admin.execute("update ctl.watermark set low = low + interval '10 minutes'")
    source.run("insert into loans values ('after', 1)")
    counts = source.land(contract)
    assert (counts.read, counts.landed) == (3001, 1)
    assert source.lab.rows("select kind from ctl.source_alert") == [("clock_went_back",)]
    assert source.land(contract).read == 0


def test_a_mass_delete_needs_a_recorded_approval_and_uses_it_once(source: SourceLab) -> None:
    contract = source.lab.contract(OPEN_TRANSACTIONS + "    compare_every: 0 seconds\n")
    source.land(contract)
    source.run("delete from loans where loan_id <= 'L01000'")
    with pytest.raises(RapportError, match="1000 of 3000 rows are no longer"):
        source.land(contract)
    with pytest.raises(Exception, match="permission denied"):
        source.lab.rows(
            "select ctl.approve('demo', 'loans', 'mass_delete', 'me', 'why', now() + '1 day')"
        )
    source.lab.rows(
        "select ctl.approve('demo', 'loans', 'mass_delete', 'me', 'why', now() + interval '1 day')",
        role="publisher",
    )
    assert source.land(contract).tombstoned == 1000
    assert source.lab.rows("select observed from ctl.approval_use") == [
        ("1000 of 3000 rows are no longer in the source",)
    ]
    entry = source.lab.rows("select entry::jsonb ->> 'decision' from ctl.ledger", role="auditor")
    assert entry == [("approved",)]
    source.run("delete from loans where loan_id <= 'L01500'")
    with pytest.raises(RapportError, match="500 of 2000 rows"):
        source.land(contract)


def test_concurrent_writers_lose_nothing(source: SourceLab) -> None:
    """A short sample; the long race is in tests/faults."""
    contract = source.lab.contract(OPEN_TRANSACTIONS)
    result = race(source, contract, writers=8, transactions=800, pulls=10)
    assert (result.missing, result.stale) == (0, 0)
