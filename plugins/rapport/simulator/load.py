"""Write the world into the two source databases, by COPY, in one transaction each."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import psycopg
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
from psycopg import sql

from rapport.errors import RapportError
from rapport.simulator.frames import canonical, column_types, required_columns

READER = "source_reader"
_CHUNK = 65_536


def entities(side: str) -> list[str]:
    """Entities that a system owns: ``crm`` or ``loans``."""
    return [name for name, spec in canonical().items() if spec["side"] == side]


def table_sql(entity: str, *, name: str | None = None) -> sql.Composed:
    """CREATE TABLE with exactly the canonical columns, NOT NULL and primary key."""
    required = required_columns(entity)
    columns = [
        sql.SQL("{} {}{}").format(
            sql.Identifier(column),
            sql.SQL(sql_type),
            sql.SQL(" not null" if column in required else ""),
        )
        for column, sql_type in column_types(entity).items()
    ]
    key = sql.SQL(", ").join(map(sql.Identifier, canonical()[entity]["key"]))
    return sql.SQL("create table {} ({}, primary key ({}))").format(
        sql.Identifier(name or entity), sql.SQL(", ").join(columns), key
    )


def csv_chunks(table: pa.Table) -> Iterator[bytes]:
    """CSV without a header; NULL is an empty field, an empty text is quoted."""
    options = pyarrow.csv.WriteOptions(include_header=False, quoting_style="needed")
    for batch in table.to_batches(max_chunksize=_CHUNK):
        buffer = io.BytesIO()
        pyarrow.csv.write_csv(printable(batch), buffer, options)
        yield buffer.getvalue()


def printable(table: Any) -> Any:
    """Instants as text with their zone, so that the session's time zone does not matter."""
    columns = [
        pc.strftime(column, "%Y-%m-%dT%H:%M:%S+00:00")
        if pa.types.is_timestamp(column.type)
        else column
        for column in table.columns
    ]
    return type(table).from_arrays(columns, names=table.schema.names)


def _copy(cursor: psycopg.Cursor[Any], name: str, table: pa.Table) -> None:
    statement = sql.SQL("copy {} from stdin (format csv)").format(sql.Identifier(name))
    with cursor.copy(statement) as copy:
        for chunk in csv_chunks(table):
            copy.write(chunk)


def _connect(dsn: str) -> psycopg.Connection[Any]:
    try:
        connection = psycopg.connect(dsn, application_name="rapport simulate", connect_timeout=10)
    except psycopg.OperationalError as error:
        raise RapportError(
            f"The simulated source database does not answer: {str(error).splitlines()[0]}",
            next_step="Start it with `make run`, or look at `rapport status`.",
        ) from None
    connection.execute("set time zone 'UTC'")
    connection.execute("set datestyle to 'ISO, YMD'")
    connection.execute("set synchronous_commit to off")
    connection.execute("set lock_timeout to '60s'")
    return connection


@contextmanager
def _writing(dsn: str) -> Iterator[psycopg.Connection[Any]]:
    """One transaction; a lock that an extraction holds for long becomes a readable error."""
    try:
        with _connect(dsn) as connection:
            yield connection
    except psycopg.errors.LockNotAvailable:
        raise RapportError(
            "The tables of the simulated source are in use, so they cannot be written.",
            next_step="Wait for the running extraction to end and try again.",
        ) from None


def replace_all(dsn: str, tables: Mapping[str, pa.Table]) -> None:
    """Drop and refill the tables of one source. Readers see the old world or the new one."""
    with _writing(dsn) as connection, connection.cursor() as cursor:
        has_reader = cursor.execute(
            "select exists (select from pg_roles where rolname = %s)", [READER]
        ).fetchone() == (True,)
        for entity, table in tables.items():
            name = sql.Identifier(entity)
            cursor.execute(sql.SQL("drop table if exists {}").format(name))
            cursor.execute(table_sql(entity))
            _copy(cursor, entity, table)
            if has_reader:
                cursor.execute(
                    sql.SQL("grant select on {} to {}").format(name, sql.Identifier(READER))
                )
    _analyze(dsn)


def _analyze(dsn: str) -> None:
    with _connect(dsn) as connection:
        connection.execute("analyze")


def merge(dsn: str, tables: Mapping[str, pa.Table]) -> dict[str, tuple[int, int]]:
    """Insert new rows and update changed ones; entity -> (inserted, updated). Deletes nothing."""
    counts = {}
    with _writing(dsn) as connection, connection.cursor() as cursor:
        for entity, table in tables.items():
            counts[entity] = _merge_table(cursor, entity, table)
    return counts


def _merge_table(cursor: psycopg.Cursor[Any], entity: str, table: pa.Table) -> tuple[int, int]:
    name, fresh = sql.Identifier(entity), sql.Identifier(f"new_{entity}")
    key = canonical()[entity]["key"]
    rest = [column for column in column_types(entity) if column not in key]
    cursor.execute(
        sql.SQL("create temp table {} (like {} including defaults) on commit drop").format(
            fresh, name
        )
    )
    _copy(cursor, f"new_{entity}", table)
    cursor.execute(sql.SQL("analyze {}").format(fresh))
    join = sql.SQL(" and ").join(
        sql.SQL("o.{0} = n.{0}").format(sql.Identifier(column)) for column in key
    )
    updated = 0
    if rest:
        updates = sql.SQL(", ").join(
            sql.SQL("{0} = n.{0}").format(sql.Identifier(column)) for column in rest
        )
        old = sql.SQL(", ").join(sql.SQL("o.{}").format(sql.Identifier(c)) for c in rest)
        new = sql.SQL(", ").join(sql.SQL("n.{}").format(sql.Identifier(c)) for c in rest)
        cursor.execute(
            sql.SQL(
                "update {} o set {} from {} n where {} and ({}) is distinct from ({})"
                if len(rest) == 1
                else "update {} o set {} from {} n where {} and row({}) is distinct from row({})"
            ).format(name, updates, fresh, join, old, new)
        )
        updated = cursor.rowcount
    cursor.execute(
        sql.SQL(
            "insert into {} select n.* from {} n where not exists (select from {} o where {})"
        ).format(name, fresh, name, join)
    )
    return cursor.rowcount, updated
