"""The typed contract language: what a source delivers, table by table, column by column."""

from __future__ import annotations

import codecs
import hashlib
import json
import re
from datetime import timedelta
from functools import cached_property
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

TYPES = re.compile(
    r"text|date|time|timestamp|timestamptz|interval|boolean|smallint|integer|bigint"
    r"|numeric\(\d{1,3},\d{1,2}\)"
)
NAME = r"^[a-z][a-z0-9_]{0,50}$"
Coverage = Literal["complete", "partial", "none"]
Text = Annotated[str, BeforeValidator(lambda v: v if isinstance(v, str) else str(v))]


def _duration(value: object) -> object:
    """``2 hours`` -> timedelta; what has another form is left for pydantic to judge."""
    match = re.fullmatch(r"(\d+) (second|minute|hour|day)s?", str(value).strip())
    if match is None:
        if isinstance(value, timedelta):
            return value
        raise ValueError(f"{value!r} is no duration; write it as `2 hours` or `7 days`")
    return timedelta(**{f"{match.group(2)}s": int(match.group(1))})


Duration = Annotated[timedelta, BeforeValidator(_duration)]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Normalise(_Frozen):
    """Spelling rules for a text value, applied in the order of the fields.

    ``match`` is an anchored expression with one group; what the group catches is padded with
    zeros to ``pad`` characters and prefixed. A value that does not match goes to quarantine.
    """

    strip: bool = False
    remove: tuple[str, ...] = ()
    case: Literal["upper", "lower"] | None = None
    match: str | None = None
    pad: int | None = Field(default=None, ge=1, le=64)
    prefix: str = ""

    @field_validator("match")
    @classmethod
    def _one_group(cls, value: str | None) -> str | None:
        if value is not None and re.compile(value).groups != 1:
            raise ValueError("the expression needs exactly one group in parentheses")
        return value


class Column(_Frozen):
    """One column: its name and type in landing, and how its text is read where it comes as text."""

    name: str = Field(pattern=NAME)
    type: str
    source: str = Field(alias="from")
    also: tuple[Text, ...] = ()
    format: str | tuple[str, ...] | None = None
    time_zone: str | None = None
    null_values: tuple[Text, ...] = ("",)
    decimal: Literal[".", ","] = "."
    thousands: Literal[",", ".", " ", "'"] | None = None
    required: bool = False
    pii: Literal["none", "organisation", "person"] = "none"
    normalise: Normalise | None = None
    is_id: bool = False

    @field_validator("type")
    @classmethod
    def _known_type(cls, value: str) -> str:
        if not TYPES.fullmatch(value):
            raise ValueError(f"unknown type {value!r}; use text, date, numeric(20,2), …")
        return value

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                ZoneInfo(value)
            except (KeyError, ValueError, OSError) as error:
                raise ValueError(f"unknown time zone {value!r}") from error
        return value

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.pii == "person" and self.type != "text":
            raise ValueError("a person column lands as a pseudonym, so its type must be text")
        steps = self.normalise
        if steps and self.type != "text" and (steps.match or steps.prefix):
            raise ValueError("match and prefix are for text columns")
        return self

    @property
    def formats(self) -> tuple[str, ...]:
        """The notations of a date or time, tried in this order; none: ISO only."""
        if self.format is None:
            return ()
        return (self.format,) if isinstance(self.format, str) else self.format

    @property
    def is_person(self) -> bool:
        return self.pii == "person"


class TableContract(_Frozen):
    """One table of a source: where it is read from, its key, columns and row rules."""

    source: str
    name: str = Field(pattern=NAME)
    entity: str | None = None
    relation: str = ""
    file: str = ""
    optional: bool = False
    sheet: str | None = None
    encoding: str = "utf-8"
    delimiter: str = Field(default=",", min_length=1, max_length=1)
    absent_columns: Literal["error", "null"] = "error"
    key: tuple[str, ...] = Field(min_length=1)
    columns: tuple[Column, ...] = Field(min_length=1)
    allowed: dict[str, tuple[Text, ...]] = {}
    checks: dict[str, str] = {}
    drift: Literal["evolve", "freeze", "discard_column"] = "discard_column"
    cursor_safety: Literal["open_transactions", "overlap", "full"] = "full"
    cursor: str | None = None
    overlap: Duration | None = None
    clock_allowance: Duration = timedelta(minutes=10)
    full_read_every: Duration = timedelta(days=7)
    compare_every: Duration = timedelta(days=1)
    alert_open_after: Duration = timedelta(hours=1)
    control_amount: str | None = None
    control_currency: str | None = None
    deduplicate: Literal["identical", "newest"] = "identical"
    order_by: str | None = None

    @field_validator("encoding")
    @classmethod
    def _known_encoding(cls, value: str) -> str:
        try:
            name = codecs.lookup(value).name
        except LookupError as error:
            raise ValueError(f"unknown encoding {value!r}") from error
        if name.startswith(("utf-16", "utf-32", "utf-7")):
            raise ValueError(f"{value} files cannot be read; export as utf-8")
        return name

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        known = {c.name for c in self.columns}
        named = [*self.key, *self.allowed, self.control_amount, self.order_by]
        for column in named:
            if column is not None and column not in known:
                raise ValueError(f"column {column!r} is not among the columns")
        if (self.deduplicate == "newest") != (self.order_by is not None):
            raise ValueError("`deduplicate: newest` needs `order_by`, and only that does")
        self._check_cursor()
        amount = self.control_amount
        if amount and not self.column(amount).type.startswith("numeric"):
            raise ValueError(f"control_amount {amount!r} is not numeric, so its sum is not exact")
        currency = self.control_currency
        if currency and currency not in known and not re.fullmatch(r"[A-Z]{3}", currency):
            raise ValueError(f"control_currency {currency!r} is neither a column nor an ISO code")
        return self

    def _check_cursor(self) -> None:
        if (self.cursor is not None) != self.is_incremental:
            raise ValueError(
                "`cursor` is for cursor_safety open_transactions or overlap, and needed"
            )
        if (self.overlap is not None) != (self.cursor_safety == "overlap"):
            raise ValueError(
                "`overlap` (the longest delay of a commit) belongs to cursor_safety overlap"
            )
        if self.cursor is None:
            return
        if self.cursor not in {c.name for c in self.columns}:
            raise ValueError(f"cursor {self.cursor!r} is not among the columns")
        if self.column(self.cursor).type not in ("timestamptz", "timestamp"):
            raise ValueError(f"cursor {self.cursor!r} must be a timestamptz or a timestamp")
        if any(self.column(k).is_person for k in self.key):
            raise ValueError("a key with personal data cannot be compared: use cursor_safety full")

    @property
    def is_incremental(self) -> bool:
        return self.cursor_safety != "full"

    @cached_property
    def hash(self) -> str:
        """SHA-256 of what decides a row's landed form; a change asks for a full read."""
        content = self.model_dump(mode="json", include={"relation", "key", "columns", "cursor"})
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    @property
    def landing_name(self) -> str:
        """Name of the table in the schemas landing and quarantine."""
        return f"{self.source}__{self.name}"

    def column(self, name: str) -> Column:
        return next(c for c in self.columns if c.name == name)


class Contract(_Frozen):
    """A source: how it is reached, what it covers, and its tables."""

    source: str = Field(pattern=r"^[a-z][a-z0-9]*(_[a-z0-9]+)*$", max_length=30)
    connector: Literal["postgres", "sqlalchemy", "files"]
    connection: str | None = None
    folder: str | None = None
    required: bool = True
    max_staleness_hours: int = Field(default=72, ge=1)
    layout: Literal["canonical", "models"] = "models"
    coverage: dict[str, Coverage] = {}
    tables: dict[str, TableContract] = Field(min_length=1)

    @model_validator(mode="after")
    def _reachable(self) -> Self:
        if self.connector != "files" and not self.connection:
            raise ValueError("a database source needs `connection`")
        if self.connector == "files" and not self.folder:
            raise ValueError("a files source needs `folder`")
        return self

    @cached_property
    def hash(self) -> str:
        """SHA-256 of the resolved contract, canonical entities included; comments do not count."""
        content: dict[str, Any] = self.model_dump(mode="json")
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
