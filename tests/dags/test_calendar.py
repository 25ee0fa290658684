"""Which date a run is for, which sources it reads, when the month's run begins."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from rapport.errors import RapportError
from rapport.orchestration.calendar import (
    as_of_date,
    known_at,
    last_month_end,
    monthly_cron,
    sources_to_extract,
)

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("interval_end", "zone", "expected"),
    [
        (datetime(2026, 11, 1, 3, tzinfo=UTC), "Asia/Shanghai", date(2026, 10, 31)),
        (datetime(2026, 3, 1, 3, tzinfo=UTC), "Asia/Shanghai", date(2026, 2, 28)),
        (datetime(2024, 3, 1, 3, tzinfo=UTC), "Asia/Shanghai", date(2024, 2, 29)),
        (datetime(2026, 1, 1, 3, tzinfo=UTC), "Asia/Shanghai", date(2025, 12, 31)),
        (datetime(2026, 11, 1, 8, tzinfo=UTC), "America/New_York", date(2026, 10, 31)),
        (datetime(2026, 11, 1, 3, tzinfo=UTC), "Pacific/Kiritimati", date(2026, 10, 31)),
    ],
)
def test_the_end_of_the_interval_decides_the_date(
    interval_end: datetime, zone: str, expected: date
) -> None:
    # A backfill runs long after the interval: the time of the run must not matter.
    assert as_of_date(None, interval_end, NOW, zone) == expected


def test_a_requested_date_wins() -> None:
    assert as_of_date("2026-09-30", NOW, NOW, "Asia/Shanghai") == date(2026, 9, 30)


def test_a_run_without_an_interval_takes_the_month_that_is_over_where_the_business_is() -> None:
    still_october_in_utc = datetime(2026, 10, 31, 17, tzinfo=UTC)
    assert as_of_date(None, None, still_october_in_utc, "Asia/Shanghai") == date(2026, 10, 31)
    assert as_of_date(None, None, still_october_in_utc, "UTC") == date(2026, 9, 30)


def test_an_instant_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        last_month_end(datetime(2026, 11, 1), "Asia/Shanghai")


@pytest.mark.parametrize(
    ("zone", "expected"),
    [
        ("Asia/Shanghai", "0 3 1 * *"),
        ("UTC", "0 3 1 * *"),
        ("America/New_York", "0 8 1 * *"),
        ("America/St_Johns", "0 6 1 * *"),
        ("Pacific/Pago_Pago", "0 14 1 * *"),
    ],
)
def test_the_month_is_over_everywhere_when_its_run_begins(zone: str, expected: str) -> None:
    assert monthly_cron(zone) == expected
    hour = int(expected.split()[1])
    for month in range(1, 13):
        begins = datetime(2026, month, 1, hour, tzinfo=UTC)
        year, before = (2026, month - 1) if month > 1 else (2025, 12)
        day = last_month_end(begins, zone)
        assert (day.year, day.month) == (year, before)


def test_no_request_reads_all_enabled_sources_and_an_empty_one_none() -> None:
    assert sources_to_extract(None, None, ["loans", "crm"]) == ["crm", "loans"]
    assert sources_to_extract(["loans"], None, ["loans", "crm"]) == ["loans"]
    assert sources_to_extract([], None, ["loans", "crm"]) == []


def test_what_was_known_then_is_not_read_now() -> None:
    assert sources_to_extract(None, NOW, ["crm"]) == []
    with pytest.raises(RapportError, match="exclude each other"):
        sources_to_extract(["crm"], NOW, ["crm"])


def test_a_source_that_is_not_enabled_is_named() -> None:
    with pytest.raises(RapportError, match="Not enabled: eagle") as caught:
        sources_to_extract(["eagle", "crm"], None, ["crm", "loans"])
    assert "crm, loans" in str(caught.value.next_step)


def test_known_at_is_an_instant_in_the_past() -> None:
    assert known_at(None, NOW) is None
    assert known_at("2026-11-02T08:00:00+08:00", NOW) == datetime(2026, 11, 2, tzinfo=UTC)
    assert known_at("2026-11-02T08:00:00Z", NOW) == datetime(2026, 11, 2, 8, tzinfo=UTC)
    assert known_at("2026-11-02T08:00:00", NOW) == datetime(2026, 11, 2, 8, tzinfo=UTC)
    with pytest.raises(RapportError, match="future"):
        known_at("2027-01-01T00:00:00Z", NOW)
    with pytest.raises(RapportError, match="not an instant"):
        known_at("yesterday", NOW)
