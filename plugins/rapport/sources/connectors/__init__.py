"""Connectors: one small interface between a source system and a work table on the warehouse.

A connector opens one consistent snapshot of a source, says what it is (evidence for the batch),
and copies tables of the contract, one by one, into a work table. It judges nothing: types, keys
and row rules are the landing layer's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol, runtime_checkable

import psycopg

from rapport.settings import Settings
from rapport.sources.drift import SourceColumn
from rapport.sources.table_contract import Contract, TableContract

Delivers = Literal["typed", "text"]


@dataclass(frozen=True)
class Refusal:
    """A piece of input that is no row: where it stands (never its text), and why."""

    rule: str
    message: str
    locator: Mapping[str, Any]


@dataclass(frozen=True)
class InputFile:
    """A file that was read: path relative to the source's folder, content hash, size, rows."""

    path: str
    sha256: str
    size: int
    rows: int


@dataclass(frozen=True)
class Target:
    """Where to copy to: a relation of the warehouse with typed columns, as SQL, and columns that
    are the same in every row (bigint). A connector that delivers text writes places (``_file``,
    ``_line``, ``_byte_from``, ``_byte_to``) beside its rows if ``raw`` is given, and puts rows that
    it cannot type at a glance there, as text; without ``raw`` it raises ``NotPlain``.
    """

    relation: str
    constants: Mapping[str, int] = field(default_factory=dict)
    raw: str | None = None


class NotPlain(Exception):
    """Some rows need the careful reading, and the target has no place for them."""


@dataclass(frozen=True)
class Delivery:
    """What one copy brought: rows in the work table, and what could not become a row."""

    rows: int
    refusals: list[Refusal] = field(default_factory=list)
    files: list[InputFile] = field(default_factory=list)


@dataclass(frozen=True)
class Horizon:
    """What a source says of its own time before a snapshot is taken.

    Attributes:
        clock: the source's clock.
        oldest_open: start of the oldest transaction that was still open; None without one.
        prepared: prepared transactions that nobody has ended; their start is not known.
        blind: why open transactions cannot be seen or counted on; None when they can.
    """

    clock: datetime
    oldest_open: datetime | None = None
    prepared: int = 0
    blind: str | None = None


@dataclass(frozen=True)
class KeyRanges:
    """Consecutive ranges of the first key column: ``bounds`` (as text, ascending) part them.

    Range n holds bounds[n-1] <= k < bounds[n]. Text compares by code point.
    """

    column: str
    type: str
    bounds: tuple[str, ...]


Digests = dict[int, tuple[int, int]]
"""By range: number of rows, and the sum of a hash of key and cursor."""


class Snapshot(Protocol):
    """One consistent view of a source.

    ``delivers`` says what the source has: ``typed`` columns of the contract, or ``text``.
    """

    delivers: Delivers

    @property
    def evidence(self) -> dict[str, Any]: ...

    def copy(self, table: TableContract, warehouse: psycopg.Connection, target: Target) -> Delivery:
        """Copy all rows of a table into the target; both ends must agree on the count.

        May be called again for the same table: an attempt that the warehouse refused for a
        repeated key (``UniqueViolation``) leaves the snapshot usable.
        """
        ...


@runtime_checkable
class Incremental(Protocol):
    """What a snapshot can do besides, when its source can be read in parts.

    ``horizon`` was observed before the snapshot was taken. Rows without a cursor value belong to
    ``copy_since``; the other two look at rows below ``low`` only.
    """

    horizon: Horizon

    def copy_since(
        self, table: TableContract, warehouse: psycopg.Connection, target: Target, low: datetime
    ) -> Delivery:
        """Copy the rows whose cursor is ``low`` or later, or missing."""
        ...

    def digests(self, table: TableContract, low: datetime, ranges: KeyRanges) -> Digests:
        """Count and digest of key and cursor, by key range."""
        ...

    def copy_ranges(
        self,
        table: TableContract,
        warehouse: psycopg.Connection,
        target: Target,
        low: datetime,
        condition: str,
    ) -> Delivery:
        """Copy the rows of some key ranges; ``condition`` is SQL over the typed key ``k``."""
        ...


@runtime_checkable
class Described(Protocol):
    """A snapshot of a source that describes its tables: ``schema`` by table, then by column.

    A table that the source does not have is empty there.
    """

    schema: Mapping[str, Mapping[str, SourceColumn]]

    def fits(self, source_type: str, wanted: str) -> bool:
        """Whether every value of a source type has an exact form in the contract's type."""
        ...


@contextmanager
def open_snapshot(contract: Contract, settings: Settings) -> Iterator[Snapshot]:
    """Open the snapshot of a source; everything the contract names is checked before any read.

    Raises:
        RapportError: when the source is unreachable or does not match its contract.
    """
    if contract.connector == "postgres":
        from rapport.sources.connectors.postgres import open_postgres

        with open_postgres(contract, settings) as database:
            yield database
    elif contract.connector == "sqlalchemy":
        from rapport.sources.connectors.sqlalchemy_source import open_database

        with open_database(contract, settings) as other:
            yield other
    else:
        from rapport.sources.connectors.files import open_files

        with open_files(contract, settings) as folder:
            yield folder
