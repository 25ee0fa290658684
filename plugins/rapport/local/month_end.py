"""The date a run is for when nobody names one."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from rapport.settings import Settings


def last_month_end(settings: Settings, now: datetime | None = None) -> date:
    """Last day of the month before ``now`` (an instant; the present one if unset),
    as the calendar hangs in the business time zone."""
    zone = ZoneInfo(settings.business_time_zone)
    today = (now or datetime.now(zone)).astimezone(zone).date()
    return today.replace(day=1) - timedelta(days=1)
