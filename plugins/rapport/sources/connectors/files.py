"""A folder of files as a source: CSV (plain or gzip), Parquet and Excel, side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import compress
from operator import itemgetter
from typing import Any

from rapport.errors import RapportError
from rapport.settings import Settings
from rapport.sources.connectors import InputFile, Refusal
from rapport.sources.connectors.columnar_files import ExcelPart, ParquetPart
from rapport.sources.connectors.csv_headers import match_header
from rapport.sources.connectors.csv_records import CsvRecords, Record
from rapport.sources.connectors.folders import Folder, FoundFile, find
from rapport.sources.connectors.text_batches import Fields, Part, TextBatch
from rapport.sources.connectors.text_snapshot import TextSnapshot
from rapport.sources.contracts import source_location
from rapport.sources.table_contract import Contract, TableContract


class FolderSource:
    """The files of a folder, by content: a file that changes while it is read stops the batch."""

    def __init__(self, contract: Contract, folder: Folder) -> None:
        self._files = {name: find(folder, table) for name, table in contract.tables.items()}
        # All headers are checked here, before anything is read.
        self.evidence: dict[str, Any] = {
            "connector": "files",
            "files": {
                name: [_describe(contract.tables[name], file) for file in found]
                for name, found in self._files.items()
                if found
            },
        }

    def parts(self, table: TableContract) -> Iterator[Part]:
        return (part_of(table, file) for file in self._files[table.name])


@contextmanager
def open_files(contract: Contract, settings: Settings) -> Iterator[TextSnapshot]:
    """Open a folder; all files of the contract are found and hashed before any is read."""
    location = source_location(settings, contract)
    folder = None if location is None else Folder(location)
    if folder is None or not folder.is_there():
        state = "not set" if folder is None else "not there"
        raise RapportError(
            f"Source {contract.source}: folder {contract.folder} is {state}.",
            next_step="Set the variable to the folder of the files.",
        )
    yield TextSnapshot(FolderSource(contract, folder), settings)


def part_of(table: TableContract, file: FoundFile) -> Part:
    """A file as a part of its table, by its ending; its header is checked on the way."""
    if file.kind == "parquet":
        return ParquetPart(table, file)
    return ExcelPart(table, file) if file.kind == "excel" else CsvPart(table, file)


class CsvPart:
    """One CSV file as a part of its table."""

    def __init__(self, table: TableContract, file: FoundFile) -> None:
        self._table = table
        self._file = file
        with self._records() as records:
            self.columns, self._positions = match_header(
                table, file.name, next(iter(records), None)
            )

    def batches(self) -> Iterator[TextBatch]:
        positions = self._positions
        is_whole = positions == list(range(len(positions)))
        pick: Callable[[list[str]], Fields]
        pick = itemgetter(*positions) if len(positions) > 1 else lambda f: (f[positions[0]],)
        with self._records() as records:
            header = next(iter(records))
            for found in records.batches():
                if isinstance(found, Record):
                    yield self._single(found, pick)
                    continue
                lines, starts, ends = found.places()
                rows = found.records
                if [] in rows:  # blank lines
                    kept = [bool(row) for row in rows]
                    rows, lines = list(compress(rows, kept)), list(compress(lines, kept))
                    starts, ends = list(compress(starts, kept)), list(compress(ends, kept))
                if not (is_whole and len(header.fields) == len(positions)):
                    yield TextBatch([pick(row) for row in rows], lines, starts, ends)
                    continue
                yield TextBatch(rows, lines, starts, ends)

    def finished(self, rows: int) -> InputFile:
        file = self._file
        file.require_unchanged()
        return InputFile(file.name, file.sha256, file.size, rows)

    @contextmanager
    def _records(self) -> Iterator[CsvRecords]:
        with self._file.unpacked() as opened:
            yield CsvRecords(opened, self._file.name, self._table.encoding, self._table.delimiter)

    def _single(self, record: Record, pick: Callable[[list[str]], Fields]) -> TextBatch:
        fields, line, byte_from, byte_to, broken = record
        if not broken:
            return TextBatch([pick(fields)], [line], [byte_from], [byte_to])
        rule, _, message = broken.partition(": ")
        place = {"line": line, "byte_from": byte_from, "byte_to": byte_to}
        file = {"file": self._file.name, "sha256": self._file.sha256}
        shown = f"{self._file.name} line {line}: {message or rule}"
        return TextBatch([], [], refusals=[Refusal(f"line:{rule}", shown, file | place)])


def _describe(table: TableContract, file: FoundFile) -> dict[str, Any]:
    known = {"path": file.name, "sha256": file.sha256, "bytes": file.size}
    present = part_of(table, file).columns
    absent = [c.name for c in table.columns if c not in present and not c.source.startswith("@")]
    return known | ({"absent_columns": absent} if absent else {})
