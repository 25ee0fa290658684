"""PostgreSQL binary COPY from one server straight into another, in large blocks."""

from __future__ import annotations

import select
import struct
from collections.abc import Callable, Iterator

import psycopg
from psycopg import pq, sql

from rapport.errors import RapportError
from rapport.sources.pseudonyms import Pseudonymiser

BLOCK = 256 * 1024
_SIGNATURE = b"PGCOPY\n\xff\r\n\0"
_HEADER = _SIGNATURE + bytes(8)
_INT16 = struct.Struct("!h")
_INT32 = struct.Struct("!i")
RowChange = Callable[[bytes], bytes]


def stream(
    source: psycopg.Connection,
    query: sql.Composable,
    warehouse: psycopg.Connection,
    into: sql.Composable,
    change: RowChange | None = None,
) -> int:
    """Copy the query's rows into a table of the same types.

    Args:
        change: applied to each row's binary form (see ``person_change``); without it a row is
            never looked at.

    Returns:
        Number of rows; both servers counted the same.
    """
    read = sql.SQL("copy ({}) to stdout (format binary)").format(query).as_bytes(source)
    write = sql.SQL("copy {} from stdin (format binary)").format(into)
    reading = _Reading(source.pgconn, read)
    messages = iter(reading)
    with warehouse.cursor() as cursor:
        try:
            with cursor.copy(write) as copy:
                for block in _blocks(_changed(messages, change) if change else messages):
                    copy.write(block)
        except psycopg.Error:
            for _ in messages:  # what is left, so that the source's transaction can go on
                pass
            raise
        written = cursor.rowcount
    if reading.sent != written:
        raise RapportError(f"The source sent {reading.sent} rows, but {written} arrived.")
    return written


def person_change(pseudonymiser: Pseudonymiser, count: int) -> RowChange:
    """A row change that pseudonymises the first ``count`` fields (text), keeping the rest."""

    def change(row: bytes) -> bytes:
        parts = [row[:2]]
        position = 2
        for _ in range(count):
            (length,) = _INT32.unpack_from(row, position)
            position += 4
            value = None
            if length >= 0:
                value = pseudonymiser.of(row[position : position + length].decode())
                position += length
            encoded = value.encode() if value is not None else b""
            parts += (_INT32.pack(-1 if value is None else len(encoded)), encoded)
        parts.append(row[position:])
        return b"".join(parts)

    return change


def _blocks(messages: Iterator[bytes]) -> Iterator[bytes]:
    parts: list[bytes] = []
    size = 0
    for part in messages:
        parts.append(part)
        size += len(part)
        if size >= BLOCK:
            yield b"".join(parts)
            parts.clear()
            size = 0
    yield b"".join(parts)


class _Reading:
    """The messages of one COPY TO STDOUT: one for each row. ``sent`` is known at the end.

    psycopg's own reader costs several times the copy itself, so libpq is asked directly.
    """

    def __init__(self, connection: pq.abc.PGconn, command: bytes) -> None:
        self._connection = connection
        self._command = command
        self.sent = 0

    def __iter__(self) -> Iterator[bytes]:
        connection = self._connection
        started = connection.exec_(self._command)
        if started.status != pq.ExecStatus.COPY_OUT:
            raise _error(started)
        fetch = connection.get_copy_data
        while True:
            length, data = fetch(1)
            if length > 0:
                yield data  # type: ignore[misc]
            elif length == 0:
                select.select([connection.socket], [], [])
                connection.consume_input()
            else:
                break
        # Asked before the other side is told that all is well: the end may be an error.
        ended = connection.get_result()
        while connection.get_result() is not None:
            pass
        if ended is None or ended.status != pq.ExecStatus.COMMAND_OK:
            raise _error(ended)
        self.sent = ended.command_tuples or 0


def _changed(messages: Iterator[bytes], change: RowChange) -> Iterator[bytes]:
    for number, message in enumerate(messages):
        row = bytes(message)
        if number == 0 and row.startswith(_SIGNATURE):
            yield row[: len(_HEADER)]
            row = row[len(_HEADER) :]
        if len(row) > 2:
            yield change(row)
        elif row:
            yield row  # the end marker


def _error(result: pq.abc.PGresult | None) -> psycopg.Error:
    """The server's error; of its text only the headline, because details quote rows."""
    if result is None:
        return psycopg.OperationalError("the source closed the connection during the copy")
    state = result.error_field(pq.DiagnosticField.SQLSTATE) or b"08006"
    headline = result.error_field(pq.DiagnosticField.MESSAGE_PRIMARY) or b"connection lost"
    try:
        kind: type[psycopg.Error] = psycopg.errors.lookup(state.decode())
    except KeyError:
        kind = psycopg.DatabaseError
    return kind(headline.decode(errors="replace"))
