"""The parts of a date format of the contract language, as regular expressions."""

from __future__ import annotations

import re
from datetime import date, datetime

_TOKENS = {
    "YYYY": ("year", r"(\d{4})"),
    "YY": ("year", ""),
    "Mon": ("month", r"([A-Za-z]{3})"),
    "MM": ("month", r"(\d{2})"),
    "M": ("month", r"(\d{1,2})"),
    "DD": ("day", r"(\d{2})"),
    "D": ("day", r"(\d{1,2})"),
    "HH": ("hour", r"(\d{2})"),
    "H": ("hour", r"(\d{1,2})"),
    "MI": ("minute", r"(\d{2})"),
    "SS": ("second", r"(\d{2}(?:\.\d+)?)"),
}
_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
ISO = "ISO"
SAS = "SAS"
"""Formats by name: ISO 8601, and days since 1960-01-01 as SAS counts them."""
SAS_PATTERN = r"^-?\d{1,5}$"
_TOKEN = re.compile('"[^"]*"|YYYY|YY|Mon|MM|MI|M|DD|D|HH|H|SS')


def date_pattern(format_: str, two_digit_year: str) -> tuple[str, dict[str, int]]:
    """Expression for a format, one group for each part, and the number of each part's group."""
    places: dict[str, int] = {}
    pattern = "^"
    position = 0
    for match in _TOKEN.finditer(format_):
        pattern += re.escape(format_[position : match.start()])
        position = match.end()
        if match.group().startswith('"'):  # quoted: stands there as it is
            pattern += re.escape(match.group()[1:-1])
            continue
        part, expression = _TOKENS[match.group()]
        pattern += expression or two_digit_year
        places[part] = len(places) + 1
    return pattern + re.escape(format_[position:]) + "$", places


def written(value: date, format_: str) -> str:
    """A date (or time) of a workbook in the notation its column declares."""
    if format_ in (ISO, SAS):
        return str(value)
    moment = value if isinstance(value, datetime) else datetime(value.year, value.month, value.day)
    parts = {
        "YYYY": f"{moment.year:04}",
        "YY": f"{moment.year % 100:02}",
        "Mon": _MONTHS[moment.month - 1],
        "MM": f"{moment.month:02}",
        "M": str(moment.month),
        "DD": f"{moment.day:02}",
        "D": str(moment.day),
        "HH": f"{moment.hour:02}",
        "H": str(moment.hour),
        "MI": f"{moment.minute:02}",
        "SS": f"{moment.second:02}",
    }
    return _TOKEN.sub(lambda found: parts.get(found.group(), found.group().strip('"')), format_)
