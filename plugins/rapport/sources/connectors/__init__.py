"""Connectors: one small interface between a source system and a work table on the warehouse.

A connector opens one consistent snapshot of a source, says what it is (evidence for the batch),
and copies tables of the contract, one by one, into a work table. It judges nothing: types, keys
and row rules are the landing layer's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import psycopg

from rapport.settings import Settings
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
    """Where to copy to: a relation of the warehouse, as SQL, and columns that are the same in
    every row (bigint). A connector that delivers text is never given such columns.
    """

    relation: str
    constants: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Delivery:
    """What one copy brought: rows in the work table, and what could not become a row."""

    rows: int
    refusals: list[Refusal] = field(default_factory=list)
    files: list[InputFile] = field(default_factory=list)


class Snapshot(Protocol):
    """One consistent view of a source.

    ``delivers`` says what ``copy`` writes: ``typed`` columns of the contract, or every column as
    ``text`` (raw) beside ``_file``, ``_line``, ``_byte_from`` and ``_byte_to``.
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
    else:
        from rapport.sources.connectors.files import open_files

        with open_files(contract, settings) as folder:
            yield folder
