"""The batch that is being landed: every word to ``ctl`` goes through it, under its fence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from rapport.landing.reports import OUTCOMES, BatchReport, TableCounts


@dataclass(frozen=True)
class OpenBatch:
    """One open batch of a source on the loader's connection."""

    warehouse: psycopg.Connection
    source: str
    seq: int
    fence: int

    def call(self, function: str, *arguments: object) -> Any:
        """Call a function of ``ctl`` that begins with batch and fence; its result."""
        return call(self.warehouse, function, self.seq, self.fence, *arguments)

    def assert_lease(self) -> None:
        call(self.warehouse, "assert_lease", self.source, self.fence)

    def record(self, counts: TableCounts) -> None:
        self.call("record_table", counts.table, Jsonb(counts.as_json()))

    def alert(self, kind: str, message: str) -> None:
        self.call("record_alert", kind, message)


def call(warehouse: psycopg.Connection, function: str, *arguments: object) -> Any:
    places = ", ".join(["%s"] * len(arguments))
    row = warehouse.execute(f"select ctl.{function}({places})".encode(), arguments).fetchone()
    return None if row is None else row[0]


def report_of(warehouse: psycopg.Connection, source: str, batch: int) -> BatchReport:
    """What a finished batch has recorded."""
    columns = ", ".join(f"rows_{name}" for name in ("read", *OUTCOMES, "tombstoned"))
    found = warehouse.execute(
        f"select table_name, {columns} from ctl.batch_table where batch_seq = %s"
        " order by table_name".encode(),
        [batch],
    ).fetchall()
    names = ("table", "read", *OUTCOMES, "tombstoned")
    tables = [TableCounts(**dict(zip(names, row, strict=True))) for row in found]
    return BatchReport(batch, source, tables, is_new=False)
