"""Text that is plainly of its type, recognised column by column, many rows at a time.

This is the quick half of reading text. Whatever it does not recognise at a glance (an exponent, an
hour that summer time skips, a misprint) is left to the careful half, ``rapport.landing.formats``,
which decides in the database. A value accepted here must mean there exactly the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from rapport.sources.formats import date_pattern
from rapport.sources.table_contract import Column

NULL = r"\N"
"""How COPY reads NULL in its text format."""
SPACES = " \t\r\n\u00a0\u3000\u200b\ufeff"
_INTEGER_DIGITS = {"smallint": 4, "integer": 9, "bigint": 18}
_WORDS = ("t", "true", "f", "false", "y", "yes", "n", "no", "on", "off", "1", "0")
_BOOLEANS = frozenset(form for word in _WORDS for form in (word, word.upper(), word.title()))
_CLOCK = r"([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,6})?)?"
_ZONE = r" ?(Z|[+-](0\d|1[0-4])(:?[0-5]\d)?)"
_DAY = r"[1-9]\d{3}-\d{2}-\d{2}"
_NAMES = "jan feb mar apr may jun jul aug sep oct nov dec"
_MONTHS = {name: number for number, name in enumerate(_NAMES.split(), start=1)}
_REMEMBERED = 50_000
_SPECIAL = "\\\t\n\r\0"

Values = Sequence[str | None]
Judge = Callable[[str], str | None]
"""A value as COPY may read it, or None when it is not plain."""


class PlainColumn:
    """Reads the values of one column; ``read`` gives texts for COPY and the rows to leave."""

    def __init__(self, column: Column, judge: Judge, quick: re.Pattern[str] | None) -> None:
        self._nulls = frozenset(column.null_values)
        self._judge = judge
        self._quick = quick
        self._is_text = column.type == "text"

    def read(self, values: Values) -> tuple[Sequence[str], list[int]]:
        """Texts for COPY (escaped), and indices of values that are not plain."""
        if self._is_text:
            return self._texts(values)
        if self._quick is not None and None not in values:
            if all(map(self._quick.fullmatch, values)):  # type: ignore[arg-type]
                return values, []  # type: ignore[return-value]
            if "" in self._nulls and all(map(self._quick.fullmatch, filter(None, values))):
                return [v or NULL for v in values], []
        judged = [NULL if v is None or v in self._nulls else self._judge(v) for v in values]
        return _split(judged)

    def _texts(self, values: Values) -> tuple[Sequence[str], list[int]]:
        joined = "".join(filter(None, values))
        if self._judge is _any_text and not any(c in joined for c in _SPECIAL):
            if self._nulls == {""}:
                return [v or NULL for v in values], []
            return [NULL if v is None or v in self._nulls else v for v in values], []
        return _split([self._text(v) for v in values])

    def _text(self, value: str | None) -> str | None:
        if value is None or value in self._nulls:
            return NULL
        judged = None if "\0" in value else self._judge(value)
        return judged if judged is None or judged is NULL else escaped(judged)


class _Remembering(dict[str, str | None]):
    """Judgements by value: dates repeat."""

    def __init__(self, judge: Judge) -> None:
        super().__init__()
        self._judge = judge

    def __missing__(self, value: str) -> str | None:
        if len(self) >= _REMEMBERED:
            self.clear()
        judged = self[value] = self._judge(value)
        return judged


def plain_column(column: Column, time_zone: str) -> PlainColumn | None:
    """How to read a column quickly; None when all its values need the careful reading.

    Args:
        time_zone: of times without one, where the contract names none (IANA).
    """
    if column.type == "text":
        judge = _text_judge(column)
        return None if judge is None else PlainColumn(column, judge, None)
    if column.normalise is not None:
        return None
    kind = column.type.split("(")[0]
    if kind in _INTEGER_DIGITS:
        pattern = re.compile(rf"[+-]?[0-9]{{1,{_INTEGER_DIGITS[kind]}}}")
        return PlainColumn(column, _number_judge(column, pattern, is_whole=True), pattern)
    if kind == "numeric":
        return _numeric(column)
    if kind == "boolean":
        return PlainColumn(column, _stripped(lambda v: v if v in _BOOLEANS else None), None)
    if kind in ("time", "interval"):
        hours = _CLOCK if kind == "time" else r"\d{1,4}:[0-5]\d:[0-5]\d"
        pattern = re.compile(hours, re.ASCII)
        return PlainColumn(column, _stripped(lambda v: v if pattern.fullmatch(v) else None), None)
    judge = _date_judge(column) if kind == "date" else _instant_judge(column, kind, time_zone)
    remembered = _Remembering(_stripped(judge))
    return PlainColumn(column, remembered.__getitem__, None)


def escaped(value: str | None) -> str:
    """A value as COPY reads it in its text format."""
    if value is None:
        return NULL
    text = value.replace("\\", "\\\\").replace("\t", "\\t")
    return text.replace("\n", "\\n").replace("\r", "\\r")


def _split(judged: list[str | None]) -> tuple[Sequence[str], list[int]]:
    if None not in judged:
        return judged, []  # type: ignore[return-value]
    unfit = [i for i, v in enumerate(judged) if v is None]
    return [v if v is not None else "" for v in judged], unfit


def _stripped(judge: Judge) -> Judge:
    def judged(value: str) -> str | None:
        text = value.strip(SPACES)
        return judge(text) if text else NULL

    return judged


def _any_text(value: str) -> str | None:
    return value


def _text_judge(column: Column) -> Judge | None:
    steps = column.normalise
    if steps is None:
        return _any_text
    if steps.match is not None or steps.prefix:
        return None

    def judge(value: str) -> str | None:
        for part in steps.remove:
            value = value.replace(part, "")
        if steps.strip:
            value = value.strip(SPACES)
            if not value:
                return NULL
        if steps.case:
            if not value.isascii():
                return None
            value = value.upper() if steps.case == "upper" else value.lower()
        return value

    return judge


def _numeric(column: Column) -> PlainColumn:
    precision, scale = (int(n) for n in re.findall(r"\d+", column.type))
    # One digit less than would fit: rounding may add one.
    digits = precision - scale - 1
    whole = rf"[0-9]{{1,{digits}}}" if digits > 0 else "0"
    places = 40 if precision > scale else scale
    pattern = re.compile(rf"[+-]?({whole}(\.[0-9]{{0,{places}}})?|\.[0-9]{{1,{places}}})")
    quick = pattern if column.decimal == "." else None
    return PlainColumn(column, _number_judge(column, pattern, is_whole=False), quick)


def _number_judge(column: Column, pattern: re.Pattern[str], *, is_whole: bool) -> Judge:
    mark = column.thousands
    grouped = mark and re.compile(rf"[+-]?\d{{1,3}}({re.escape(mark)}\d{{3}})+(\D\d*)?", re.ASCII)
    swapped = str.maketrans(",.", ".,") if column.decimal == "," else None
    zeros = re.compile(r"\.0+$") if is_whole else None

    def judge(text: str) -> str | None:
        if grouped and grouped.fullmatch(text):
            text = text.replace(mark or "", "")
        if swapped:
            text = text.translate(swapped)
        if zeros:
            text = zeros.sub("", text)
        return text if pattern.fullmatch(text) else None

    return _stripped(judge)


def _date_judge(column: Column) -> Judge:
    if column.format:
        return _formatted(column.format, has_clock=False)
    pattern = re.compile(rf"({_DAY})([T ]0?0:00(:00(\.0+)?)?)?", re.ASCII)

    def judge(text: str) -> str | None:
        found = pattern.fullmatch(text)
        return _day(found.group(1)) if found else None

    return judge


def _instant_judge(column: Column, kind: str, time_zone: str) -> Judge:
    formatted = _formatted(column.format, has_clock=True) if column.format else None
    local = re.compile(rf"{_DAY}([T ]{_CLOCK})?", re.ASCII)
    zoned = re.compile(rf"{_DAY}[T ]{_CLOCK}{_ZONE}", re.ASCII)
    zone = column.time_zone or time_zone
    changes = _Remembering(lambda day: "" if _changes_clock(day, zone) else day)

    def judge(text: str) -> str | None:
        if formatted is not None:
            found = formatted(text)
            if found is None:
                return None
            text = found
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


def _formatted(format_: str, *, has_clock: bool) -> Judge:
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
