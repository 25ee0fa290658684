"""How the text of one column becomes its type: SQL for the prepared text and for its validity.

Only plain notations are read. PostgreSQL itself would also take 'NaN', 'infinity', 'now',
'0x1F' or '1_000', which in a file are defects, not values.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from rapport.sources.formats import ISO, SAS, SAS_PATTERN, date_pattern
from rapport.sources.table_contract import Column, Normalise
from rapport.warehouse.ddl import literal

# Also the spaces that trim() leaves alone: no-break, ideographic (full width), zero width.
SPACES = "E' \\t\\r\\n\\u00a0\\u3000\\u200b\\ufeff'"

_DATE = r"\d{4}-\d{2}-\d{2}"
_CLOCK = r"\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?"
_ZONE = r"(Z|[+-]\d{2}(:?\d{2})?)"


class Reading(NamedTuple):
    """SQL over raw text: ``text`` (NULL for a null value), ``valid`` and ``value`` over that text.

    ``valid`` and ``value`` refer to the prepared text as ``{v}``.
    """

    text: str
    valid: str
    value: str


def reading(column: Column, raw: str, time_zone: str) -> Reading:
    """How to read ``raw`` (SQL for the raw text) as the column's type."""
    nulls = ", ".join(literal(v) for v in column.null_values)
    text = f"case when {raw} in ({nulls}) then null else {raw} end" if nulls else raw
    if column.type == "text":
        return _text(column.normalise, text)
    steps = column.normalise or Normalise()
    text = f"nullif(btrim({_removed(steps, text)}, {SPACES}), '')"
    kind = column.type.split("(")[0]
    if kind == "numeric":
        return _number(column, text)
    if kind in ("smallint", "integer", "bigint"):
        whole = f"regexp_replace({_removed_thousands(column, text)}, '\\.0+$', '')"
        return _plain(column.type, whole, r"^[+-]?\d+$")
    if kind == "boolean":
        return Reading(text, "pg_input_is_valid({v}, 'boolean')", "{v}::boolean")
    if kind == "time":
        return _plain("time", text, rf"^{_CLOCK}$")
    if kind == "interval":
        return _plain("interval", text, r"^-?\d+:\d{2}:\d{2}(\.\d+)?$")
    return _instant(column, text, time_zone)


def _text(steps: Normalise | None, text: str) -> Reading:
    if steps is None:
        return Reading(text, "true", "{v}")
    text = _removed(steps, text)
    if steps.strip:
        text = f"nullif(btrim({text}, {SPACES}), '')"
    if steps.case:
        text = f"{steps.case}({text})"
    if steps.match is None:
        return Reading(text, "true", f"{literal(steps.prefix)} || {{v}}" if steps.prefix else "{v}")
    caught = f"substring({{v}} from {literal(steps.match)})"
    if steps.pad:
        caught = f"lpad({caught}, greatest({steps.pad}, length({caught})), '0')"
    return Reading(text, f"{{v}} ~ {literal(steps.match)}", f"{literal(steps.prefix)} || {caught}")


def _plain(type_: str, text: str, pattern: str) -> Reading:
    fits = f"pg_input_is_valid({{v}}, {literal(type_)})"
    valid = f"case when {{v}} ~ {literal(pattern)} then {fits} else false end"
    return Reading(text, valid, f"{{v}}::{type_}")


def _number(column: Column, text: str) -> Reading:
    return _plain(
        column.type,
        _removed_thousands(column, text),
        r"^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?$",
    )


def _removed_thousands(column: Column, text: str) -> str:
    if column.thousands:
        # Only where groups of three stand: 1,50 is not 150.
        mark = re.escape(column.thousands)
        grouped = literal(rf"^[+-]?\d{{1,3}}({mark}\d{{3}})+(\D\d*)?$")
        bare = f"replace({text}, {literal(column.thousands)}, '')"
        text = f"case when {text} ~ {grouped} then {bare} else {text} end"
    if column.decimal == ",":
        # A point that is neither decimal nor thousands makes the text no number.
        text = f"translate({text}, ',.', '.,')"
    return text


def _instant(column: Column, text: str, time_zone: str) -> Reading:
    kind = column.type
    readings = [_notation(kind, format_) for format_ in column.formats or (ISO,)]
    matches = " or ".join(f"{{v}} ~ {literal(pattern)}" for _, pattern in readings)
    iso = readings[0][0]
    if len(readings) > 1:
        cases = (f"when {{v}} ~ {literal(pattern)} then {text_}" for text_, pattern in readings)
        iso = f"(case {' '.join(cases)} end)"
    if kind != "timestamptz":
        valid = f"case when {matches} then pg_input_is_valid({iso}, {literal(kind)}) else false end"
        return Reading(text, valid, f"{iso}::{kind}")
    zone = literal(column.time_zone or time_zone)
    zoned = f"{iso} ~ " + literal(rf":\d{{2}}(\.\d+)? ?{_ZONE}$")
    local = f"{iso}::timestamp"
    # A local time that the change to summer time leaves out would silently move by an hour.
    exists = f"({local} at time zone {zone}) at time zone {zone} = {local}"
    valid = (
        f"case when not ({matches}) then false"
        f" when {zoned} then pg_input_is_valid({iso}, 'timestamptz')"
        f" when pg_input_is_valid({iso}, 'timestamp') then {exists} else false end"
    )
    placed = f"{local} at time zone {zone}"
    return Reading(text, valid, f"case when {zoned} then {iso}::timestamptz else {placed} end")


def _notation(kind: str, format_: str) -> tuple[str, str]:
    """SQL that gives the ISO text of ``{v}``, and the pattern that ``{v}`` must have."""
    if format_ == SAS:
        return "to_char(date '1960-01-01' + {v}::integer, 'YYYY-MM-DD')", SAS_PATTERN
    if format_ != ISO:
        return _iso(format_)
    if kind == "date":
        return "{v}", rf"^{_DATE}([T ]0?0:00(:00(\.0+)?)?)?$"
    zone = "" if kind == "timestamp" else rf" ?{_ZONE}?"
    return "{v}", rf"^{_DATE}([T ]{_CLOCK}{zone})?$"


def _iso(format_: str) -> tuple[str, str]:
    """SQL that rewrites ``{v}`` of a format to ISO, and the pattern that the text must have."""
    expected, places = date_pattern(format_, r"(\d{2})")
    result = rf"\{places['year']}-\{places['month']}-\{places['day']}"
    clock = [places[p] for p in ("hour", "minute", "second") if p in places]
    if clock:
        result += "T" + ":".join(rf"\{n}" for n in clock)
    if "YYYY" in format_:
        return _rewritten("{v}", expected, result), expected
    # Two digits: 70-99 are the last century.
    last, _ = date_pattern(format_, r"([7-9]\d)")
    this, _ = date_pattern(format_, r"([0-6]\d)")
    return _rewritten(_rewritten("{v}", last, "19" + result), this, "20" + result), expected


def _rewritten(text: str, pattern: str, result: str) -> str:
    return f"regexp_replace({text}, {literal(pattern)}, {literal(result)})"


def _removed(steps: Normalise, text: str) -> str:
    for part in steps.remove:
        text = f"replace({text}, {literal(part)}, '')"
    return text
