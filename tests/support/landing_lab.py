"""A migrated warehouse that knows some contracts, and a folder or database to extract from."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest

from rapport.landing.batches import extract_source
from rapport.landing.reports import BatchReport, TableCounts
from rapport.local import secret_files
from rapport.local.databases import address
from rapport.local.postgres import EmbeddedPostgres
from rapport.settings import Settings, load
from rapport.sources.contracts import Contract, parse_contract
from rapport.warehouse import ddl, dsn, roles
from rapport.warehouse.migrate import upgrade
from support.databases import copy_database, create_database, drop_database

TREE = "tree-of-landing-tests"
TEMPLATE = "landing_template"
_numbers = count(1)


@dataclass
class LandingLab:
    """Contracts are registered by hand, so that these tests need neither dbt nor suites."""

    settings: Settings
    folder: Path
    _connections: list[psycopg.Connection] = field(default_factory=list)
    _runs: Iterator[int] = field(default_factory=lambda: count(1))

    def contract(self, text: str, source: str = "demo") -> Contract:
        """Register a contract given as YAML and make its tables."""
        path = self.folder / f"{source}.yml"
        path.write_text(text, encoding="utf-8")
        return self.register(parse_contract(path))

    def register(self, contract: Contract) -> Contract:
        admin = self.connect("admin")
        admin.execute(f"set role {roles.OWNER}".encode())
        admin.execute(
            "insert into ctl.source (source, contract_hash, is_required, max_staleness_hours,"
            " table_names) values (%s, %s, true, 24, %s)",
            [contract.source, contract.hash, sorted(contract.tables)],
        )
        for table in contract.tables.values():
            columns = [(c.name, c.type) for c in table.columns]
            landing = ddl.LandingTable(table.landing_name, columns, list(table.key))
            for statement in ddl.landing_ddl(landing):
                admin.execute(statement.encode())
        return contract

    def write(self, name: str, content: str | bytes) -> Path:
        path = self.folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def extract(
        self, contract: Contract, run_key: str | None = None, *, accept: bool = True
    ) -> BatchReport:
        report = extract_source(
            contract,
            self.settings,
            loader_dsn=dsn.role_dsn(self.settings, "loader"),
            run_key=run_key or f"run-{next(self._runs)}",
            tree_hash=TREE,
        )
        if report.is_new and accept:
            # What validate_landing does; no suite is registered for the tree of these tests.
            self.rows(f"select ctl.accept_batch({report.batch_seq})", role="validator")
        return report

    def land(self, contract: Contract, table: str) -> TableCounts:
        """Extract once more; what it did to one table."""
        return next(t for t in self.extract(contract).tables if t.table == table)

    def rows(self, query: str, role: str = "loader") -> list[tuple[Any, ...]]:
        connection = self.connect(role)
        try:
            return connection.execute(query.encode()).fetchall()
        finally:
            connection.close()

    def visible(self, table: str, columns: str, ceiling: int = ddl.OPEN_END - 1) -> list[Any]:
        """Rows of a landing table as a release with this ceiling sees them."""
        return self.rows(
            f"select {columns} from landing.{table} where _from_batch <= {ceiling}"
            f" and _to_batch > {ceiling} and not _is_deleted order by 1"
        )

    def quarantined(self, table: str) -> list[tuple[str, str]]:
        return self.rows(f"select rule, message from quarantine.{table} order by quarantine_id")

    def connect(self, role: str) -> psycopg.Connection:
        connection = dsn.connect(dsn.role_dsn(self.settings, role), autocommit=True)
        self._connections.append(connection)
        return connection

    def close(self) -> None:
        for connection in self._connections:
            connection.close()


@contextmanager
def landing_template(server: EmbeddedPostgres) -> Iterator[str]:
    """A migrated database to copy for each test."""
    with pytest.MonkeyPatch.context() as patch:
        create_database(server, TEMPLATE, "rapport_admin")
        patch.setenv("RAPPORT_WAREHOUSE_URL", _url(TEMPLATE))
        upgrade(load())
        admin = dsn.connect(dsn.role_dsn(load(), "admin"), autocommit=True)
        admin.execute(f"set role {roles.OWNER}".encode())
        admin.execute("insert into ctl.code_version values (%s, '{}', 'lock', '0')", [TREE])
        admin.close()
    yield TEMPLATE
    drop_database(server, TEMPLATE)


@contextmanager
def landing_lab(
    server: EmbeddedPostgres, template: str, folder: Path, patch: pytest.MonkeyPatch
) -> Iterator[LandingLab]:
    name = f"landing_{next(_numbers)}"
    copy_database(server, template, name, "rapport_admin")
    patch.setenv("RAPPORT_WAREHOUSE_URL", _url(name))
    patch.setenv("LAB_FOLDER", str(folder))
    lab = LandingLab(load(), folder)
    try:
        yield lab
    finally:
        lab.close()
        drop_database(server, name)


def _url(database: str) -> str:
    settings = load()
    password = secret_files.read(settings.secrets, "warehouse.json")["rapport_admin"]
    return address(settings.database_port, database, "rapport_admin", password)
