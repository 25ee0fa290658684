"""Turn a full read into versions: close what changed, insert what is new, mark what is gone."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

import psycopg

from rapport.errors import RapportError
from rapport.landing.statements import key_json, landing, money, names, rows, run
from rapport.landing.work_tables import WORK, insert_all
from rapport.sources.table_contract import TableContract
from rapport.warehouse.ddl import OPEN_END, quoted

MASS_DELETE_SHARE = Decimal("0.01")
MASS_DELETE_ROWS = 100


class Merged(NamedTuple):
    """Versions written by one merge; ``changed_money`` are the control sums of the landed rows."""

    landed: int
    tombstoned: int
    withheld: int
    changed_money: dict[str, Decimal]


def merge_full_read(connection: psycopg.Connection, table: TableContract, batch: int) -> Merged:
    """Bring the history of a table to what ``work`` says is now the whole of it.

    A key that was refused keeps its current version: the row still exists, its new values are
    only not trusted. While pieces of the input could not be read at all, no key is taken for
    deleted, because it may have stood there.

    Raises:
        RapportError: when more than max(1 %, 100 rows) would be marked deleted.
    """
    current = _current(table)
    if not rows(connection, f"select from {current} as l limit 1"):
        # Nothing to compare with; what came typed and clean never gets here (first_load).
        landed = insert_all(connection, table, batch)
        return Merged(landed, 0, 0, money(connection, table, WORK))
    run(connection, f"analyze {WORK}")
    _find_differences(connection, table, current)
    withheld = _spare_refused_keys(connection, table)
    _refuse_mass_delete(connection, table, current)
    tombstoned = _close_and_bury(connection, table, batch)
    _close_changed(connection, table, batch)
    columns = names(table.columns)
    landed = run(
        connection,
        f"insert into {landing(table)} ({columns}, _from_batch)"
        f" select {names(table.columns, 'w')}, {batch} from work as w"
        " join delta as d on w.ctid = d.ref",
    )
    written = f"_from_batch = {batch} and not _is_deleted"
    return Merged(landed, tombstoned, withheld, money(connection, table, landing(table), written))


def _current(table: TableContract) -> str:
    return f"(select *, ctid as ref from {landing(table)} where _to_batch = {OPEN_END})"


def _find_differences(connection: psycopg.Connection, table: TableContract, current: str) -> None:
    """``delta``: ref in work (NULL: gone from the source), old in landing (NULL: new)."""
    same_key = " and ".join(f"w.{quoted(k)} = l.{quoted(k)}" for k in table.key)
    payload = tuple(c.name for c in table.columns if c.name not in table.key)
    changed = (
        f"or row({names(payload, 'w')}) is distinct from row({names(payload, 'l')})"
        if payload
        else ""
    )
    run(
        connection,
        "create temporary table delta on commit drop as"
        f" select w.ref, l.ref as old, {names(table.key, 'l')}"
        f" from (select *, ctid as ref from {WORK}) as w full join {current} as l on {same_key}"
        " where l.ref is null or (w.ref is null and not l._is_deleted)"
        f" or (w.ref is not null and (l._is_deleted {changed}))",
    )
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


def _refuse_mass_delete(connection: psycopg.Connection, table: TableContract, current: str) -> None:
    ((gone,),) = rows(connection, "select count(*) from delta where ref is null")
    if gone <= MASS_DELETE_ROWS:
        return
    ((live,),) = rows(connection, f"select count(*) from {current} as l where not _is_deleted")
    if gone > MASS_DELETE_SHARE * live:
        raise RapportError(
            f"{table.source}.{table.name}: {gone} of {live} rows are no longer in the source."
            f" More than {MASS_DELETE_SHARE:.0%} and {MASS_DELETE_ROWS} rows at once is taken for a"
            " broken extract; nothing of this batch landed.",
            next_step="Check the source. If the rows are really gone, record an approval first.",
        )


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
