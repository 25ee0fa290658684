"""Which part of a table to read: everything, or what a watermark leaves open."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

import psycopg

from rapport.errors import RapportError
from rapport.landing.open_batch import OpenBatch
from rapport.sources.connectors import Horizon, Incremental, Snapshot
from rapport.sources.table_contract import TableContract

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Watermark:
    """What earlier batches know of a table; ages are by the warehouse's clock."""

    low: datetime | None
    table_hash: str
    full_read_age: timedelta
    compare_age: timedelta


@dataclass(frozen=True)
class ReadingPlan:
    """How to read an incremental table in this batch.

    Attributes:
        since: read rows with this cursor or a later one; None: all rows.
        is_compared: whether keys are compared with the source afterwards.
        next_low: where the next read may begin; None: not known.
    """

    since: datetime | None
    is_compared: bool
    next_low: datetime | None


def read_watermark(warehouse: psycopg.Connection, table: TableContract) -> Watermark | None:
    """The watermark in force; None for a table that was never read, or after a reset."""
    row = warehouse.execute(
        "select low, table_hash, full_read_at, compared_at, clock_timestamp()"
        " from ctl.current_watermark where source = %s and table_name = %s",
        [table.source, table.name],
    ).fetchone()
    if row is None:
        return None
    low, table_hash, full_read_at, compared_at, now = row
    return Watermark(low, table_hash, _age(now, full_read_at), _age(now, compared_at))


def _age(now: datetime, then: datetime | None) -> timedelta:
    return timedelta.max if then is None else now - then


def plan_reading(batch: OpenBatch, table: TableContract, snapshot: Snapshot) -> ReadingPlan | None:
    """Decide how to read a table; None for one that is always read whole.

    Raises:
        RapportError: when the declared cursor safety cannot be guaranteed on this source.
    """
    if not table.is_incremental:
        return None
    if not isinstance(snapshot, Incremental):
        raise RapportError(
            f"{table.source}.{table.name}: this connector reads tables whole only.",
            next_step=f"Set cursor_safety: full in {table.source}.yml.",
        )
    horizon = snapshot.horizon
    _refuse_blind(table, horizon)
    _warn_of_old_transactions(batch, table, horizon)
    known = read_watermark(batch.warehouse, table)
    since = _since(batch, table, horizon, known)
    due = known is not None and known.compare_age >= table.compare_every
    return ReadingPlan(since, since is None or due, _next_low(table, horizon))


def record_watermark(batch: OpenBatch, table: TableContract, plan: ReadingPlan) -> None:
    """Call it in the transaction of the rows."""
    is_full = plan.since is None
    batch.call("record_watermark", table.name, plan.next_low, is_full, plan.is_compared, table.hash)


def _since(
    batch: OpenBatch, table: TableContract, horizon: Horizon, known: Watermark | None
) -> datetime | None:
    if known is None or known.low is None or known.table_hash != table.hash:
        return None
    if known.full_read_age >= table.full_read_every:
        return None
    if horizon.clock < known.low - table.clock_allowance:
        message = (
            f"{table.source}.{table.name}: the source's clock ({horizon.clock}) is behind the"
            f" watermark ({known.low}); the table is read whole."
        )
        log.warning(message)
        batch.alert("clock_went_back", message)
        return None
    # A clock that was set back by less than the allowance is the reason for the least of both.
    return min(known.low, horizon.clock) - table.clock_allowance


def _next_low(table: TableContract, horizon: Horizon) -> datetime | None:
    if table.overlap is not None:
        return horizon.clock - table.overlap
    if horizon.prepared:
        # It began before any time that can be read; the old watermark was set before it, or saw it.
        return None
    return min(horizon.clock, horizon.oldest_open or horizon.clock)


def _refuse_blind(table: TableContract, horizon: Horizon) -> None:
    if table.cursor_safety == "open_transactions" and horizon.blind is not None:
        raise RapportError(
            f"{table.source}.{table.name}: cursor_safety open_transactions cannot be guaranteed:"
            f" {horizon.blind}. Nothing was read.",
            next_step="Mend that, or declare cursor_safety: overlap (with the longest delay of a"
            f" commit) or full in {table.source}.yml.",
        )


def _warn_of_old_transactions(batch: OpenBatch, table: TableContract, horizon: Horizon) -> None:
    if table.cursor_safety != "open_transactions":
        return
    messages = {}
    opened = horizon.oldest_open
    if opened is not None and horizon.clock - opened > table.alert_open_after:
        messages["old_transaction"] = f"a transaction is open in the source since {opened}"
    if horizon.prepared:
        messages["prepared_transaction"] = (
            f"{horizon.prepared} prepared transaction(s) in the source are not ended"
        )
    for kind, text in messages.items():
        message = f"{table.source}.{table.name}: {text}; until it ends, later rows are read again."
        log.warning(message)
        batch.alert(kind, message)
