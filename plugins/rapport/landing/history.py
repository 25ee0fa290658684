"""Turn a full read into versions: close what changed, insert what is new, mark what is gone."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

import psycopg

from rapport.landing.guards import guard_deletions
from rapport.landing.open_batch import OpenBatch
from rapport.landing.statements import key_json, landing, money, names, rows, run
from rapport.landing.work_tables import WORK, insert_all
from rapport.sources.table_contract import TableContract
from rapport.warehouse.ddl import OPEN_END, quoted


class Merged(NamedTuple):
    """Versions written by one merge; ``changed_money`` are the control sums of the landed rows."""

    landed: int
    tombstoned: int
    withheld: int
    changed_money: dict[str, Decimal]


def merge_full_read(batch: OpenBatch, table: TableContract, read: int) -> Merged:
    """Bring the history of a table to what ``work`` says is now the whole of it.

    A key that was refused keeps its current version: the row still exists, its new values are
    only not trusted. While pieces of the input could not be read at all, no key is taken for
    deleted, because it may have stood there.

    Args:
        read: rows delivered, those that were refused included.

    Raises:
        RapportError: when a guard against deletions stops the table.
    """
    connection = batch.warehouse
    if not rows(connection, f"select from {_current(table)} as l limit 1"):
        # Nothing to compare with; what came typed and clean never gets here (first_load).
        landed = insert_all(connection, table, batch.seq)
        return Merged(landed, 0, 0, money(connection, table, WORK))
    run(connection, f"analyze {WORK}")
    _make_delta(
        connection, f"{_differences(table, 'full')} or (w.ref is null and not l._is_deleted)"
    )
    return _merge(batch, table, read)


def merge_changes(batch: OpenBatch, table: TableContract, compared: str) -> Merged:
    """Bring what ``work`` holds into the history; keys outside it stay as they are.

    Args:
        compared: SQL over the history ``l``: a key there that is not in ``work`` is gone.
    """
    connection = batch.warehouse
    run(connection, f"analyze {WORK}")
    key = names(table.key, "l")
    gone = (
        f"select null::tid as ref, l.ref as old, {key} from {_current(table)} as l"
        f" where {compared} and not l._is_deleted and not exists"
        f" (select from {WORK} as w where {_same_key(table)})"
    )
    _make_delta(connection, f"{_differences(table, 'left')} union all {gone}")
    return _merge(batch, table, None)


def _merge(batch: OpenBatch, table: TableContract, read: int | None) -> Merged:
    connection = batch.warehouse
    withheld = _spare_refused_keys(connection, table)
    _guard_deletions(batch, table, read)
    tombstoned = _close_and_bury(connection, table, batch.seq)
    _close_changed(connection, table, batch.seq)
    columns = names(table.columns)
    landed = run(
        connection,
        f"insert into {landing(table)} ({columns}, _from_batch)"
        f" select {names(table.columns, 'w')}, {batch.seq} from work as w"
        " join delta as d on w.ctid = d.ref",
    )
    written = f"_from_batch = {batch.seq} and not _is_deleted"
    return Merged(landed, tombstoned, withheld, money(connection, table, landing(table), written))


def _current(table: TableContract) -> str:
    return f"(select *, ctid as ref from {landing(table)} where _to_batch = {OPEN_END})"


def _same_key(table: TableContract) -> str:
    return " and ".join(f"w.{quoted(k)} = l.{quoted(k)}" for k in table.key)


def _differences(table: TableContract, join: str) -> str:
    """Rows of ``work`` that are new, changed or back; ref in work, old in landing (NULL: new)."""
    payload = tuple(c.name for c in table.columns if c.name not in table.key)
    changed = (
        f"or row({names(payload, 'w')}) is distinct from row({names(payload, 'l')})"
        if payload
        else ""
    )
    return (
        f"select w.ref, l.ref as old, {names(table.key, 'l')}"
        f" from (select *, ctid as ref from {WORK}) as w"
        f" {join} join {_current(table)} as l on {_same_key(table)}"
        f" where l.ref is null or (w.ref is not null and (l._is_deleted {changed}))"
    )


def _make_delta(connection: psycopg.Connection, query: str) -> None:
    """``delta``: ref in work (NULL: gone from the source), old in landing (NULL: new), old key."""
    run(connection, f"create temporary table delta on commit drop as {query}")
    run(connection, "analyze delta")


def _spare_refused_keys(connection: psycopg.Connection, table: TableContract) -> int:
    gone = "d.ref is null"
    if rows(connection, "select from refused where key_values is null limit 1"):
        return run(connection, f"delete from delta as d where {gone}")
    run(
        connection,
        f"delete from delta as d using refused as r where {gone}"
        f" and r.key_values = {key_json(table, 'd')}",
    )
    return 0


def _guard_deletions(batch: OpenBatch, table: TableContract, read: int | None) -> None:
    ((gone,),) = rows(batch.warehouse, "select count(*) from delta where ref is null")
    if not gone:
        return
    live = f"select count(*) from {_current(table)} as l where not _is_deleted"
    ((known,),) = rows(batch.warehouse, live)
    guard_deletions(batch, table, gone=gone, live=known, read=read)


def _close_and_bury(connection: psycopg.Connection, table: TableContract, batch: int) -> int:
    columns = names(table.columns)
    return run(
        connection,
        f"with closed as (update {landing(table)} as l set _to_batch = {batch}, _closed_at = now()"
        " from delta as d where l.ctid = d.old and d.ref is null"
        f" returning {names(table.columns, 'l')})"
        f" insert into {landing(table)} ({columns}, _from_batch, _is_deleted)"
        f" select {columns}, {batch}, true from closed",
    )


def _close_changed(connection: psycopg.Connection, table: TableContract, batch: int) -> int:
    return run(
        connection,
        f"update {landing(table)} as l set _to_batch = {batch}, _closed_at = now()"
        " from delta as d where l.ctid = d.old and d.ref is not null",
    )
