"""Replay quarantined rows under the rules of today, as a batch of their own."""

from __future__ import annotations

from collections.abc import Sequence

import psycopg
from psycopg.types.json import Jsonb

from rapport.errors import RapportError
from rapport.landing import casting, work_tables
from rapport.landing.batches import open_batch
from rapport.landing.open_batch import OpenBatch
from rapport.landing.reports import BatchReport, TableCounts
from rapport.landing.statements import landing, names, rows, run
from rapport.landing.table_load import settle
from rapport.settings import Settings
from rapport.sources.table_contract import Contract, TableContract
from rapport.warehouse.ddl import OPEN_END, literal, quoted
from rapport.warehouse.dsn import connect


def replay(
    contract: Contract,
    table_name: str,
    settings: Settings,
    *,
    loader_dsn: str,
    run_key: str,
    tree_hash: str,
    ids: Sequence[int] | None = None,
) -> BatchReport:
    """Land the open quarantined rows of a table that now fit; the others stay open.

    A row whose key has a newer version in history, or came in a later read, is not replayed.
    The batch is complete, not accepted: the landing gates judge it like any other.

    Raises:
        RapportError: when there is nothing to replay, or a batch of the source is undecided.
    """
    if table_name not in contract.tables:
        raise RapportError(f"Source {contract.source} has no table {table_name!r}.")
    table = contract.tables[table_name]
    name = f"rapport replay {table.source}.{table.name}"
    with connect(loader_dsn, application_name=name, autocommit=True) as warehouse:
        _refuse_undecided(warehouse, contract)
        chosen = _choose(warehouse, table, ids)
        number, fence = open_batch(warehouse, contract, run_key, tree_hash)
        assert fence is not None
        batch = OpenBatch(warehouse, contract.source, number, fence)
        batch.call("set_snapshot", Jsonb({"connector": "quarantine", "replayed": chosen}))
        tables = []
        for other in contract.tables.values():
            with warehouse.transaction():
                batch.assert_lease()
                if other.name == table_name:
                    tables.append(_replay(batch, table, settings, chosen))
                else:
                    tables.append(TableCounts(other.name))
                batch.record(tables[-1])
        batch.call("complete_batch")
        return BatchReport(number, contract.source, tables)


def _refuse_undecided(warehouse: psycopg.Connection, contract: Contract) -> None:
    found = warehouse.execute(
        "select batch_seq from ctl.batch where source = %s and status = 'complete'",
        [contract.source],
    ).fetchone()
    if found:
        raise RapportError(
            f"Batch {found[0]} of {contract.source} is not decided yet; a replay would undo it.",
            next_step="Make a release first (`rapport run`), then replay.",
        )


def _choose(
    warehouse: psycopg.Connection, table: TableContract, ids: Sequence[int] | None
) -> list[int]:
    """Ids of the open rows that can be replayed: with a key, values, and no newer version."""
    same = " and ".join(
        f"l.{quoted(k)} = (q.key_values ->> {literal(k)})::{table.column(k).type}"
        for k in table.key
    )
    only = "true" if ids is None else f"q.quarantine_id = any(array[{_numbers(ids)}]::bigint[])"
    found = rows(
        warehouse,
        f"select q.quarantine_id from quarantine.{quoted(table.landing_name)} as q"
        f" where q.status = 'open' and q.row_data is not null and {only} and {_readable(table)}"
        " and exists (select from ctl.batch as b where b.batch_seq = q.batch_seq"
        " and b.status = 'accepted')"
        f" and not exists (select from {landing(table)} as l where {same}"
        f" and l._to_batch = {OPEN_END} and l._from_batch > q.batch_seq) order by 1",
    )
    if not found:
        raise RapportError(
            f"{table.source}.{table.name}: nothing in quarantine can be replayed.",
            next_step="See `rapport quarantine list`; a line that is no row, and a row that a later"
            " batch has overtaken, come back by extraction only.",
        )
    return [number for (number,) in found]


def _replay(
    batch: OpenBatch, table: TableContract, settings: Settings, ids: Sequence[int]
) -> TableCounts:
    warehouse = batch.warehouse
    is_text = bool(table.file)
    work_tables.create(warehouse, table, "text" if is_text else "typed")
    chosen = (
        f"quarantine.{quoted(table.landing_name)} as q"
        f" where q.quarantine_id = any(array[{_numbers(ids)}]::bigint[])"
    )
    columns = names(table.columns)
    if is_text:
        texts = ", ".join(f"q.row_data ->> {literal(c.name)}" for c in table.columns)
        run(
            warehouse,
            f"insert into {work_tables.RAW} ({columns})"
            f" select {texts} from {chosen} and q.rule like 'type:%'",
        )
        casting.cast_rows(warehouse, table, settings.business_time_zone)
    typed = ", ".join(f"(q.row_data ->> {literal(c.name)})::{c.type}" for c in table.columns)
    run(
        warehouse,
        f"insert into {work_tables.WORK} ({columns})"
        f" select {typed} from {chosen} and q.rule not like 'type:%'",
    )
    batch.call("settle_quarantine", table.name, "replayed", list(ids))
    return settle(batch, table, is_text, len(ids), compared="false")


def _readable(table: TableContract) -> str:
    """A row of a table keyed by digest has its key from the file alone; one without a key, none."""
    if any(c.source == casting.DIGEST for c in table.columns):
        return "q.key_values is not null and q.rule not like 'type:%'"
    return "q.key_values is not null"


def _numbers(ids: Sequence[int]) -> str:
    return ", ".join(str(int(i)) for i in ids)
