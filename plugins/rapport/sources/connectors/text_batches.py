"""What a connector that delivers text hands over: some records at a time, with their places."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from rapport.sources.connectors import InputFile, Refusal
from rapport.sources.table_contract import Column, TableContract

Fields = Sequence[str | None]


@dataclass(frozen=True)
class TextBatch:
    """Some records of one part: values of its columns as text (None: the source says NULL).

    Attributes:
        lines: number of each record in its part, from 1 (for CSV the line it starts in).
        bytes_from, bytes_to: byte range of each record; empty where the part has no bytes to
            point at (a database, a workbook).
        refusals: records that could not be taken apart.
    """

    rows: Sequence[Fields]
    lines: Sequence[int]
    bytes_from: Sequence[int] = ()
    bytes_to: Sequence[int] = ()
    refusals: Sequence[Refusal] = field(default_factory=list)


class Part(Protocol):
    """One file, sheet or query of a table: its columns, its records, then what it was."""

    @property
    def columns(self) -> Sequence[Column]: ...

    def batches(self) -> Iterator[TextBatch]: ...

    def finished(self, rows: int) -> InputFile | None:
        """Called when all records are read; a file says what was read, a query nothing."""
        ...


class TextSource(Protocol):
    """What a connector for another system has to offer; see docs/add_a_connector.md."""

    @property
    def evidence(self) -> dict[str, Any]: ...

    def parts(self, table: TableContract) -> Iterator[Part]: ...
