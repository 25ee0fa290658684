"""Parquet files and Excel sheets as parts of a table, some thousand rows at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from itertools import islice
from typing import Any

from rapport.errors import RapportError
from rapport.sources.connectors import InputFile
from rapport.sources.connectors.csv_headers import match_header
from rapport.sources.connectors.csv_records import Record
from rapport.sources.connectors.folders import FoundFile
from rapport.sources.connectors.text_batches import Fields, TextBatch
from rapport.sources.connectors.value_text import arrow_texts, as_text
from rapport.sources.formats import written
from rapport.sources.table_contract import TableContract

_ROWS = 10_000


class ParquetPart:
    """One Parquet file; its rows are counted from 1."""

    def __init__(self, table: TableContract, file: FoundFile) -> None:
        self._file = file
        with file.open() as opened:
            names = self._reader(opened).schema_arrow.names
        self.columns, positions = match_header(table, file.name, Record(names, 1, 0, 0, None))
        self._names = [names[p] for p in positions]

    def batches(self) -> Iterator[TextBatch]:
        names = self._names
        number = 1
        with self._file.open() as opened:
            for found in self._reader(opened).iter_batches(_ROWS, columns=names, use_threads=False):
                texts = [arrow_texts(found.column(name), name) for name in names]
                rows = list(zip(*texts, strict=True))
                yield TextBatch(rows, range(number, number + len(rows)))
                number += len(rows)

    def finished(self, rows: int) -> InputFile:
        self._file.require_unchanged()
        return InputFile(self._file.name, self._file.sha256, self._file.size, rows)

    def _reader(self, opened: Any) -> Any:
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            return pq.ParquetFile(opened)
        except pa.ArrowInvalid as error:
            raise RapportError(
                f"{self._file.name} is not a whole Parquet file: {error}.",
                next_step="Get the file again; nothing of this batch is visible.",
            ) from error


class ExcelPart:
    """One sheet of a workbook: the first, or the contract's ``sheet``; its first row has names."""

    def __init__(self, table: TableContract, file: FoundFile) -> None:
        self._table = table
        self._file = file
        header = next(self._rows(), ())
        while header and header[-1] is None:
            header = header[:-1]
        names = [as_text(v) or "" for v in header]
        record = Record(names, 1, 0, 0, None) if names else None
        self.columns, self._positions = match_header(table, file.name, record)

    def batches(self) -> Iterator[TextBatch]:
        formats = [next(iter(c.formats), None) for c in self.columns]
        rows = self._rows()
        next(rows)
        numbered = enumerate(rows, start=2)
        while found := list(islice(numbered, _ROWS)):
            kept = [(n, row) for n, row in found if any(v is not None for v in row)]
            texts = [self._texts(row, formats) for _, row in kept]
            yield TextBatch(texts, [n for n, _ in kept])

    def finished(self, rows: int) -> InputFile:
        self._file.require_unchanged()
        return InputFile(self._file.name, self._file.sha256, self._file.size, rows)

    def _texts(self, row: Sequence[object], formats: Sequence[str | None]) -> Fields:
        width = len(row)
        values = [row[p] if p < width else None for p in self._positions]
        return [
            written(v, f) if f and isinstance(v, datetime | date) else as_text(v)
            for v, f in zip(values, formats, strict=True)
        ]

    def _rows(self) -> Iterator[tuple[object, ...]]:
        from zipfile import BadZipFile

        from openpyxl import load_workbook
        from openpyxl.utils.exceptions import InvalidFileException

        with self._file.open() as opened:
            try:
                book = load_workbook(opened, read_only=True, data_only=True)
            except (BadZipFile, InvalidFileException, KeyError) as error:
                raise RapportError(
                    f"{self._file.name} is not a whole Excel workbook: {error}.",
                    next_step="Get the file again; nothing of this batch is visible.",
                ) from error
            wanted = self._table.sheet
            if wanted is not None and wanted not in book.sheetnames:
                raise RapportError(
                    f"{self._file.name} has no sheet {wanted!r}.",
                    next_step=f"It has: {', '.join(book.sheetnames)}. Set `sheet` in the contract.",
                )
            sheet = book[wanted] if wanted else book.worksheets[0]
            yield from sheet.iter_rows(values_only=True)
            book.close()
