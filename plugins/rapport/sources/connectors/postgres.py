"""A PostgreSQL source: one REPEATABLE READ snapshot, held to its contract before any read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from typing import Any

import psycopg
from psycopg import sql

from rapport.errors import RapportError
from rapport.settings import Settings
from rapport.sources.connectors import Delivers, Delivery, Digests, Horizon, KeyRanges, Target
from rapport.sources.connectors.binary_copy import person_change, stream
from rapport.sources.connectors.key_ranges import digest_columns, range_number
from rapport.sources.connectors.postgres_horizon import observe
from rapport.sources.connectors.postgres_schema import base_type, fits, read_schema
from rapport.sources.pseudonyms import Pseudonymiser, load_pseudonymiser
from rapport.sources.table_contract import Column, Contract, TableContract
from rapport.warehouse.dsn import connect, source_dsn


class PostgresSnapshot:
    """One read-only transaction; every table of the batch is read in it."""

    delivers: Delivers = "typed"

    def __init__(
        self,
        contract: Contract,
        connection: psycopg.Connection,
        pseudonymiser: Pseudonymiser,
        time_zone: str,
        horizon: Horizon,
    ) -> None:
        self.horizon = horizon
        self._connection = connection
        self._pseudonymiser = pseudonymiser
        self._time_zone = time_zone
        self.schema = read_schema(connection, contract)
        self.evidence = _describe(connection)

    def copy(self, table: TableContract, warehouse: psycopg.Connection, target: Target) -> Delivery:
        return self._copy(table, warehouse, target, None)

    def copy_since(
        self, table: TableContract, warehouse: psycopg.Connection, target: Target, low: datetime
    ) -> Delivery:
        return self._copy(table, warehouse, target, self._is_since(table, low))

    def copy_ranges(
        self,
        table: TableContract,
        warehouse: psycopg.Connection,
        target: Target,
        low: datetime,
        condition: str,
    ) -> Delivery:
        key = self._value(table, table.column(table.key[0]))
        # `k` is the key as landing holds it.
        where = sql.SQL("not {} and exists (select from (select {} as k) as key where {})").format(
            self._is_since(table, low), key, sql.SQL(condition)
        )
        return self._copy(table, warehouse, target, where)

    def digests(self, table: TableContract, low: datetime, ranges: KeyRanges) -> Digests:
        assert table.cursor is not None
        columns = [table.column(name) for name in (*table.key, table.cursor)]
        values = [self._value(table, c).as_string(self._connection) for c in columns]
        query = sql.SQL("select {}, {} from {} where not {} and {} group by 1").format(
            sql.SQL(range_number(ranges, values[0])),
            sql.SQL(digest_columns(values)),
            _relation(table),
            self._is_since(table, low),
            # Rows without a key are in no range: they were refused when they were read.
            sql.SQL(" and ".join(f"{v} is not null" for v in values[:-1])),
        )
        with _reading(table):
            return {n: (rows, digest) for n, rows, digest in self._connection.execute(query)}

    def fits(self, source_type: str, wanted: str) -> bool:
        return fits(source_type, wanted)

    def _type(self, table: TableContract, column: Column) -> str:
        return self.schema[table.name][column.source].type

    def _value(self, table: TableContract, column: Column) -> sql.Composable:
        return _read(column, self._type(table, column), self._time_zone)

    def _is_since(self, table: TableContract, low: datetime) -> sql.Composable:
        assert table.cursor is not None
        column = table.column(table.cursor)
        name = sql.Identifier(column.source)
        start: sql.Composable = sql.SQL("{}::timestamptz").format(sql.Literal(low.isoformat()))
        if base_type(self._type(table, column)) == "timestamp without time zone":
            # Compared as stored, so that an index serves; an hour more, because summer time ends.
            zone = sql.Literal(column.time_zone or self._time_zone)
            start = sql.SQL("(({} - interval '1 hour') at time zone {})").format(start, zone)
        return sql.SQL("({name} is null or {name} >= {start})").format(name=name, start=start)

    def _copy(
        self,
        table: TableContract,
        warehouse: psycopg.Connection,
        target: Target,
        where: sql.Composable | None,
    ) -> Delivery:
        # Person columns come first, so that only they are looked at in each row.
        persons = [c for c in table.columns if c.is_person]
        ordered = persons + [c for c in table.columns if not c.is_person]
        values = [self._value(table, c) for c in ordered]
        # The source sends the constants too: cheaper than touching each row on the way.
        values += [sql.SQL("{}::bigint").format(v) for v in target.constants.values()]
        query = sql.SQL("select {} from {} where {}").format(
            sql.SQL(", ").join(values), _relation(table), where or sql.SQL("true")
        )
        names = [sql.Identifier(n) for n in (*(c.name for c in ordered), *target.constants)]
        into = sql.SQL("{} ({})").format(sql.SQL(target.relation), sql.SQL(", ").join(names))
        change = person_change(self._pseudonymiser, len(persons)) if persons else None
        with _reading(table):
            return Delivery(stream(self._connection, query, warehouse, into, change))


def _relation(table: TableContract) -> sql.Composable:
    return sql.Identifier(*table.relation.split(".", 1))


@contextmanager
def _reading(table: TableContract) -> Iterator[None]:
    """Errors name the table, with the server's headline only: details may quote rows."""
    try:
        yield
    except psycopg.errors.UniqueViolation:
        raise
    except psycopg.Error as error:
        message = error.diag.message_primary or str(error).splitlines()[0]
        raise RapportError(
            f"{table.source}.{table.name}: reading {table.relation} failed: {message}",
            next_step="Nothing of this batch is visible; mend the cause and run again.",
        ) from None


@contextmanager
def open_postgres(contract: Contract, settings: Settings) -> Iterator[PostgresSnapshot]:
    """Open the snapshot of a PostgreSQL source."""
    dsn = source_dsn(settings, contract.connection or contract.source)
    # Closed, not rolled back: after a failed copy the connection is still in the middle of it.
    with closing(connect(dsn, application_name=f"rapport extract {contract.source}")) as connection:
        connection.autocommit = True
        horizon = observe(connection)
        connection.autocommit = False
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        connection.execute("set local lock_timeout = '60s'")
        pseudonymiser = load_pseudonymiser(settings)
        zone = settings.business_time_zone
        yield PostgresSnapshot(contract, connection, pseudonymiser, zone, horizon)


def _describe(connection: psycopg.Connection) -> dict[str, Any]:
    row = connection.execute(
        "select current_database(), current_setting('server_version'), pg_current_snapshot()::text,"
        " clock_timestamp()::text, pg_is_in_recovery()"
    ).fetchone()
    assert row is not None
    names = ("database", "server_version", "snapshot", "taken_at", "is_replica")
    return {"connector": "postgres", **dict(zip(names, row, strict=True))}


def _read(column: Column, type_: str, time_zone: str) -> sql.Composable:
    name = sql.Identifier(column.source)
    base = base_type(type_)
    if base == base_type(column.type) and base != "numeric":
        return name
    if column.type == "timestamptz":
        zone = column.time_zone or time_zone
        return sql.SQL("{} at time zone {}").format(name, sql.Literal(zone))
    return sql.SQL("{}::{}").format(name, sql.SQL(column.type))
