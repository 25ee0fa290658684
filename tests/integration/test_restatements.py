"""An old date published anew flags what read it, and each changed figure is told."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal

import pytest

from rapport.local.postgres import EmbeddedPostgres
from rapport.publishing import releases, restatements
from support.tiny_release import TinyWarehouse, tiny_warehouse

JULY, AUGUST, SEPTEMBER = date(2026, 7, 31), date(2026, 8, 31), date(2026, 9, 30)


@pytest.fixture
def tiny(server: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch) -> Iterator[TinyWarehouse]:
    with tiny_warehouse(server, monkeypatch) as warehouse:
        warehouse.land("first", "a")
        yield warehouse


def flagged(tiny: TinyWarehouse) -> list[date]:
    rows = tiny.as_role("bi_reader").execute(
        "select as_of_date from mart.freshness where needs_restatement order by 1"
    )
    return [day for (day,) in rows.fetchall()]


def test_dates_that_read_a_date_published_anew_are_flagged_until_they_are_made_again(
    tiny: TinyWarehouse,
) -> None:
    first = tiny.released(JULY, {"a": "1.00"})
    tiny.released(AUGUST, {"a": "1.00"})
    tiny.released(SEPTEMBER, {"a": "1.00"})
    assert flagged(tiny) == []
    tiny.released(JULY, {"a": "2.00"})
    assert flagged(tiny) == [AUGUST, SEPTEMBER]
    tiny.released(AUGUST, {"a": "1.00"})
    assert flagged(tiny) == [SEPTEMBER]
    tiny.released(SEPTEMBER, {"a": "1.00"})
    assert flagged(tiny) == []
    releases.rollback(tiny.settings, first, actor="me", reason="wrong")
    assert flagged(tiny) == [AUGUST, SEPTEMBER]
    told = {r.as_of_date for r in releases.list_releases(tiny.settings) if r.needs_restatement}
    assert told == {AUGUST, SEPTEMBER}


def test_a_month_published_late_flags_the_one_that_had_to_do_without_it(
    tiny: TinyWarehouse,
) -> None:
    tiny.released(AUGUST, {"a": "1.00"})
    tiny.released(JULY, {"a": "1.00"})
    assert flagged(tiny) == [AUGUST]


def test_changed_cells_and_rows_are_told_with_their_difference(tiny: TinyWarehouse) -> None:
    first = tiny.released(JULY, {"a": "1.00", "b": "5.00", "same": "3.00"})
    second = tiny.released(JULY, {"a": "1.01", "c": "7.00", "same": "3.00"})
    rows = tiny.as_role("bi_reader").execute(
        "select key_values ->> 'client_id', change, column_name, old_value, new_value, difference"
        " from mart.restatements where as_of_date = %s order by 1",
        [JULY],
    )
    assert rows.fetchall() == [
        ("a", "changed", "amount", "1.00", "1.01", Decimal("0.01")),
        ("b", "removed", None, None, None, None),
        ("c", "added", None, None, None, None),
    ]
    told = restatements.summary(tiny.settings, JULY)
    assert {(t.old_release_id, t.release_id, t.edition) for t in told} == {(first, second, 2)}
    assert [t.difference for t in told if t.column_name == "amount"] == [Decimal("0.01")]
    assert len(list(restatements.cells(tiny.settings))) == 3
    assert restatements.summary(tiny.settings, AUGUST) == []


def test_an_edition_pinned_before_a_restatement_knows_nothing_of_it(tiny: TinyWarehouse) -> None:
    tiny.released(JULY, {"a": "1.00"})
    tiny.released(AUGUST, {"a": "1.00"})
    tiny.released(JULY, {"a": "2.00"})
    tiny.as_role("bi_reader").execute("set mart.edition = '2'")
    assert flagged(tiny) == []
    assert tiny.call("bi_reader", "select count(*) from mart.restatements") == 0


def test_what_the_input_of_a_kept_release_read_is_kept_too(
    tiny: TinyWarehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAPPORT_KEEP_RELEASES", "1")
    read = [tiny.released(day, {"a": "1.00"}) for day in (JULY, AUGUST)]
    tiny.released(SEPTEMBER, {"a": "1.00"})
    for day in (JULY, AUGUST):
        tiny.released(day, {"a": "2.00"})
    from rapport.settings import load

    assert releases.prune(load()) == []
    kept = {r.release_id for r in releases.list_releases(tiny.settings) if r.status == "published"}
    assert set(read) < kept
