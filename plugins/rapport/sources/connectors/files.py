"""A folder of CSV files (plain or gzip) as a source."""

from __future__ import annotations

import gzip
import hashlib
import io
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import compress
from operator import itemgetter
from pathlib import Path
from typing import IO, Any

import psycopg

from rapport.errors import RapportError
from rapport.settings import Settings
from rapport.sources.connectors import Delivers, Delivery, InputFile, Refusal, Target
from rapport.sources.connectors.csv_headers import match_header
from rapport.sources.connectors.csv_records import CsvRecords, Record
from rapport.sources.connectors.text_batches import Fields, TextBatch
from rapport.sources.connectors.text_copy import TextCopy
from rapport.sources.contracts import source_folder
from rapport.sources.pseudonyms import load_pseudonymiser
from rapport.sources.table_contract import Contract, TableContract


@dataclass(frozen=True)
class _Found:
    """A file as it was when the snapshot was opened."""

    path: Path
    name: str
    sha256: str
    size: int


class FolderSnapshot:
    """The files of a folder, by content: a file that changes while it is read stops the batch."""

    delivers: Delivers = "text"

    def __init__(self, contract: Contract, folder: Path, settings: Settings) -> None:
        self._pseudonymiser = load_pseudonymiser(settings)
        self._zone = settings.business_time_zone
        self._files = {name: _find(folder, table) for name, table in contract.tables.items()}
        # All headers are checked here, before anything is read.
        self.evidence: dict[str, Any] = {
            "connector": "files",
            "files": {
                name: [_describe(contract.tables[name], file) for file in found]
                for name, found in self._files.items()
                if found
            },
        }

    def copy(self, table: TableContract, warehouse: psycopg.Connection, target: Target) -> Delivery:
        copying = TextCopy(table, warehouse, target, self._pseudonymiser, self._zone)
        return copying.copy(_CsvPart(table, file) for file in self._files[table.name])


@contextmanager
def open_files(contract: Contract, settings: Settings) -> Iterator[FolderSnapshot]:
    """Open a folder; all files of the contract are found and hashed before any is read."""
    folder = source_folder(settings, contract)
    if folder is None or not folder.is_dir():
        state = "not set" if folder is None else "not there"
        raise RapportError(
            f"Source {contract.source}: folder {contract.folder} is {state}.",
            next_step="Set the variable to the folder of the files.",
        )
    yield FolderSnapshot(contract, folder, settings)


def _find(folder: Path, table: TableContract) -> list[_Found]:
    patterns = [table.file] if table.file.endswith(".gz") else [table.file, f"{table.file}.gz"]
    paths = sorted({p for pattern in patterns for p in folder.glob(pattern) if p.is_file()})
    if not paths and not table.optional:
        raise RapportError(
            f"{table.source}.{table.name}: there is no file {table.file}.",
            next_step="Put it into the source's folder, or declare the table optional.",
        )
    if len(paths) > 1 and not set("*?[") & set(table.file):
        raise RapportError(
            f"{table.source}.{table.name}: {' and '.join(p.name for p in paths)} are both there.",
            next_step="Keep one of them.",
        )
    return [_Found(p, str(p.relative_to(folder)), *_digest(p)) for p in paths]


def _digest(path: Path) -> tuple[str, int]:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest(), path.stat().st_size


class _CsvPart:
    """One CSV file as a part of its table."""

    def __init__(self, table: TableContract, file: _Found) -> None:
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
        if _digest(file.path)[0] != file.sha256:
            raise RapportError(
                f"{file.name} changed while it was read.",
                next_step="Run again when whoever writes it is done.",
            )
        return InputFile(file.name, file.sha256, file.size, rows)

    @contextmanager
    def _records(self) -> Iterator[CsvRecords]:
        with _opened(self._file.path) as opened:
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


def _describe(table: TableContract, file: _Found) -> dict[str, Any]:
    known = {"path": file.name, "sha256": file.sha256, "bytes": file.size}
    absent = _absent(table, file)
    return known | ({"absent_columns": absent} if absent else {})


def _absent(table: TableContract, file: _Found) -> list[str]:
    """Columns that a file lacks (they land as NULL); its header is checked on the way."""
    with _opened(file.path) as opened:
        records = CsvRecords(opened, file.name, table.encoding, table.delimiter)
        present, _ = match_header(table, file.name, next(iter(records), None))
    return [c.name for c in table.columns if c not in present and not c.source.startswith("@")]


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    if path.suffix != ".gz":
        with path.open("rb") as plain:
            yield plain
        return
    try:
        with gzip.open(path, "rb") as unpacked:
            yield io.BufferedReader(unpacked, 256 * 1024)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise RapportError(
            f"{path.name} is not a whole gzip file: {error}.",
            next_step="Get the file again; nothing of this batch is visible.",
        ) from error
