"""Before anything is read: hold the source to its contract, and record what changed."""

from __future__ import annotations

import logging
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from rapport.errors import RapportError
from rapport.landing.open_batch import OpenBatch
from rapport.sources.connectors import Described, Snapshot
from rapport.sources.drift import Change, Columns, SourceColumn, can_land, compare, landing_type
from rapport.sources.table_contract import Column, Contract, TableContract

log = logging.getLogger(__name__)


def settle_drift(batch: OpenBatch, contract: Contract, snapshot: Snapshot) -> Contract:
    """Compare all tables; the contract to read by, with the columns that `evolve` has added.

    Every change is recorded, also when it stops the batch. The connection must autocommit.

    Raises:
        RapportError: when a table cannot be read as the contract says, or a frozen one changed.
    """
    if not isinstance(snapshot, Described):
        return contract
    stopping: list[str] = []
    tables = dict(contract.tables)
    for name, table in contract.tables.items():
        found = snapshot.schema[name]
        before = _before(batch.warehouse, table)
        changes = compare(table, found, before, snapshot.fits)
        stops = [_stops(batch, table, change) for change in changes]
        _record(batch, table, changes, stops)
        stopping += [c.message for c, stop in zip(changes, stops, strict=True) if stop]
        if not any(stops) and found != before:
            listed = {column: known.as_json() for column, known in found.items()}
            batch.call("record_source_schema", name, Jsonb(listed))
    if stopping:
        raise RapportError(
            f"Source {contract.source} does not match its contract:\n  " + "\n  ".join(stopping),
            next_step=f"Mend the source or the contract {contract.source}.yml; nothing was read."
            f" A change of a frozen table is let pass by `rapport approve {contract.source}.TABLE"
            " --kind drift`.",
        )
    for name, table in contract.tables.items():
        if table.drift == "evolve":
            tables[name] = _evolved(batch, table, snapshot.schema[name])
    return contract.model_copy(update={"tables": tables})


def _before(warehouse: psycopg.Connection, table: TableContract) -> Columns | None:
    row = warehouse.execute(
        "select s.columns from ctl.source_schema as s"
        " join ctl.batch as b on b.batch_seq = s.batch_seq and b.status <> 'rejected'"
        " where s.source = %s and s.table_name = %s order by s.batch_seq desc limit 1",
        [table.source, table.name],
    ).fetchone()
    if row is None:
        return None
    return {name: _column(values) for name, values in row[0].items()}


def _column(values: dict[str, Any]) -> SourceColumn:
    return SourceColumn(**{**values, "labels": tuple(values["labels"])})


def _stops(batch: OpenBatch, table: TableContract, change: Change) -> bool:
    if change.is_blocking:
        return True
    if table.drift != "freeze":
        return False
    return batch.call("use_approval", table.name, "drift", change.message) is None


def _record(
    batch: OpenBatch, table: TableContract, changes: list[Change], stops: list[bool]
) -> None:
    if not changes:
        return
    rows = [
        {
            "table_name": table.name,
            "kind": change.kind,
            "column_name": change.column,
            "message": change.message,
            "mode": table.drift,
            "is_stopping": stop,
        }
        for change, stop in zip(changes, stops, strict=True)
    ]
    batch.call("record_drift", Jsonb(rows))
    for change in changes:
        log.warning("%s.%s: %s", table.source, table.name, change.message)


def _evolved(batch: OpenBatch, table: TableContract, found: Columns) -> TableContract:
    """The table with every column that was ever recorded as new and is still there."""
    listed = {column.source for column in table.columns} | {c.name for c in table.columns}
    rows = batch.warehouse.execute(
        "select distinct d.column_name from ctl.drift as d"
        " join ctl.batch as b on b.batch_seq = d.batch_seq and b.status <> 'rejected'"
        " where d.source = %s and d.table_name = %s and d.kind = 'added' and d.mode = 'evolve'"
        " order by 1",
        [table.source, table.name],
    ).fetchall()
    new = []
    for (name,) in rows:
        if name not in listed and name in found and can_land(name) and found[name].is_readable:
            type_ = landing_type(found[name])
            batch.call("add_landing_column", table.name, name, type_)
            new.append(Column.model_validate({"name": name, "from": name, "type": type_}))
    return table.model_copy(update={"columns": (*table.columns, *new)}) if new else table
