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
    messages = _messages(source.pgconn, read)
    with warehouse.cursor() as cursor:
        with cursor.copy(write) as copy:
            parts: list[bytes] = []
            size = 0
            for part in _changed(messages, change) if change else messages:
                parts.append(part)
                size += len(part)
                if size >= BLOCK:
                    copy.write(b"".join(parts))
                    parts.clear()
                    size = 0
            copy.write(b"".join(parts))
        written = cursor.rowcount
    sent = _finish(source.pgconn)
    if sent != written:
        raise RapportError(f"The source sent {sent} rows, but {written} arrived.")
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


def _messages(connection: pq.abc.PGconn, command: bytes) -> Iterator[bytes]:
    # One message is one row. psycopg's own reader costs several times the copy itself.
    result = connection.exec_(command)
    if result.status != pq.ExecStatus.COPY_OUT:
        raise psycopg.errors.lookup(_state(result))(_message(result))
    fetch = connection.get_copy_data
    while True:
        length, data = fetch(1)
        if length > 0:
            yield data  # type: ignore[misc]
        elif length == 0:
            select.select([connection.socket], [], [])
            connection.consume_input()
        else:
            return


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


def _finish(connection: pq.abc.PGconn) -> int:
    result = connection.get_result()
    if result is None or result.status != pq.ExecStatus.COMMAND_OK:
        if result is None:
            raise RapportError("The source closed the connection during the copy.")
        raise psycopg.errors.lookup(_state(result))(_message(result))
    while connection.get_result() is not None:
        pass
    return result.command_tuples or 0


def _state(result: pq.abc.PGresult) -> str:
    return (result.error_field(pq.DiagnosticField.SQLSTATE) or b"08006").decode()


def _message(result: pq.abc.PGresult) -> str:
    return (result.error_field(pq.DiagnosticField.MESSAGE_PRIMARY) or b"connection lost").decode(
        errors="replace"
    )
