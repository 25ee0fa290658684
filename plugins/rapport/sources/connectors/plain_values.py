"""Text that is plainly of its type, recognised column by column, many rows at a time.

This is the quick half of reading text. Whatever it does not recognise at a glance (an exponent, an
hour that summer time skips, a misprint) is left to the careful half, ``rapport.landing.formats``,
which decides in the database. A value accepted here must mean there exactly the same.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from rapport.sources.connectors.plain_dates import (
    CLOCK,
    Judge,
    Remembering,
    date_judge,
    instant_judge,
)
from rapport.sources.table_contract import Column

NULL = r"\N"
"""How COPY reads NULL in its text format."""
SPACES = " \t\r\n\u00a0\u3000\u200b\ufeff"
_INTEGER_DIGITS = {"smallint": 4, "integer": 9, "bigint": 18}
_WORDS = ("t", "true", "f", "false", "y", "yes", "n", "no", "on", "off", "1", "0")
_BOOLEANS = frozenset(form for word in _WORDS for form in (word, word.upper(), word.title()))
_SPECIAL = "\\\t\n\r\0"

Values = Sequence[str | None]


class PlainColumn:
    """Reads the values of one column; ``read`` gives texts for COPY and the rows to leave."""

    def __init__(self, column: Column, judge: Judge, quick: re.Pattern[str] | None) -> None:
        self._nulls = frozenset(column.null_values)
        self._judge = judge
        self._quick = quick
        self._is_text = column.type == "text"

    def after_removing(self, parts: Sequence[str]) -> PlainColumn:
        """The same reading of values from which the contract removes some texts first."""
        judge = self._judge

        def removed(value: str) -> str | None:
            for part in parts:
                value = value.replace(part, "")
            return judge(value)

        self._judge, self._quick = removed, None
        return self

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


def plain_column(column: Column, time_zone: str) -> PlainColumn | None:
    """How to read a column quickly; None when all its values need the careful reading.

    Args:
        time_zone: of times without one, where the contract names none (IANA).
    """
    if column.type == "text":
        judge = _text_judge(column)
        return None if judge is None else PlainColumn(column, judge, None)
    kind = column.type.split("(")[0]
    reader = _typed(column, kind, time_zone)
    steps = column.normalise
    return reader if steps is None else reader.after_removing(steps.remove)


def _typed(column: Column, kind: str, time_zone: str) -> PlainColumn:
    if kind in _INTEGER_DIGITS:
        pattern = re.compile(rf"[+-]?[0-9]{{1,{_INTEGER_DIGITS[kind]}}}")
        return PlainColumn(column, _number_judge(column, pattern, is_whole=True), pattern)
    if kind == "numeric":
        return _numeric(column)
    if kind == "boolean":
        return PlainColumn(column, _stripped(lambda v: v if v in _BOOLEANS else None), None)
    if kind in ("time", "interval"):
        hours = CLOCK if kind == "time" else r"\d{1,4}:[0-5]\d:[0-5]\d"
        pattern = re.compile(hours, re.ASCII)
        return PlainColumn(column, _stripped(lambda v: v if pattern.fullmatch(v) else None), None)
    judge = date_judge(column) if kind == "date" else instant_judge(column, kind, time_zone)
    remembered = Remembering(_stripped(judge))
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
