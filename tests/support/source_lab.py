"""A small source database of its own, with a table that has `updated_at`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import psycopg
import pytest

from rapport.landing.reports import TableCounts
from rapport.local.postgres import EmbeddedPostgres
from rapport.sources.contracts import Contract
from rapport.warehouse import dsn
from support.databases import create_database, drop_database
from support.landing_lab import LandingLab

_numbers = count(1)
TABLE = (
    'create table loans (loan_id text collate "C" primary key, amount numeric(20,2),'
    " updated_at timestamptz default now())"
)
CONTRACT = """\
source: demo
connector: postgres
connection: demo
tables:
  loans:
    key: [loan_id]
    control_amount: amount
    control_currency: CNY
    columns:
      loan_id: text
      amount: numeric(20,2)
      updated_at: timestamptz
    cursor: updated_at
    clock_allowance: 0 seconds
"""
OPEN_TRANSACTIONS = CONTRACT + "    cursor_safety: open_transactions\n"
OVERLAP = CONTRACT + "    cursor_safety: overlap\n    overlap: 2 hours\n"


@dataclass
class SourceLab:
    """The source as its owner; Rapport reads it as ``source_reader``."""

    lab: LandingLab
    server: EmbeddedPostgres
    name: str
    owner: psycopg.Connection
    _writers: list[psycopg.Connection] = field(default_factory=list)

    def run(self, statement: str) -> list[tuple[Any, ...]]:
        cursor = self.owner.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []

    def writer(self) -> psycopg.Connection:
        """Another connection, whose transactions the test ends itself."""
        connection = self.server.connect(self.name)
        connection.autocommit = False
        self._writers.append(connection)
        return connection

    def see_all_transactions(self) -> None:
        self.run("grant pg_read_all_stats to source_reader")

    def reconnect(self) -> None:
        """After the server has been restarted."""
        self.owner.close()
        self.owner = self.server.connect(self.name)

    def land(self, contract: Contract) -> TableCounts:
        return self.lab.land(contract, "loans")

    def is_in_step(self) -> bool:
        """Whether landing shows exactly what the source holds."""
        query = "select loan_id, amount, updated_at from {} order by 1"
        theirs = self.run(query.format("loans"))
        return theirs == self.lab.visible("demo__loans", "loan_id, amount, updated_at")

    def close(self) -> None:
        for connection in (*self._writers, self.owner):
            connection.close()


@contextmanager
def source_lab(
    server: EmbeddedPostgres, lab: LandingLab, patch: pytest.MonkeyPatch, table: str = TABLE
) -> Iterator[SourceLab]:
    name = create_database(server, f"demo_{next(_numbers)}", "simulator")
    reader = dsn.source_dsn(lab.settings, "crm").rsplit("/", 1)[0] + f"/{name}"
    patch.setenv("RAPPORT_SOURCE_DEMO_URL", reader)
    made = SourceLab(lab, server, name, server.connect(name))
    try:
        made.run(table)
        made.run("grant select on all tables in schema public to source_reader")
        yield made
    finally:
        made.run("revoke pg_read_all_stats from source_reader")
        made.close()
        drop_database(server, name)
