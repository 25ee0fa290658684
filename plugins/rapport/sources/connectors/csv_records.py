"""CSV read strictly: every record with its lines and bytes, and nothing lost without a word.

The csv module (not pandas) splits the text, because it reads line by line as it goes: so each
record has its line and byte range, and a broken line costs itself, not the file. See
docs/decisions/0003-csv-module-for-files.md.
"""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import IO, NamedTuple

from rapport.errors import RapportError

MAX_RECORD = 64 * 1024 * 1024
"""Bytes of the longest record; more is taken for a quote that was never closed."""
MAX_BROKEN = 1000
"""Unreadable records of one file; more means that it is not the file the contract describes."""

_BLOCK = 512 * 1024
_MARKS = {"utf-8": b"\xef\xbb\xbf", "gb18030": b"\x84\x31\x95\x33"}
_WIDE_MARKS = (b"\xff\xfe", b"\xfe\xff")


class Record(NamedTuple):
    """One record: first line (from 1) and byte range in the unpacked file; ``broken``: why not."""

    fields: list[str]
    line: int
    byte_from: int
    byte_to: int
    broken: str | None


class Plain(NamedTuple):
    """Records of one line each, in a row: ``sizes`` are their bytes, blank lines stay empty."""

    records: Sequence[list[str]]
    line: int
    byte: int
    sizes: Sequence[int]

    def places(self) -> tuple[Sequence[int], Sequence[int], Sequence[int]]:
        """First line, first byte and end of each record."""
        ends = list(accumulate(self.sizes, initial=self.byte))
        return range(self.line, self.line + len(self.records)), ends[:-1], ends[1:]


class _Line(NamedTuple):
    text: str
    size: int
    broken: str | None


class CsvRecords:
    """Iterator over the records of an open binary file; blank lines are no records.

    Raises:
        RapportError: for text of another kind (UTF-16), or when too much of it cannot be read.
    """

    def __init__(self, file: IO[bytes], name: str, encoding: str, delimiter: str) -> None:
        csv.field_size_limit(MAX_RECORD)
        self._name = name
        self._encoding = encoding
        self._delimiter = delimiter
        self._file = file
        self._block: deque[bytes] = deque()
        self._is_start = True
        self._width = 0
        self._pieces: deque[_Line] = deque()
        self._again: deque[_Line] = deque()
        self._record: list[_Line] = []
        self._size = 0
        self._line = 1
        self._byte = 0
        self._broken = 0

    def __iter__(self) -> Iterator[Record]:
        while self._more():
            yield from self._careful()

    def batches(self) -> Iterator[Plain | Record]:
        """All records: many at once where nothing is odd, the others one by one."""
        while self._more():
            plain = None if self._pieces or not self._width else self._plain()
            if plain is None:
                yield from self._careful()
            else:
                yield plain

    def _more(self) -> bool:
        """Have some lines to read."""
        if not (self._pieces or self._block):
            self._block.extend(self._file.readlines(_BLOCK))
        return bool(self._pieces or self._block)

    def _plain(self) -> Plain | None:
        """The whole block at once, if each of its lines is one record of the right width."""
        lines = list(self._block)
        content = b"".join(lines)
        if b"\0" in content or content.count(b"\r") != content.count(b"\r\n"):
            return None
        try:
            texts = content.decode(self._encoding).split("\n")[: len(lines)]
            found = list(csv.reader(texts, delimiter=self._delimiter, strict=True))
        except (UnicodeDecodeError, csv.Error):
            return None
        if len(found) != len(lines) or not set(map(len, found)) <= {0, self._width}:
            return None
        plain = Plain(found, self._line, self._byte, list(map(len, lines)))
        self._block.clear()
        self._line += len(lines)
        self._byte += len(content)
        return plain

    def _careful(self) -> Iterator[Record]:
        """The records of this block, one by one; the last may reach into what follows."""
        reader = csv.reader(self._feed(), delimiter=self._delimiter, strict=True)
        while True:
            try:
                fields = next(reader)
            except StopIteration:
                if self._record:  # the reader ended inside a record: cannot happen in strict mode
                    yield self._break_off("unreadable")
                return
            except csv.Error as error:
                yield self._break_off(_reason(error))
                # The reader may have ended with the file; the lines put back need a fresh one.
                reader = csv.reader(self._feed(), delimiter=self._delimiter, strict=True)
                continue
            broken = next((line.broken for line in self._record if line.broken), None)
            width = self._width
            if fields and width and len(fields) != width and not broken:
                broken = f"field_count: {len(fields)} fields instead of {width}"
            if broken and len(self._record) > 1 and broken.startswith("field_count"):
                # A stray quote may have swallowed good lines: give up one, read the rest again.
                yield self._break_off(broken)
                reader = csv.reader(self._feed(), delimiter=self._delimiter, strict=True)
                continue
            record = self._take(fields, broken)
            if fields or broken:
                self._width = width or len(fields)
                yield record

    def _next_line(self) -> _Line | None:
        """The next line; None at the end of the block, unless a record reaches beyond it."""
        if not self._pieces:
            if not (self._block or (self._record and self._more())):
                return None
            self._take_apart(self._block.popleft())
        return self._pieces.popleft()

    def _take_apart(self, chunk: bytes) -> None:
        skipped = 0
        if self._is_start:
            self._is_start = False
            if chunk.startswith(_WIDE_MARKS):
                raise RapportError(
                    f"{self._name} is UTF-16, not {self._encoding}.",
                    next_step="Export it as UTF-8 (CSV UTF-8 in a spreadsheet).",
                )
            mark = _MARKS.get(self._encoding, b"\0\0")
            if chunk.startswith(mark):
                skipped = len(mark)
        # A lone carriage return ends a line too (old spreadsheets write nothing else).
        pieces = chunk.splitlines(keepends=True) if b"\r" in chunk[:-2] else (chunk,)
        for piece in pieces:
            self._pieces.append(self._decoded(piece, skipped))
            skipped = 0

    def _decoded(self, piece: bytes, skipped: int) -> _Line:
        broken = None
        body = piece[skipped:] if skipped else piece
        try:
            text = body.decode(self._encoding)
        except UnicodeDecodeError as error:
            text = body.decode(self._encoding, errors="replace")
            broken = f"encoding: byte {error.start + 1} of the line is not {self._encoding}"
        if "\0" in text:
            text = text.replace("\0", "")
            broken = broken or "nul_byte: the line holds a NUL byte"
        return _Line(text, len(piece), broken)

    def _feed(self) -> Iterator[str]:
        record, again = self._record, self._again
        while True:
            if again:
                line = again.popleft()
            else:
                found = self._next_line()
                if found is None:
                    return
                line = found
            record.append(line)
            self._size += line.size
            if self._size > MAX_RECORD and len(record) > 1:
                raise csv.Error("unexpected end of data: longer than any record may be")
            yield line.text

    def _take(self, fields: list[str], broken: str | None) -> Record:
        size = self._size
        taken = Record(fields, self._line, self._byte, self._byte + size, broken)
        self._line += len(self._record)
        self._byte += size
        self._record.clear()
        self._size = 0
        if broken:
            self._broken += 1
            if self._broken > MAX_BROKEN:
                raise RapportError(
                    f"{self._name}: more than {MAX_BROKEN} lines cannot be read; the last is"
                    f" line {taken.line} ({broken}).",
                    next_step="Check delimiter and encoding in the contract, or the file.",
                )
        return taken

    def _break_off(self, reason: str) -> Record:
        """Give up the first line of the record; the others are read again from their beginning."""
        rest = self._record[1:]
        self._again.extendleft(reversed(rest))
        del self._record[1:]
        self._size = self._record[0].size if self._record else 0
        return self._take([], reason)


def _reason(error: csv.Error) -> str:
    text = str(error)
    if text.startswith("unexpected end of data"):
        return "unterminated_quote: a quote is opened and never closed"
    if "field limit" in text:
        return f"too_long: a field is longer than {MAX_RECORD} bytes"
    return f"quoting: {text}"
