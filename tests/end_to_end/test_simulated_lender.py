"""The whole line on a simulated lender: what a user sees, what is landed again, what is rebuilt."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from rapport.pipeline import runner, steps
from rapport.settings import load
from support.published_lender import AS_OF, FirstRun, Lender

_COUNTS = """
    select b.source || '.' || t.table_name, t.rows_landed, t.rows_unchanged, t.rows_quarantined
    from ctl.batch_table as t join ctl.batch as b using (batch_seq) where b.run_key = %s"""


@pytest.fixture
def world_state() -> Iterator[None]:
    """What the simulator remembers of its world, put back after a test that moves it on."""
    path = load().state / "simulator" / "state.json"
    before = path.read_bytes()
    yield
    path.write_bytes(before)


def test_the_command_line_publishes_every_mart_and_says_so(
    first_run: FirstRun, lender: Lender
) -> None:
    assert "published" in first_run.output
    counts = lender.rows("select mart, row_count from ctl.store_mart order by 1")
    assert {mart for mart, _ in counts} >= {
        "clients",
        "loan_risk",
        "client_value",
        "client_satisfaction",
    }
    for mart, count in counts:
        assert count > 0
        assert mart in first_run.output
        query = f"select count(*), count(distinct as_of_date), min(as_of_date) from mart.{mart}"
        assert lender.rows(query, role="bi_reader") == [(count, 1, AS_OF)]


def test_every_row_read_is_accounted_for_and_every_clean_one_is_landed(lender: Lender) -> None:
    for source, url in lender.sources.items():
        tables = lender.rows(
            "select t.table_name, t.rows_read, t.rows_landed from ctl.batch_table as t"
            " join ctl.batch as b using (batch_seq) where b.source = %s",
            source,
        )
        assert url
        assert tables
        for table, read, landed in tables:
            assert lender.count(source, table) == read == landed, (source, table)


def test_readers_find_how_old_each_input_of_the_release_is(lender: Lender) -> None:
    rows = lender.rows(
        "select source, is_stale, release_id from mart.freshness where as_of_date = %s",
        AS_OF,
        role="bi_reader",
    )
    assert {row[0] for row in rows} >= {"crm", "loans"}
    assert not any(row[1] for row in rows)


@pytest.mark.usefixtures("world_state")
def test_a_release_is_rebuilt_to_the_same_hashes_with_any_threads_and_after_the_world_moved_on(
    lender: Lender, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rapport.simulator.run import advance

    first = lender.current_release()
    [(known_at,)] = lender.rows("select frozen_at from ctl.release where release_id = %s", first)
    assert isinstance(known_at, datetime)

    monkeypatch.setenv("RAPPORT_DBT_THREADS", "1")
    one = runner.run(load(), AS_OF, known_at=known_at)
    assert lender.hashes(one.release_id) == lender.hashes(first)

    changes = advance(lender.settings, dsns=lender.sources).changes
    for source in lender.sources:
        steps.extract(lender.settings, source, "a month later")
    steps.validate_landing(lender.settings, "a month later")
    landed = {table: landed for table, landed, _, _ in lender.rows(_COUNTS, "a month later")}
    for entity, (inserted, updated) in changes.items():
        found = [n for table, n in landed.items() if table.endswith(f".{entity}")]
        assert found == [inserted + updated], entity
    assert sum(landed.values()) > 0

    monkeypatch.setenv("RAPPORT_DBT_THREADS", "4")
    four = runner.run(load(), AS_OF, known_at=known_at)
    assert lender.hashes(four.release_id) == lender.hashes(first)
    assert four.edition > one.edition
    assert Path(four.report).is_file()
