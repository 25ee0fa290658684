"""Land one table of a batch: read it, judge its rows, write its versions, count everything."""

from __future__ import annotations

from typing import Literal

from rapport.landing import casting, first_load, history, row_rules, statements, work_tables
from rapport.landing.history import Merged
from rapport.landing.key_comparison import read_differing_ranges
from rapport.landing.open_batch import OpenBatch
from rapport.landing.quarantine_status import settle_quarantine
from rapport.landing.reading_plan import ReadingPlan, plan_reading, record_watermark
from rapport.landing.reports import TableCounts
from rapport.settings import Settings
from rapport.sources.connectors import Delivery, Incremental, Snapshot, Target
from rapport.sources.table_contract import TableContract

EVERYTHING = "true"
"""Condition over the history for a whole read: any key that it lacks is gone."""


def land_table(
    batch: OpenBatch, table: TableContract, snapshot: Snapshot, settings: Settings
) -> TableCounts:
    """Land a table and record its counts, files and watermark; call it in one transaction."""
    plan = plan_reading(batch, table, snapshot)
    first = None
    if plan is None or plan.since is None:
        first = first_load.land_first(batch.warehouse, table, snapshot, batch.seq)
    if first is not None:
        counts, delivery = first
    else:
        into = work_tables.create(batch.warehouse, table, snapshot.delivers)
        delivery, compared = _deliver(batch, table, snapshot, into, plan)
        work_tables.record_delivery(batch.warehouse, delivery)
        if snapshot.delivers == "text":
            casting.cast_rows(batch.warehouse, table, settings.business_time_zone)
        read = delivery.rows + len(delivery.refusals)
        counts = settle(batch, table, snapshot.delivers == "text", read, compared)
    batch.record(counts)
    for file in delivery.files:
        batch.call("record_file", table.name, file.path, file.sha256, file.size, file.rows)
    if plan is not None:
        record_watermark(batch, table, plan)
    return counts


def _deliver(
    batch: OpenBatch,
    table: TableContract,
    snapshot: Snapshot,
    target: Target,
    plan: ReadingPlan | None,
) -> tuple[Delivery, str]:
    """Fill the work table; SQL over the history for the keys that were looked for."""
    warehouse = batch.warehouse
    if plan is None or plan.since is None:
        return snapshot.copy(table, warehouse, target), EVERYTHING
    assert isinstance(snapshot, Incremental)
    changed = snapshot.copy_since(table, warehouse, target, plan.since)
    if not plan.is_compared:
        return changed, "false"
    more, compared = read_differing_ranges(warehouse, table, snapshot, target, plan.since)
    return Delivery(changed.rows + more.rows), compared


def settle(
    batch: OpenBatch, table: TableContract, is_text: bool, read: int, compared: str
) -> TableCounts:
    """Judge the rows of ``work``, bring the good ones into history; counts in rows and money.

    Args:
        read: rows delivered, those refused by the connector included.
        compared: SQL over the history ``l``: keys that ``work`` would hold if they still existed.
    """
    warehouse = batch.warehouse
    delivers: Literal["text", "typed"] = "text" if is_text else "typed"
    read_money = statements.plus(
        statements.money(warehouse, table, work_tables.WORK),
        statements.refused_money(warehouse, table),
    )
    row_rules.flag_broken_rows(warehouse, table)
    deduplicated, superseded = row_rules.settle_repeated_keys(warehouse, table)
    row_rules.refuse_flagged(warehouse, table, delivers)
    quarantined = work_tables.quarantine(warehouse, table, batch.seq)
    ((good,),) = statements.rows(warehouse, f"select count(*) from {work_tables.WORK}")
    good_money = statements.money(warehouse, table, work_tables.WORK)
    is_full = compared == EVERYTHING
    settle_quarantine(batch, table, good=work_tables.WORK, is_full=is_full, refused=True)
    merged = _merge(batch, table, read, compared)
    money = {
        "read": read_money,
        "landed": merged.changed_money,
        "unchanged": statements.minus(good_money, merged.changed_money),
        "quarantined": statements.refused_money(warehouse, table),
        "deduplicated": deduplicated.money,
        "superseded": superseded.money,
    }
    counts = TableCounts(
        table=table.name,
        read=read,
        landed=merged.landed,
        unchanged=good - merged.landed,
        quarantined=quarantined,
        deduplicated=deduplicated.number,
        superseded=superseded.number,
        tombstoned=merged.tombstoned,
        withheld=merged.withheld,
        money=money if table.control_amount else {},
    )
    counts.check()
    return counts


def _merge(batch: OpenBatch, table: TableContract, read: int, compared: str) -> Merged:
    if compared == EVERYTHING:
        return history.merge_full_read(batch, table, read)
    return history.merge_changes(batch, table, compared)
