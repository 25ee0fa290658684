"""Dates and times that are plainly what they say; see ``plain_values``."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from rapport.sources.formats import ISO, SAS, SAS_PATTERN, date_pattern
from rapport.sources.table_contract import Column

Judge = Callable[[str], str | None]
"""A value as COPY may read it, or None when it is not plain."""
CLOCK = r"([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,6})?)?"
_ZONE = r" ?(Z|[+-](0\d|1[0-4])(:?[0-5]\d)?)"
_DAY = r"[1-9]\d{3}-\d{2}-\d{2}"
_NAMES = "jan feb mar apr may jun jul aug sep oct nov dec"
_MONTHS = {name: number for number, name in enumerate(_NAMES.split(), start=1)}
_REMEMBERED = 50_000


class Remembering(dict[str, str | None]):
    """Judgements by value: dates repeat."""

    def __init__(self, judge: Judge) -> None:
        super().__init__()
        self._judge = judge

    def __missing__(self, value: str) -> str | None:
        if len(self) >= _REMEMBERED:
            self.clear()
        judged = self[value] = self._judge(value)
        return judged


def date_judge(column: Column) -> Judge:
    """How to read the stripped text of a date."""
    if column.formats:
        return _first_of(column.formats, has_clock=False)
    return _iso_date()


def _iso_date() -> Judge:
    pattern = re.compile(rf"({_DAY})([T ]0?0:00(:00(\.0+)?)?)?", re.ASCII)

    def judge(text: str) -> str | None:
        found = pattern.fullmatch(text)
        return _day(found.group(1)) if found else None

    return judge


def instant_judge(column: Column, kind: str, time_zone: str) -> Judge:
    """How to read the stripped text of a time stamp, with or without zone."""
    formats = tuple(f for f in column.formats if f != ISO)
    formatted = _first_of(formats, has_clock=True) if formats else None
    takes_iso = not formats or ISO in column.formats
    local = re.compile(rf"{_DAY}([T ]{CLOCK})?", re.ASCII)
    zoned = re.compile(rf"{_DAY}[T ]{CLOCK}{_ZONE}", re.ASCII)
    zone = column.time_zone or time_zone
    changes = Remembering(lambda day: "" if _changes_clock(day, zone) else day)

    def judge(text: str) -> str | None:
        found = formatted(text) if formatted is not None else None
        if found is not None:
            text = found
        elif not takes_iso:
            return None
        elif kind == "timestamptz" and zoned.fullmatch(text):
            return text if _day(text[:10]) else None
        if not local.fullmatch(text) or not _day(text[:10]):
            return None
        if kind == "timestamp":
            return text
        return f"{text.replace('T', ' ')} {zone}" if changes[text[:10]] else None

    return judge


def _changes_clock(day: str, zone: str) -> bool:
    start = datetime.fromisoformat(day).replace(tzinfo=ZoneInfo(zone))
    if start.year > 9998:
        return True
    return start.utcoffset() != (start + timedelta(days=1)).utcoffset()


def _first_of(formats: Sequence[str], *, has_clock: bool) -> Judge:
    """The first format whose shape fits decides, also when the date is none: no second guess."""
    shapes = {ISO: rf"{_DAY}.*", SAS: SAS_PATTERN}
    judges = [
        (
            re.compile(shapes.get(f) or date_pattern(f, r"(\d{2})")[0], re.ASCII),
            _formatted(f, has_clock=has_clock),
        )
        for f in formats
    ]

    def judge(text: str) -> str | None:
        return next((j(text) for pattern, j in judges if pattern.fullmatch(text)), None)

    return judge


def _sas_day(text: str) -> str | None:
    if not re.fullmatch(r"-?\d{1,5}", text, re.ASCII):
        return None
    return str(date(1960, 1, 1) + timedelta(days=int(text)))


def _formatted(format_: str, *, has_clock: bool) -> Judge:
    if format_ == SAS:
        return _sas_day
    if format_ == ISO:
        return _iso_date()
    expected, places = date_pattern(format_, r"(\d{2})")
    if not {"year", "month", "day"} <= set(places):
        return lambda _: None
    pattern = re.compile(expected, re.ASCII)
    short_year = "YYYY" not in format_

    def judge(text: str) -> str | None:
        found = pattern.fullmatch(text)
        if found is None:
            return None
        part = {name: found.group(number) for name, number in places.items()}
        year = part["year"]
        if short_year:
            year = ("19" if int(year) >= 70 else "20") + year
        month = part["month"]
        number = int(month) if month.isdigit() else _MONTHS.get(month.lower(), 0)
        if year < "1000":
            return None
        day = _day(f"{year}-{number:02}-{int(part['day']):02}")
        clock = [part[p] for p in ("hour", "minute", "second") if p in part]
        if day is None or not clock or not has_clock:
            return None if clock and not has_clock else day
        return f"{day}T{':'.join(_padded(clock))}"

    return judge


def _padded(clock: Iterable[str]) -> list[str]:
    return [part if len(part) > 1 else f"0{part}" for part in clock]


def _day(text: str) -> str | None:
    try:
        date.fromisoformat(text)
    except ValueError:
        return None
    return text
