"""Extract one source into one batch: all tables or, after any failure, nothing that anyone sees."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg.types.json import Jsonb

from rapport.errors import RapportError
from rapport.landing import statements
from rapport.landing.open_batch import OpenBatch, report_of
from rapport.landing.reports import BatchReport, TableCounts
from rapport.landing.schema_drift import settle_drift
from rapport.landing.table_load import land_table
from rapport.settings import Settings
from rapport.sources.connectors import open_snapshot
from rapport.sources.table_contract import Contract
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
    with (
        connect(loader_dsn, application_name=name, autocommit=True) as warehouse,
        _errors_named(contract.source, contract.source),
    ):
        number, fence = open_batch(warehouse, contract, run_key, tree_hash)
        if fence is None:
            return report_of(warehouse, contract.source, number)
        batch = OpenBatch(warehouse, contract.source, number, fence)
        for setting in _SESSION:
            statements.run(warehouse, setting)
        tables: list[TableCounts] = []
        with open_snapshot(contract, settings) as snapshot:
            batch.call("set_snapshot", Jsonb(snapshot.evidence))
            current = settle_drift(batch, contract, snapshot)
            for table in current.tables.values():
                place = f"{table.source}.{table.name}"
                with _errors_named(contract.source, place), warehouse.transaction():
                    batch.assert_lease()
                    tables.append(land_table(batch, table, snapshot, settings))
        batch.call("complete_batch")
        return BatchReport(number, contract.source, tables)


@contextmanager
def _errors_named(source: str, place: str) -> Iterator[None]:
    """Errors of the warehouse name the place and the way out; never a row (only the headline)."""
    try:
        yield
    except psycopg.Error as error:
        message = error.diag.message_primary or str(error).splitlines()[0]
        if isinstance(error, psycopg.errors.UndefinedTable | psycopg.errors.UndefinedColumn):
            step = "Run `rapport deploy`: the contract has changed since; or correct its checks."
        elif isinstance(error, psycopg.OperationalError):
            step = "Nothing of this batch is visible; run again."
        else:
            step = f"Correct the contract {source}.yml; nothing of this batch is visible."
        raise RapportError(f"{place}: landing failed: {message}", next_step=step) from None


def open_batch(
    warehouse: psycopg.Connection, contract: Contract, run_key: str, tree_hash: str
) -> tuple[int, int | None]:
    """Number and fence of a new batch; without a fence, of the one this run has completed.

    Raises:
        RapportError: when another run reads the source, or the warehouse does not know it.
    """
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
