"""The canonical layout, typed: which entities there are, their columns, keys and rules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import as_file, files
from typing import Literal

from rapport.sources.documents import Document, Path_, read_document

FLAGS = frozenset({"id", "required", "person"})


@dataclass(frozen=True)
class CanonicalColumn:
    """One column; ``is_id`` is a native key that staging publishes as ``<source>:<native key>``."""

    name: str
    type: str
    is_id: bool = False
    required: bool = False
    is_person: bool = False


@dataclass(frozen=True)
class Entity:
    """One canonical entity; ``side`` names the system that normally owns it."""

    name: str
    side: Literal["crm", "loans"]
    key: tuple[str, ...]
    business_date: str | None
    columns: tuple[CanonicalColumn, ...]
    allowed: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    checks: Mapping[str, str] = field(default_factory=dict)

    def column(self, name: str) -> CanonicalColumn:
        return next(c for c in self.columns if c.name == name)


@cache
def entities() -> Mapping[str, Entity]:
    """All canonical entities by name, in the order of the file."""
    with as_file(files("rapport.sources") / "canonical.yml") as path:
        document = read_document(path, "canonical.yml")
    return {name: _entity(document, name, body) for name, body in document.data.items()}


def split_column(text: str) -> tuple[str, frozenset[str]]:
    """``"numeric(20,2) required"`` -> type and flags; unknown flags are returned with them."""
    type_, *flags = text.split()
    return type_, frozenset(flags)


def _entity(document: Document, name: str, body: dict[str, object]) -> Entity:
    columns = tuple(
        _column(document, (name, "columns", column), column, str(text))
        for column, text in _mapping(body["columns"]).items()
    )
    known = {c.name for c in columns}
    key = tuple(str(k) for k in _list(body["key"]))
    listed = _mapping(body.get("allowed"))
    allowed = {k: tuple(str(v) for v in _list(values)) for k, values in listed.items()}
    for column in (*key, *allowed):
        if column not in known:
            raise document.error((name,), f"column {column!r} is not listed")
    date = body.get("business_date")
    return Entity(
        name=name,
        side="crm" if body["side"] == "crm" else "loans",
        key=key,
        business_date=None if date is None else str(date),
        columns=columns,
        allowed=allowed,
        checks={k: str(v) for k, v in _mapping(body.get("checks")).items()},
    )


def _column(document: Document, path: Path_, name: str, text: str) -> CanonicalColumn:
    type_, flags = split_column(text)
    if unknown := flags - FLAGS:
        raise document.error(path, f"unknown flag {sorted(unknown)[0]!r}")
    return CanonicalColumn(name, type_, "id" in flags, "required" in flags, "person" in flags)


def _mapping(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []
