"""Temporary tables of one table's load: nothing in them outlives the transaction."""

from __future__ import annotations

import psycopg
from psycopg.types.json import Jsonb

from rapport.landing.statements import LOCATORS, landing, names, run
from rapport.sources.connectors import Delivers, Delivery, Target
from rapport.sources.table_contract import TableContract
from rapport.warehouse.ddl import literal, quoted

WORK = "work"
RAW = "raw"

_LOCATOR_COLUMNS = "_file integer, _line bigint, _byte_from bigint, _byte_to bigint"


def create(connection: psycopg.Connection, table: TableContract, delivers: Delivers) -> Target:
    """Make ``work`` (typed), ``refused``, for text also ``raw``; where to copy into."""
    columns = ", ".join(f"{quoted(c.name)} {_collated(c.type)}" for c in table.columns)
    locators = f", {_LOCATOR_COLUMNS}" if delivers == "text" else ""
    run(connection, f"create temporary table {WORK} ({columns}{locators}) on commit drop")
    run(
        connection,
        "create temporary table refused (rule text, message text, key_values jsonb, locator jsonb,"
        " row_data jsonb, amount numeric, currency text) on commit drop",
    )
    if delivers == "typed":
        return Target(WORK)
    texts = ", ".join(f'{quoted(c.name)} text collate "C"' for c in table.columns)
    run(connection, f"create temporary table {RAW} ({_LOCATOR_COLUMNS}, {texts}) on commit drop")
    run(
        connection,
        "create temporary table input_file (_file integer, path text, sha256 text) on commit drop",
    )
    return Target(WORK, raw=RAW)


def record_delivery(connection: psycopg.Connection, delivery: Delivery) -> None:
    """Keep the files of a delivery for locators, and refuse what could not become a row."""
    if not delivery.files:
        return
    with connection.cursor() as cursor:
        cursor.executemany(
            "insert into input_file values (%s, %s, %s)",
            [(n, file.path, file.sha256) for n, file in enumerate(delivery.files)],
        )
        cursor.executemany(
            "insert into refused (rule, message, locator) values (%s, %s, %s)",
            [(r.rule, r.message, Jsonb(dict(r.locator))) for r in delivery.refusals],
        )


def locator(delivers: Delivers, alias: str) -> str:
    """SQL for where a row of ``work`` or ``raw`` was read; NULL for a database."""
    if delivers == "typed":
        return "null::jsonb"
    pairs = ", ".join(f"{literal(n.removeprefix('_'))}, {alias}.{n}" for n in LOCATORS[1:])
    return (
        f"(select jsonb_build_object('file', f.path, 'sha256', f.sha256, {pairs})"
        f" from input_file as f where f._file = {alias}._file)"
    )


def quarantine(connection: psycopg.Connection, table: TableContract, batch: int) -> int:
    """Write everything refused to the table's quarantine; number of rows."""
    return run(
        connection,
        f"insert into quarantine.{quoted(table.landing_name)}"
        " (batch_seq, rule, message, key_values, locator, row_data)"
        f" select {batch}, rule, message, key_values, locator, row_data from refused",
    )


def insert_all(connection: psycopg.Connection, table: TableContract, batch: int) -> int:
    """First load: all of ``work`` becomes history; number of rows."""
    columns = names(table.columns)
    return run(
        connection,
        f"insert into {landing(table)} ({columns}, _from_batch)"
        f" select {columns}, {batch} from {WORK}",
    )


def _collated(type_: str) -> str:
    return f'{type_} collate "C"' if type_ == "text" else type_
