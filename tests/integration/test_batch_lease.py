"""One undecided batch per source, fenced: a retry takes over, a zombie neither blocks nor lands."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import psycopg
import pytest

from rapport.local.postgres import EmbeddedPostgres
from rapport.warehouse import dsn
from support.tiny_release import TREE, TinyWarehouse, tiny_warehouse

LANDED = "select id from landing.src__t where _to_batch = 9223372036854775807 order by id"


@pytest.fixture
def tiny(server: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch) -> Iterator[TinyWarehouse]:
    with tiny_warehouse(server, monkeypatch) as warehouse:
        yield warehouse


def current_keys(tiny: TinyWarehouse) -> list[str]:
    return [key for (key,) in tiny.as_role("validator").execute(LANDED.encode())]


def test_an_unaccepted_batch_is_undone_before_the_next_opens(tiny: TinyWarehouse) -> None:
    first = tiny.land("one", "a", "b")
    second = tiny.land("two", "c", accept=False)
    loader = tiny.as_role("loader")
    loader.execute("update landing.src__t set _to_batch = %s where id = 'a'", [second])
    tiny.open_batch("three")
    assert current_keys(tiny) == ["a", "b"]
    rows = tiny.as_role("auditor").execute("select batch_seq, status from ctl.batch order by 1")
    assert rows.fetchall()[:2] == [(first, "accepted"), (second, "rejected")]


def test_a_batch_that_is_not_accepted_is_not_frozen_into_a_release(tiny: TinyWarehouse) -> None:
    accepted = tiny.land("one", "a")
    tiny.land("two", "b", accept=False)
    release = tiny.open_release(date(2026, 7, 31))
    frozen = tiny.call(
        "auditor", "select batch_seq from ctl.release_input where release_id = %s", release
    )
    assert frozen == accepted


def test_a_replay_makes_a_source_no_fresher(tiny: TinyWarehouse) -> None:
    read = tiny.land("one", "a")
    replayed = tiny.land("two", "b")
    admin = tiny.as_role("admin")
    admin.execute("set role rapport_owner")
    admin.execute(
        "update ctl.batch set completed_at = completed_at - interval '5 hours'"
        " where batch_seq = %s",
        [read],
    )
    admin.execute(
        """update ctl.batch set snapshot = '{"connector": "quarantine"}' where batch_seq = %s""",
        [replayed],
    )
    release = tiny.open_release(date(2026, 7, 31))
    frozen = tiny.as_role("auditor").execute(
        "select batch_seq, round(staleness_hours) from ctl.release_input where release_id = %s",
        [release],
    )
    assert frozen.fetchone() == (replayed, 5)


def test_a_batch_without_passing_evidence_is_not_accepted(tiny: TinyWarehouse) -> None:
    batch = tiny.land("one", "a", accept=False)
    tiny.evidence("landing", "src__t", batch=batch, is_passed=False)
    answer = tiny.call("validator", "select ctl.accept_batch(%s)", batch)
    assert answer["decision"] == "refused"
    assert "no passing evidence" in answer["reasons"][0]


def test_a_batch_whose_rows_do_not_match_its_record_is_not_accepted(tiny: TinyWarehouse) -> None:
    batch = tiny.land("one", "a", accept=False)
    tiny.as_role("loader").execute(
        "insert into landing.src__t (id, v, _from_batch) values ('extra', 'x', %s)", [batch]
    )
    tiny.evidence("landing", "src__t", batch=batch)
    answer = tiny.call("validator", "select ctl.accept_batch(%s)", batch)
    assert answer["reasons"] == ["landing.src__t holds 2 rows of this batch, 1 were recorded"]


def test_counts_that_do_not_add_up_are_refused_by_the_table(tiny: TinyWarehouse) -> None:
    batch, fence = tiny.open_batch("one")
    counts = '{"read": 2, "landed": 1, "unchanged": 0, "quarantined": 0, "deduplicated": 0,'
    counts += ' "superseded": 0, "tombstoned": 0}'
    with pytest.raises(psycopg.errors.CheckViolation, match="every_row_is_accounted_for"):
        tiny.call("loader", "select ctl.record_table(%s, %s, 't', %s::jsonb)", batch, fence, counts)


def test_a_retry_ends_the_process_before_it_and_fences_it_off(tiny: TinyWarehouse) -> None:
    zombie = dsn.connect(dsn.role_dsn(tiny.settings, "loader"), autocommit=True)
    opened = zombie.execute(
        "select * from ctl.open_batch('src', 'run', %s, 'hash')", [TREE]
    ).fetchone()
    assert opened is not None
    batch, fence = tiny.open_batch("run")
    assert batch > opened[0]
    assert fence == opened[1] + 1
    with pytest.raises(psycopg.OperationalError):
        zombie.execute("select 1")
    with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState, match="passed to a later run"):
        tiny.call("loader", "select ctl.assert_lease('src', %s)", opened[1])


def test_a_batch_that_failed_its_gate_is_read_anew_by_the_same_run(tiny: TinyWarehouse) -> None:
    failed = tiny.land("one", "a", accept=False)
    tiny.evidence("landing", "src__t", batch=failed, is_passed=False)
    batch, fence = tiny.open_batch("one")
    assert batch > failed
    assert fence is not None
    assert current_keys(tiny) == []


def test_another_run_waits_for_a_living_one(tiny: TinyWarehouse) -> None:
    tiny.open_batch("run one")
    with dsn.connect(dsn.role_dsn(tiny.settings, "loader")) as other:
        with pytest.raises(psycopg.errors.ObjectInUse, match="read by run run one since"):
            other.execute("select * from ctl.open_batch('src', 'run two', %s, 'hash')", [TREE])
        other.rollback()


def test_a_run_that_asks_again_for_its_finished_batch_has_nothing_to_do(
    tiny: TinyWarehouse,
) -> None:
    batch = tiny.land("one", "a")
    assert tiny.open_batch("one") == (batch, None)
