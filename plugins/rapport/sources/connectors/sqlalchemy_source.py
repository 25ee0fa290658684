"""Any database SQLAlchemy knows: one read-only snapshot, rows streamed as exact text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import URL, Connection
from sqlalchemy.exc import SQLAlchemyError

from rapport.errors import RapportError
from rapport.settings import Settings
from rapport.sources.connectors import InputFile
from rapport.sources.connectors.text_batches import Part, TextBatch
from rapport.sources.connectors.text_snapshot import TextSnapshot
from rapport.sources.connectors.value_text import as_text
from rapport.sources.table_contract import Column, Contract, TableContract
from rapport.warehouse.dsn import source_dsn

_ROWS = 10_000
_Kinds = dict[str, sa.types.TypeEngine[Any]]
_MARIADB = ("mysql", "mariadb")
# One view of all tables, for as long as the transaction is open; by dialect.
_ISOLATION = {
    **dict.fromkeys((*_MARIADB, "postgresql"), "REPEATABLE READ"),
    "mssql": "SNAPSHOT",
    "oracle": "SERIALIZABLE",
    "sqlite": "SERIALIZABLE",
}


class DatabaseSource:
    """One transaction in which all tables are read, checked against the contract before."""

    def __init__(self, contract: Contract, connection: Connection) -> None:
        self._connection = connection
        self._kinds = _check_tables(contract, connection)
        dialect = connection.dialect
        version = ".".join(map(str, dialect.server_version_info or ()))
        self.evidence: dict[str, Any] = {
            "connector": "sqlalchemy",
            "dialect": dialect.name,
            "server_version": version,
            "isolation": _ISOLATION[dialect.name],
            "database": connection.engine.url.database,
        }

    def parts(self, table: TableContract) -> Iterator[Part]:
        yield _QueryPart(table, self._connection, self._kinds[table.name])


class _QueryPart:
    """All rows of one table; they are counted from 1 in the order they came."""

    def __init__(
        self,
        table: TableContract,
        connection: Connection,
        kinds: dict[str, sa.types.TypeEngine[Any]],
    ) -> None:
        self._table = table
        self._connection = connection
        self._kinds = kinds
        self.columns: Sequence[Column] = [c for c in table.columns if not c.source.startswith("@")]

    def batches(self) -> Iterator[TextBatch]:
        schema, name = _relation(self._table, self._connection)
        # Columns without a type: nothing but the driver touches a value on its way.
        columns: list[sa.ColumnElement[Any]] = [sa.column(c.source) for c in self.columns]
        query = sa.select(*columns).select_from(sa.table(name, schema=schema))
        streamed = self._connection.execution_options(stream_results=True, yield_per=_ROWS)
        dialect = self._connection.dialect.name
        instants = [
            dialect in _MARIADB and isinstance(self._kinds[c.source], sa.types.TIMESTAMP)
            for c in self.columns
        ]
        bits = [type(self._kinds[c.source]).__name__ == "BIT" for c in self.columns]
        number = 1
        try:
            for found in streamed.execute(query).partitions(_ROWS):
                texts = [
                    _texts(values, is_bit=is_bit, is_utc=is_utc)
                    for values, is_bit, is_utc in zip(
                        zip(*found, strict=True), bits, instants, strict=True
                    )
                ]
                rows = list(zip(*texts, strict=True))
                yield TextBatch(rows, range(number, number + len(rows)))
                number += len(rows)
        except SQLAlchemyError as error:
            raise _read_error(self._table, error) from None

    def finished(self, rows: int) -> InputFile | None:
        return None


@contextmanager
def open_database(contract: Contract, settings: Settings) -> Iterator[TextSnapshot]:
    """Open one consistent, read-only snapshot of a database.

    Raises:
        RapportError: when it does not answer, cannot give a snapshot, or is not as agreed.
    """
    url = _url(source_dsn(settings, contract.connection or contract.source))
    dialect = url.get_dialect().name
    if dialect not in _ISOLATION:
        raise RapportError(
            f"Source {contract.source}: no consistent snapshot of {dialect} is known here.",
            next_step=f"Known: {', '.join(sorted(_ISOLATION))}. Otherwise export files.",
        )
    engine = sa.create_engine(
        url,
        poolclass=sa.pool.NullPool,
        isolation_level=_ISOLATION[dialect],
        connect_args=_connect_arguments(url),
        hide_parameters=True,
    )
    try:
        connection = engine.connect()
    except SQLAlchemyError as error:
        shown = url.render_as_string(hide_password=True)
        raise RapportError(
            f"Source {contract.source}: cannot connect to {shown}: {_headline(error)}",
            next_step="Check the address and that the server answers.",
        ) from None
    try:
        _begin(connection, dialect)
        yield TextSnapshot(DatabaseSource(contract, connection), settings)
    finally:
        # Not rolled back politely: what is left of a stream need not be read.
        connection.invalidate()
        connection.close()
        engine.dispose()


def _url(dsn: str) -> URL:
    try:
        return sa.make_url(dsn)
    except SQLAlchemyError:
        raise RapportError(
            "The address of the source is no SQLAlchemy URL.",
            next_step="Write it like mysql+pymysql://user:password@host:3306/database.",
        ) from None


def _connect_arguments(url: URL) -> dict[str, Any]:
    if url.drivername.endswith("+pymysql"):
        from pymysql.converters import conversions

        # Without decoders every value stays the text the server sent: exact, and quicker.
        encoders = {k: v for k, v in conversions.items() if not isinstance(k, int)}
        return {"conv": encoders, "charset": "utf8mb4"}
    return {}


def _begin(connection: Connection, dialect: str) -> None:
    if dialect in _MARIADB:
        connection.exec_driver_sql("set time_zone = '+00:00'")
        connection.exec_driver_sql("set net_write_timeout = 3600")
        connection.exec_driver_sql("start transaction with consistent snapshot, read only")
    elif dialect == "postgresql":
        connection.exec_driver_sql("set transaction read only")


def _relation(table: TableContract, connection: Connection) -> tuple[str | None, str]:
    schema, _, name = table.relation.rpartition(".")
    # `public` is PostgreSQL's; elsewhere the database itself is meant.
    is_default = schema in ("", "public") and connection.dialect.name != "postgresql"
    return (None if is_default else schema), name


def _check_tables(contract: Contract, connection: Connection) -> dict[str, _Kinds]:
    inspector = sa.inspect(connection)
    problems: list[str] = []
    kinds = {}
    for table in contract.tables.values():
        schema, name = _relation(table, connection)
        try:
            found = {c["name"]: c["type"] for c in inspector.get_columns(name, schema=schema)}
        except SQLAlchemyError:
            problems.append(f"table {name} does not exist or may not be read")
            continue
        kinds[table.name] = found
        problems += [
            f"{name}.{c.source} does not exist"
            for c in table.columns
            if not c.source.startswith("@") and c.source not in found
        ]
        if table.drift == "freeze":
            known = {c.source for c in table.columns}
            problems += [f"{name}.{c} is not in the contract" for c in found if c not in known]
    if problems:
        raise RapportError(
            f"Source {contract.source} does not match its contract:\n  " + "\n  ".join(problems),
            next_step=f"Mend the source or the contract {contract.source}.yml; nothing was read.",
        )
    return kinds


def _texts(values: Sequence[object], *, is_bit: bool, is_utc: bool) -> Sequence[str | None]:
    if is_bit:
        return [
            str(int.from_bytes(v, "big")) if isinstance(v, bytes) else as_text(v) for v in values
        ]
    texts: Sequence[str | None]
    if all(v is None or type(v) is str for v in values):
        texts = values  # type: ignore[assignment]
    else:
        texts = [as_text(v) for v in values]
    return [f"{t}+00:00" if t and t[0] != "0" else t for t in texts] if is_utc else texts


def _headline(error: SQLAlchemyError) -> str:
    """The driver's first line; statements and parameters stay out of it."""
    cause = getattr(error, "orig", None) or error
    return str(cause).splitlines()[0][:200]


def _read_error(table: TableContract, error: SQLAlchemyError) -> RapportError:
    cause = getattr(error, "orig", None)
    code = cause.args[0] if cause is not None and cause.args else type(error).__name__
    # Only the code: messages of some drivers quote values.
    shown = code if isinstance(code, int) else type(cause or error).__name__
    return RapportError(
        f"{table.source}.{table.name}: reading {table.relation} failed (error {shown}).",
        next_step="Nothing of this batch is visible; mend the cause and run again.",
    )
