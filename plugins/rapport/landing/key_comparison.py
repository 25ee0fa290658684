"""Find deleted, re-keyed and missed rows of an incremental table by digests over key ranges."""

from __future__ import annotations

from datetime import datetime
from itertools import pairwise

import psycopg

from rapport.landing.statements import landing, rows, run
from rapport.landing.work_tables import WORK
from rapport.sources.connectors import Delivery, Digests, Incremental, KeyRanges, Target
from rapport.sources.connectors.key_ranges import digest_columns, range_condition, range_number
from rapport.sources.table_contract import TableContract
from rapport.warehouse.ddl import OPEN_END, quoted

RANGES = 256
SMALLEST_RANGE = 1000


def read_differing_ranges(
    warehouse: psycopg.Connection,
    table: TableContract,
    snapshot: Incremental,
    target: Target,
    low: datetime,
) -> tuple[Delivery, str]:
    """Copy the rows of the ranges in which source and history differ; ``work`` holds the others.

    Rows at or above ``low`` are in ``work`` already, so both sides leave their keys out.

    Returns:
        What was copied, and SQL over the history ``l`` for the keys in those ranges.
    """
    run(warehouse, f"analyze {WORK}")
    ranges = _ranges(warehouse, table)
    theirs = snapshot.digests(table, low, ranges)
    ours = _own_digests(warehouse, table, ranges)
    differing = sorted(n for n in theirs.keys() | ours.keys() if theirs.get(n) != ours.get(n))
    key = f"l.{quoted(ranges.column)}"
    if not differing:
        return Delivery(0), "false"
    condition = range_condition(ranges, differing)
    delivery = snapshot.copy_ranges(table, warehouse, target, low, condition)
    return delivery, range_condition(ranges, differing, key)


def _live(table: TableContract) -> str:
    return f"{landing(table)} as l where l._to_batch = {OPEN_END} and not l._is_deleted"


def _ranges(warehouse: psycopg.Connection, table: TableContract) -> KeyRanges:
    column = table.column(table.key[0])
    ((live,),) = rows(warehouse, f"select count(*) from {_live(table)}")
    step = max(live // RANGES, SMALLEST_RANGE)
    key = f"l.{quoted(column.name)}"
    found = rows(
        warehouse,
        f"select k::text from (select {key} as k, row_number() over (order by {key}) as n"
        f" from {_live(table)}) as numbered where n % {step} = 0 order by k",
    )
    texts = [text for (text,) in found]
    distinct = texts[:1] + [after for before, after in pairwise(texts) if after != before]
    return KeyRanges(column.name, column.type.split("(")[0], tuple(distinct))


def _own_digests(warehouse: psycopg.Connection, table: TableContract, ranges: KeyRanges) -> Digests:
    assert table.cursor is not None
    columns = (*table.key, table.cursor)
    values = [f"l.{quoted(name)}" for name in columns]
    same = " and ".join(f"w.{quoted(k)} = l.{quoted(k)}" for k in table.key)
    found = rows(
        warehouse,
        f"select {range_number(ranges, values[0])}, {digest_columns(values)} from {_live(table)}"
        f" and not exists (select from {WORK} as w where {same}) group by 1",
    )
    return {number: (count, digest) for number, count, digest in found}
