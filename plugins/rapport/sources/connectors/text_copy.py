"""Text into the warehouse: plain values straight into typed columns, all others into ``raw``."""

from __future__ import annotations

import gc
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import compress, repeat
from typing import IO

import psycopg
from psycopg import sql

from rapport.sources.connectors import Delivery, NotPlain, Refusal, Target
from rapport.sources.connectors.plain_values import NULL, PlainColumn, escaped, plain_column
from rapport.sources.connectors.text_batches import Fields, Part, TextBatch
from rapport.sources.pseudonyms import Pseudonymiser
from rapport.sources.table_contract import Column, TableContract

_SPOOL = 8 * 1024 * 1024
_PLACES = ("_file", "_line", "_byte_from", "_byte_to")


@contextmanager
def _no_collection() -> Iterator[None]:
    """Without the collector of cycles: it would look at each of a million rows for nothing."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


class TextCopy:
    """Copies the parts of one table.

    A target without ``raw`` takes typed rows only: the first value that is not plain, and the
    first record that is none, end the attempt with ``NotPlain``.
    """

    def __init__(
        self,
        table: TableContract,
        warehouse: psycopg.Connection,
        target: Target,
        pseudonymiser: Pseudonymiser,
        time_zone: str,
    ) -> None:
        self._table = table
        self._warehouse = warehouse
        self._target = target
        self._pseudonymiser = pseudonymiser
        self._zone = time_zone

    def copy(self, parts: Iterator[Part]) -> Delivery:
        """Copy all parts, one after the other."""
        with _no_collection():
            return self._copy(parts)

    def _copy(self, parts: Iterator[Part]) -> Delivery:
        rows, refusals, files = 0, [], []
        for number, part in enumerate(parts):
            copied = _PartCopy(self, part, number)
            count = copied.run()
            rows += count
            refusals += copied.refusals
            file = part.finished(count + len(copied.refusals))
            if file is not None:
                files.append(file)
        return Delivery(rows, refusals, files)

    def readers(self, columns: Sequence[Column]) -> list[PlainColumn] | None:
        """Quick readers of all columns; None when some column can only be read with care."""
        if any(c.source.startswith("@") for c in self._table.columns):
            return None
        made = [plain_column(c, self._zone) for c in columns]
        return None if None in made else made  # type: ignore[return-value]

    def pseudonymised(self, columns: Sequence[Column], rows: Sequence[Fields]) -> Sequence[Fields]:
        persons = [i for i, c in enumerate(columns) if c.is_person]
        if not persons:
            return rows
        changed = []
        for row in rows:
            values = list(row)
            for i in persons:
                value = values[i]
                if value is not None:
                    blank = value in columns[i].null_values
                    values[i] = "" if blank else self._pseudonymiser.of(value) or ""
            changed.append(values)
        return changed

    def into(self, relation: str, names: Sequence[str], blocks: Iterator[bytes]) -> int:
        command = sql.SQL("copy {} ({}) from stdin").format(
            sql.SQL(relation), sql.SQL(", ").join(map(sql.Identifier, names))
        )
        with self._warehouse.cursor() as cursor:
            with cursor.copy(command) as copy:
                for block in blocks:
                    copy.write(block)
            return cursor.rowcount

    @property
    def target(self) -> Target:
        return self._target


class _PartCopy:
    """Copies one part and collects what is no row."""

    def __init__(self, table: TextCopy, part: Part, number: int) -> None:
        self._table = table
        self._part = part
        self._number = str(number)
        self._target = table.target
        self._readers = table.readers(part.columns)
        self.refusals: list[Refusal] = []

    def run(self) -> int:
        target = self._target
        names = [c.name for c in self._part.columns]
        if target.raw is None:
            if self._readers is None:
                raise NotPlain
            columns = [*target.constants, *names]
            return self._table.into(target.relation, columns, self._plain_blocks(None))
        with tempfile.SpooledTemporaryFile(max_size=_SPOOL) as spool:
            count = 0
            places = [*_PLACES, *names]
            blocks = self._plain_blocks(spool)
            if self._readers is None:
                for _ in blocks:
                    pass
            else:
                count = self._table.into(target.relation, places, blocks)
            if spool.tell():
                spool.seek(0)
                stored = iter(lambda: spool.read(256 * 1024), b"")
                count += self._table.into(target.raw, places, stored)
            return count

    def _plain_blocks(self, spool: IO[bytes] | None) -> Iterator[bytes]:
        for batch in self._part.batches():
            if batch.refusals and spool is None:
                raise NotPlain
            self.refusals += batch.refusals
            if not batch.rows:
                continue
            rows = self._table.pseudonymised(self._part.columns, batch.rows)
            if self._readers is None:
                assert spool is not None
                self._leave(batch, rows, range(len(rows)), spool)
                continue
            texts: list[Sequence[str]] = []
            unfit: set[int] = set()
            for reader, values in zip(self._readers, zip(*rows, strict=True), strict=True):
                read, left = reader.read(values)
                texts.append(read)
                unfit.update(left)
            if unfit and spool is None:
                raise NotPlain
            places = self._places(batch) if spool is not None else self._constants(len(rows))
            written = list(map("\t".join, zip(*places, *texts, strict=False)))
            if unfit and spool is not None:
                self._leave(batch, rows, sorted(unfit), spool)
                written = list(compress(written, (i not in unfit for i in range(len(rows)))))
            if written:
                yield ("\n".join(written) + "\n").encode()

    def _places(self, batch: TextBatch) -> list[Sequence[str] | Iterator[str]]:
        nowhere = repeat(NULL)
        return [
            repeat(self._number),
            map(str, batch.lines),
            map(str, batch.bytes_from) if batch.bytes_from else nowhere,
            map(str, batch.bytes_to) if batch.bytes_to else nowhere,
        ]

    def _constants(self, count: int) -> list[Sequence[str] | Iterator[str]]:
        return [repeat(str(value), count) for value in self._target.constants.values()]

    def _leave(
        self, batch: TextBatch, rows: Sequence[Fields], which: Sequence[int], spool: IO[bytes]
    ) -> None:
        """Write rows for the careful reading, as text."""
        for i in which:
            if any(v is not None and "\0" in v for v in rows[i]):
                place = {"line": batch.lines[i]}
                message = f"record {batch.lines[i]}: a value holds a NUL byte"
                self.refusals.append(Refusal("line:nul_byte", message, place))
                continue
            spans = [str(s[i]) if s else NULL for s in (batch.bytes_from, batch.bytes_to)]
            values = map(escaped, rows[i])
            line = "\t".join((self._number, str(batch.lines[i]), *spans, *values))
            spool.write(line.encode() + b"\n")
