"""Extract one source into one batch: all tables or, after any failure, nothing that anyone sees."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg.types.json import Jsonb

from rapport.errors import RapportError
from rapport.landing import casting, first_load, history, row_rules, statements, work_tables
from rapport.landing.reports import OUTCOMES, BatchReport, TableCounts
from rapport.settings import Settings
from rapport.sources.connectors import InputFile, Snapshot, Target, open_snapshot
from rapport.sources.table_contract import Contract, TableContract
from rapport.warehouse.dsn import connect

# With the default of 4, a merge of 1 % scans the whole history instead of following the index.
_SESSION = ("set random_page_cost = 1.1", "set work_mem = '64MB'")


def extract_source(
    contract: Contract, settings: Settings, *, loader_dsn: str, run_key: str, tree_hash: str
) -> BatchReport:
    """Read one snapshot of a source into landing as one complete (not yet accepted) batch.

    Repeating a run that has completed its batch reads nothing and reports it again. A retry of one
    that died is a new batch; what the dead one wrote is undone before.

    Raises:
        RapportError: when the source does not match its contract, cannot be read, or a guard stops
            a table. The batch stays open and invisible.
    """
    name = f"rapport extract {contract.source}"
    with connect(loader_dsn, application_name=name, autocommit=True) as warehouse:
        batch, fence = _open(warehouse, contract, run_key, tree_hash)
        if fence is None:
            return _report(warehouse, contract, batch)
        for setting in _SESSION:
            statements.run(warehouse, setting)
        tables = []
        with open_snapshot(contract, settings) as snapshot:
            _call(warehouse, "set_snapshot", batch, fence, Jsonb(snapshot.evidence))
            for table in contract.tables.values():
                with _errors_named(table), warehouse.transaction():
                    _call(warehouse, "assert_lease", contract.source, fence)
                    tables.append(_land(warehouse, table, snapshot, settings, batch, fence))
        _call(warehouse, "complete_batch", batch, fence)
        return BatchReport(batch, contract.source, tables)


@contextmanager
def _errors_named(table: TableContract) -> Iterator[None]:
    """Errors of the warehouse name the table and the way out; never a row (only the headline)."""
    try:
        yield
    except psycopg.Error as error:
        message = error.diag.message_primary or str(error).splitlines()[0]
        if isinstance(error, psycopg.errors.UndefinedTable | psycopg.errors.UndefinedColumn):
            step = "Run `rapport deploy`: the contract has changed since; or correct its checks."
        elif isinstance(error, psycopg.OperationalError):
            step = "Nothing of this batch is visible; run again."
        else:
            step = f"Correct the contract {table.source}.yml; nothing of this batch is visible."
        raise RapportError(
            f"{table.source}.{table.name}: landing failed: {message}", next_step=step
        ) from None


def _open(
    warehouse: psycopg.Connection, contract: Contract, run_key: str, tree_hash: str
) -> tuple[int, int | None]:
    try:
        row = warehouse.execute(
            "select batch_seq, fence from ctl.open_batch(%s, %s, %s, %s)",
            [contract.source, run_key, tree_hash, contract.hash],
        ).fetchone()
    except psycopg.errors.ObjectInUse as error:
        raise RapportError(
            error.diag.message_primary or str(error), next_step=error.diag.message_hint
        ) from error
    except psycopg.errors.ForeignKeyViolation as error:
        raise RapportError(
            f"The warehouse does not know source {contract.source} in this code version.",
            next_step="Run `rapport deploy`.",
        ) from error
    assert row is not None
    return int(row[0]), None if row[1] is None else int(row[1])


def _land(
    warehouse: psycopg.Connection,
    table: TableContract,
    snapshot: Snapshot,
    settings: Settings,
    batch: int,
    fence: int,
) -> TableCounts:
    files: list[InputFile] = []
    counts = first_load.land_first(warehouse, table, snapshot, batch)
    if counts is None:
        counts, files = _land_by_work_table(warehouse, table, snapshot, settings, batch)
    counts.check()
    _call(warehouse, "record_table", batch, fence, table.name, Jsonb(counts.as_json()))
    for file in files:
        _call(
            warehouse,
            "record_file",
            *(batch, fence, table.name, file.path, file.sha256, file.size, file.rows),
        )
    return counts


def _land_by_work_table(
    warehouse: psycopg.Connection,
    table: TableContract,
    snapshot: Snapshot,
    settings: Settings,
    batch: int,
) -> tuple[TableCounts, list[InputFile]]:
    into = work_tables.create(warehouse, table, snapshot.delivers)
    delivery = snapshot.copy(table, warehouse, Target(into))
    work_tables.record_delivery(warehouse, delivery)
    if snapshot.delivers == "text":
        casting.cast_rows(warehouse, table, settings.business_time_zone)
    read = statements.plus(
        statements.money(warehouse, table, work_tables.WORK),
        statements.refused_money(warehouse, table),
    )
    row_rules.flag_broken_rows(warehouse, table)
    deduplicated, superseded = row_rules.settle_repeated_keys(warehouse, table)
    row_rules.refuse_flagged(warehouse, table, snapshot.delivers)
    quarantined = work_tables.quarantine(warehouse, table, batch)
    ((good,),) = statements.rows(warehouse, f"select count(*) from {work_tables.WORK}")
    good_money = statements.money(warehouse, table, work_tables.WORK)
    merged = history.merge_full_read(warehouse, table, batch)
    counts = TableCounts(
        table=table.name,
        read=delivery.rows + len(delivery.refusals),
        landed=merged.landed,
        unchanged=good - merged.landed,
        quarantined=quarantined,
        deduplicated=deduplicated.number,
        superseded=superseded.number,
        tombstoned=merged.tombstoned,
        withheld=merged.withheld,
        money={}
        if table.control_amount is None
        else {
            "read": read,
            "landed": merged.changed_money,
            "unchanged": statements.minus(good_money, merged.changed_money),
            "quarantined": statements.refused_money(warehouse, table),
            "deduplicated": deduplicated.money,
            "superseded": superseded.money,
        },
    )
    return counts, delivery.files


def _call(warehouse: psycopg.Connection, function: str, *arguments: object) -> None:
    places = ", ".join(["%s"] * len(arguments))
    warehouse.execute(f"select ctl.{function}({places})".encode(), arguments)


def _report(warehouse: psycopg.Connection, contract: Contract, batch: int) -> BatchReport:
    columns = ", ".join(f"rows_{name}" for name in ("read", *OUTCOMES, "tombstoned"))
    found = warehouse.execute(
        f"select table_name, {columns} from ctl.batch_table where batch_seq = %s"
        " order by table_name".encode(),
        [batch],
    ).fetchall()
    names = ("table", "read", *OUTCOMES, "tombstoned")
    tables = [TableCounts(**dict(zip(names, row, strict=True))) for row in found]
    return BatchReport(batch, contract.source, tables, is_new=False)
