"""Which date a run is for, and when the month's run begins: plain functions of plain values."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from rapport.errors import RapportError
from rapport.month_end import last_month_end

_HOUR_OF_MONTH_RUN = 3


def monthly_cron(time_zone: str, on: date = date(2000, 1, 1)) -> str:
    """Cron line (UTC) of the month's run: three in the morning of the first, where the business is.

    Never before 03:00 UTC: east of Greenwich the first begins on the day before in UTC, and
    ``backfill --from-date 2026-01-01 --to-date 2026-03-31`` would then give wrong months.
    """
    offset = datetime(on.year, on.month, on.day, tzinfo=ZoneInfo(time_zone)).utcoffset()
    hours_behind = max(0, -(offset or timedelta()) // timedelta(hours=1))
    return f"0 {_HOUR_OF_MONTH_RUN + hours_behind} 1 * *"


def as_of_date(
    requested: str | None, interval_end: datetime | None, run_after: datetime, time_zone: str
) -> date:
    """The date a run makes: as requested, else the month-end its data interval ends with.

    A run triggered without a logical date has no interval; ``run_after`` stands for its end.
    """
    if requested:
        return date.fromisoformat(requested)
    return last_month_end(interval_end or run_after, time_zone)


def known_at(requested: str | None, now: datetime) -> datetime | None:
    """The instant up to which batches count (``now`` gives the zone where none is written).

    Raises:
        RapportError: when it is no instant, or lies in the future, where batches still come in.
    """
    if not requested:
        return None
    try:
        instant = datetime.fromisoformat(requested)
    except ValueError:
        raise RapportError(
            f"known_at {requested!r} is not an instant.",
            next_step="Write it as 2026-11-02T08:00:00+08:00.",
        ) from None
    if instant.tzinfo is None:
        instant = instant.replace(tzinfo=now.tzinfo)
    if instant > now:
        raise RapportError(
            f"known_at {requested} lies in the future.",
            next_step="Leave known_at empty, or give an instant in the past.",
        )
    return instant


def sources_to_extract(
    requested: Sequence[str] | None, known: datetime | None, enabled: Sequence[str]
) -> list[str]:
    """The sources this run reads anew: those requested (all enabled if None), none with known_at.

    Raises:
        RapportError: when a source is not enabled, or when sources and known_at are both given.
    """
    if known is not None:
        if requested:
            raise RapportError(
                "sources and known_at exclude each other: what was known then cannot be read now.",
                next_step="Leave one of them empty.",
            )
        return []
    if requested is None:
        return sorted(enabled)
    if unknown := sorted(set(requested) - set(enabled)):
        raise RapportError(
            f"Not enabled: {', '.join(unknown)}.",
            next_step=f"Enabled are: {', '.join(sorted(enabled))}.",
        )
    return sorted(set(requested))
