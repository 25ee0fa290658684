"""A folder of CSV files (plain or gzip) as a source."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import IO, Any

import psycopg
from psycopg import sql

from rapport.errors import RapportError
from rapport.settings import Settings
from rapport.sources.connectors import Delivers, Delivery, InputFile, Refusal, Target
from rapport.sources.connectors.csv_headers import match_header
from rapport.sources.connectors.csv_records import CsvRecords, Record
from rapport.sources.contracts import source_folder
from rapport.sources.pseudonyms import Pseudonymiser, load_pseudonymiser
from rapport.sources.table_contract import Column, Contract, TableContract

_BLOCK = 256 * 1024


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

    def __init__(self, contract: Contract, folder: Path, pseudonymiser: Pseudonymiser) -> None:
        self._pseudonymiser = pseudonymiser
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
        delivered = Delivery(0)
        for number, file in enumerate(self._files[table.name]):
            reader = _FileReader(table, file, number, self._pseudonymiser)
            rows = reader.copy(warehouse, target)
            if _digest(file.path)[0] != file.sha256:
                raise RapportError(
                    f"{file.name} changed while it was read.",
                    next_step="Run again when whoever writes it is done.",
                )
            counted = InputFile(file.name, file.sha256, file.size, rows + len(reader.refusals))
            delivered = Delivery(
                delivered.rows + rows,
                delivered.refusals + reader.refusals,
                [*delivered.files, counted],
            )
        return delivered


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
    yield FolderSnapshot(contract, folder, load_pseudonymiser(settings))


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


class _FileReader:
    """Copies one file into ``raw`` and collects what is no row."""

    def __init__(
        self, table: TableContract, file: _Found, number: int, pseudonymiser: Pseudonymiser
    ) -> None:
        self._table = table
        self._file = file
        self._number = number
        self._pseudonymiser = pseudonymiser
        self.refusals: list[Refusal] = []

    def copy(self, warehouse: psycopg.Connection, target: Target) -> int:
        with _opened(self._file.path) as file:
            records = iter(
                CsvRecords(file, self._file.name, self._table.encoding, self._table.delimiter)
            )
            columns, positions = match_header(self._table, self._file.name, next(records, None))
            names = ("_file", "_line", "_byte_from", "_byte_to", *(c.name for c in columns))
            # Empty text is text here: which values mean NULL is the contract's to say.
            command = sql.SQL("copy {} ({}) from stdin (format csv, force_not_null ({}))").format(
                sql.SQL(target.relation),
                sql.SQL(", ").join(map(sql.Identifier, names)),
                sql.SQL(", ").join(sql.Identifier(c.name) for c in columns),
            )
            with warehouse.cursor() as cursor:
                with cursor.copy(command) as copy:
                    for block in self._blocks(records, columns, positions):
                        copy.write(block)
                return cursor.rowcount

    def _blocks(
        self, records: Iterator[Record], columns: Sequence[Column], positions: Sequence[int]
    ) -> Iterator[str]:
        buffer = io.StringIO()
        write = csv.writer(buffer, lineterminator="\n").writerow
        pick = itemgetter(*positions) if len(positions) > 1 else lambda f: (f[positions[0]],)
        persons = [i for i, c in enumerate(columns) if c.is_person]
        number = self._number
        for fields, line, byte_from, byte_to, broken in records:
            if broken:
                self._refuse(line, byte_from, byte_to, broken)
                continue
            values = pick(fields)
            if persons:
                values = self._pseudonymised(columns, persons, values)
            write((number, line, byte_from, byte_to, *values))
            if buffer.tell() > _BLOCK:
                yield buffer.getvalue()
                buffer.seek(0)
                buffer.truncate()
        yield buffer.getvalue()

    def _pseudonymised(
        self, columns: Sequence[Column], persons: Sequence[int], values: Sequence[str]
    ) -> list[str]:
        result = list(values)
        for i in persons:
            blank = values[i] in columns[i].null_values
            result[i] = "" if blank else self._pseudonymiser.of(values[i]) or ""
        return result

    def _refuse(self, line: int, byte_from: int, byte_to: int, broken: str) -> None:
        rule, _, message = broken.partition(": ")
        place = {"line": line, "byte_from": byte_from, "byte_to": byte_to}
        file = {"file": self._file.name, "sha256": self._file.sha256}
        shown = f"{self._file.name} line {line}: {message or rule}"
        self.refusals.append(Refusal(f"line:{rule}", shown, file | place))


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
            yield unpacked  # type: ignore[misc]
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise RapportError(
            f"{path.name} is not a whole gzip file: {error}.",
            next_step="Get the file again; nothing of this batch is visible.",
        ) from error
