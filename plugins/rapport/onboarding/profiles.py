"""What the values of a column look like: type, notation, how full, how distinct."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import date

from rapport.sources.connectors.plain_values import plain_column
from rapport.sources.formats import SAS
from rapport.sources.table_contract import Column

_BOOLEANS = (("true", "false"), ("yes", "no"), ("t", "f"), ("y", "n"))
_SAMPLE = 20_000
_DISTINCT = 200_000
_NULLS = ("NULL", "null", "N/A", "n/a", ".", "-")
# In the order in which a value that fits several is taken; ISO first.
DATE_FORMATS = (
    *(None, "YYYYMMDD", "YYYY/MM/DD", "DD.MM.YYYY", "M/D/YYYY", "D/M/YYYY", "DD-MM-YYYY"),
    *("DD-Mon-YYYY", "DD-Mon-YY", "M/D/YY", 'MM/DD/YYYY" 12:00:00 AM"'),
)
INSTANT_FORMATS = (
    *(None, "YYYY/MM/DD HH:MI:SS", "DD.MM.YYYY HH:MI", "DD.MM.YYYY HH:MI:SS", "M/D/YYYY H:MI"),
    *("D/M/YYYY H:MI", "DD/MM/YYYY HH:MI:SS", "M/D/YYYY H:MI:SS"),
)
_PERSON = re.compile(
    r"(^|_)(ssn|social|email|e_mail|phone|mobile|fax|birth|dob|passport|first_?name|last_?name"
    r"|middle|surname|given|id_card|national_id|address|street|iban)(_|$|\d)|身份证|姓名|电话|手机|邮箱|地址"
)
_MONEY = re.compile(r"amount|amt|balance|principal|payment|price|gross|金额|余额|本金")
_DATE_NAME = re.compile(r"date|_at$|日期")
_CODE = re.compile(r"(^|_)(zip|postcode|postal|naics|isic|code|phone)($|_)")


@dataclass
class ColumnProfile:
    """Counts over all values, and a sample of the different ones to judge the type by."""

    source: str
    name: str
    rows: int = 0
    nulls: int = 0
    sample: dict[str, None] = field(default_factory=dict)
    null_texts: dict[str, None] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)

    def see(self, value: str | None) -> None:
        self.rows += 1
        text = None if value is None else value.strip()
        if not text:
            self.nulls += 1
            return
        if text in _NULLS:
            self.null_texts[str(value)] = None
        if len(self.sample) < _SAMPLE:
            self.sample[text] = None
        if len(self.counts) < _DISTINCT or text in self.counts:
            self.counts[text] += 1

    @property
    def is_full(self) -> bool:
        return self.nulls == 0 and self.rows > 0

    @property
    def is_unique(self) -> bool:
        return self.is_full and len(self.counts) == self.rows

    @property
    def is_person(self) -> bool:
        return bool(_PERSON.search(self.name) or _PERSON.search(self.source))


def guess(profile: ColumnProfile) -> Column:
    """The contract column that fits all sampled values; text where nothing else does."""
    nulls = ("", *profile.null_texts)
    values = [v for v in profile.sample if v not in _NULLS]
    base = {"name": profile.name, "from": profile.source, "null_values": nulls}
    if profile.is_person:
        return Column.model_validate({**base, "type": "text", "pii": "person"})
    for candidate in _candidates(profile, values):
        column = Column.model_validate({**base, **candidate})
        if values and _fits(column, values):
            return column
    return Column.model_validate({**base, "type": "text"})


def key_of(profiles: list[ColumnProfile], columns: list[Column]) -> list[str]:
    """The first column (of a kind that identifies) without a repeated value; else nothing."""
    kinds = ("text", "bigint", "integer")
    found = [
        p.name for p, c in zip(profiles, columns, strict=True) if p.is_unique and c.type in kinds
    ]
    named = [n for n in found if re.search(r"(^|_)(id|no|nr|number|key|code|ref)($|_)", n)]
    return (named or found)[:1]


def is_money(column: Column) -> bool:
    return column.type.startswith("numeric") and bool(_MONEY.search(column.name))


def _fits(column: Column, values: list[str]) -> bool:
    quick = plain_column(column, "UTC")
    return quick is not None and not quick.read(values)[1]


def _candidates(profile: ColumnProfile, values: list[str]) -> list[dict[str, object]]:
    if _CODE.search(profile.name) or any(_has_leading_zero(v) for v in values):
        # 007 is not 7: a code.
        return [{"type": t, "format": f} for t, f in _dates(profile)]
    words = {v.lower() for v in values}
    found: list[dict[str, object]] = []
    if (
        words <= {"true", "false"}
        or words <= {"yes", "no"}
        or words <= {"t", "f"}
        or words <= {"y", "n"}
    ):
        found.append({"type": "boolean"})
    found += [{"type": t, "format": f} for t, f in _dates(profile)]
    if _DATE_NAME.search(profile.name) and _are_sas_days(values):
        found.append({"type": "date", "format": SAS})
    if not _MONEY.search(profile.name):
        found.append({"type": "bigint"})
    for marks in ({}, {"thousands": ","}, {"decimal": ","}, {"decimal": ",", "thousands": "."}):
        for strip in ({}, {"normalise": {"remove": ["$"]}}):
            scale = _scale(values, str(marks.get("decimal", ".")))
            found.append({"type": f"numeric({18 + scale},{scale})", **marks, **strip})
    found.append({"type": "time"})
    return found


def _dates(profile: ColumnProfile) -> list[tuple[str, str | None]]:
    dates: list[tuple[str, str | None]] = [("date", f) for f in DATE_FORMATS]
    if not _DATE_NAME.search(profile.name):
        dates.remove(("date", "YYYYMMDD"))  # any number of eight digits
    return dates + [("timestamptz", f) for f in INSTANT_FORMATS]


def _are_sas_days(values: list[str]) -> bool:
    if not values or not all(re.fullmatch(r"-?\d{1,5}", v) for v in values):
        return False
    days = [int(v) for v in values]
    first, last = (
        date(year, 1, 1).toordinal() - date(1960, 1, 1).toordinal() for year in (1950, 2050)
    )
    return first <= min(days) and max(days) <= last and max(abs(d) for d in days) > 3000


def _has_leading_zero(value: str) -> bool:
    return re.fullmatch(r"0\d+", value) is not None


def _scale(values: list[str], decimal: str) -> int:
    places = [len(v.rpartition(decimal)[2].rstrip(" ")) for v in values if decimal in v]
    return min(max([2, *places]), 12)
