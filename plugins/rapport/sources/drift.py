"""What changed in a source table, against its contract and against what was seen before."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from rapport.sources.table_contract import NAME, TYPES, TableContract

Fits = Callable[[str, str], bool]
_SIZES = {"smallint": 2, "integer": 4, "bigint": 8}
_SHORT = {
    "timestamp with time zone": "timestamptz",
    "timestamp without time zone": "timestamp",
    "time without time zone": "time",
}


@dataclass(frozen=True)
class SourceColumn:
    """A column as the source declares it; ``labels`` are the values of an enumerated type."""

    type: str
    is_nullable: bool = True
    is_readable: bool = True
    labels: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Change:
    """One difference. A blocking one means that the table cannot be read as the contract says.

    ``instead`` names the new columns that a missing one may have become.
    """

    kind: str
    column: str | None
    message: str
    is_blocking: bool = False
    instead: tuple[str, ...] = ()


Columns = Mapping[str, SourceColumn]


def compare(
    table: TableContract, found: Columns, before: Columns | None, fits: Fits
) -> list[Change]:
    """All changes of a table; ``before`` is None when it was never read.

    Columns that the contract does not list are its own choice, unless they are new.
    """
    if not found:
        return [Change("table_missing", None, f"table {table.relation} does not exist", True)]
    added = [] if before is None else [c for c in found if c not in before]
    wanted = {column.source: column.type for column in table.columns}
    changes = []
    for name, type_ in wanted.items():
        if name not in found:
            changes.append(_missing(table, name, found, before, added))
        elif not found[name].is_readable:
            text = f"{table.relation}.{name} may not be read: grant select on it"
            changes.append(Change("permission_missing", name, text, True))
        elif not fits(found[name].type, type_):
            text = f"{table.relation}.{name} is {found[name].type}, the contract expects {type_}"
            changes.append(Change("retyped", name, text, True))
        else:
            known = None if before is None else before.get(name)
            changes += _altered(table, name, found[name], known)
    guessed = {name for change in changes for name in change.instead}
    for name in added:
        if name not in wanted and name not in guessed:
            text = f"{table.relation}.{name} ({found[name].type}) is new"
            changes.append(Change("added", name, text))
    return changes


def landing_type(column: SourceColumn) -> str:
    """The type in which an unlisted column lands; text where there is no exact one."""
    type_ = _SHORT.get(column.type, column.type)
    return type_ if TYPES.fullmatch(type_) else "text"


def can_land(name: str) -> bool:
    """Whether a column of the source can keep its name in landing."""
    return re.fullmatch(NAME, name) is not None


def _missing(
    table: TableContract, name: str, found: Columns, before: Columns | None, added: list[str]
) -> Change:
    text = f"{table.relation}.{name} does not exist"
    old = None if before is None else before.get(name)
    listed = {column.source for column in table.columns}
    alike = [c for c in added if c not in listed and old and found[c].type == old.type]
    if not alike:
        return Change("removed", name, text, True)
    guess = " or ".join(f"{c} ({found[c].type})" for c in alike)
    text += f"; it may have been renamed to {guess}"
    return Change("renamed", name, text, True, tuple(alike))


def _altered(
    table: TableContract, name: str, now: SourceColumn, before: SourceColumn | None
) -> list[Change]:
    place = f"{table.relation}.{name}"
    changes = []
    if before is not None and before.type != now.type:
        kind = "narrowed" if _is_narrower(before.type, now.type) else "retyped"
        text = f"{place} was {before.type} and is now {now.type}"
        note = "; longer values may have been cut in the source" if kind == "narrowed" else ""
        changes.append(Change(kind, name, text + note))
    if before is not None and now.is_nullable and not before.is_nullable:
        changes.append(Change("null_allowed", name, f"{place} may be empty now"))
    column = next(c for c in table.columns if c.source == name)
    known = before.labels if before is not None else table.allowed.get(column.name)
    new = [label for label in now.labels if known is not None and label not in known]
    for label in new:
        allowed = label in table.allowed.get(column.name, (label,))
        note = "" if allowed else "; rows with it go to quarantine until the contract allows it"
        changes.append(Change("new_value", name, f"{place} has the new value {label!r}{note}"))
    return changes


def _is_narrower(before: str, now: str) -> bool:
    if before in _SIZES and now in _SIZES:
        return _SIZES[now] < _SIZES[before]
    have, had = _limits(now), _limits(before)
    if now.split("(")[0] != before.split("(")[0]:
        return False
    if have is None:
        return False
    return had is None or any(h < b for h, b in zip(have, had, strict=True))


def _limits(type_: str) -> tuple[int, ...] | None:
    """(length) of a text, (digits before the point, digits after it) of a number."""
    numbers = tuple(int(n) for n in re.findall(r"\d+", type_.partition("(")[2]))
    if len(numbers) == 2:
        return numbers[0] - numbers[1], numbers[1]
    return numbers or None
