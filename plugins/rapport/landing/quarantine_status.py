"""Keep the open quarantine true: close what a later batch knows better."""

from __future__ import annotations

from rapport.landing.open_batch import OpenBatch
from rapport.landing.statements import key_json, rows
from rapport.sources.table_contract import TableContract
from rapport.warehouse.ddl import quoted


def settle_quarantine(
    batch: OpenBatch, table: TableContract, *, good: str, is_full: bool, refused: bool
) -> None:
    """Close open rows of earlier batches: their key came clean, was refused again, or is gone.

    Args:
        good: relation of this batch's good rows.
        is_full: the whole table was read, so what did not come does not exist any more.
        refused: whether there is a table ``refused`` of this batch.
    """
    open_rows = _open_rows(batch, table)
    if not rows(batch.warehouse, f"select from {open_rows} as q limit 1"):
        return
    came = f"exists (select from {good} as w where {key_json(table, 'w')} = q.key_values)"
    again = "exists (select from refused as r where r.key_values = q.key_values)"
    _settle(batch, table, "resolved", came)
    if refused:
        _settle(batch, table, "superseded", again)
    if not is_full:
        return
    # A line without a key was read again with all others, and refused again if it is still there.
    _settle(batch, table, "superseded", "q.key_values is null")
    if not refused or not rows(
        batch.warehouse, "select from refused where key_values is null limit 1"
    ):
        _settle(batch, table, "gone", "true")


def _open_rows(batch: OpenBatch, table: TableContract) -> str:
    relation = f"quarantine.{quoted(table.landing_name)}"
    return f"(select * from {relation} where status = 'open' and batch_seq < {batch.seq})"


def _settle(batch: OpenBatch, table: TableContract, status: str, condition: str) -> None:
    query = f"select q.quarantine_id from {_open_rows(batch, table)} as q where {condition}"
    ids = [number for (number,) in rows(batch.warehouse, query)]
    if ids:
        batch.call("settle_quarantine", table.name, status, ids)
