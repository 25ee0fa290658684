"""The date a run is for when nobody names one."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo


def last_month_end(instant: datetime, time_zone: str) -> date:
    """The last day of the last month that was over at ``instant`` in the business time zone.

    For the end of a monthly data interval this is the day before it.
    """
    if instant.tzinfo is None:
        raise ValueError(f"{instant} has no time zone")
    return instant.astimezone(ZoneInfo(time_zone)).date().replace(day=1) - timedelta(days=1)
