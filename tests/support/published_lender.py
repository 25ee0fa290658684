"""A small lender, simulated and published once a session; each test works on copies of it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

import psycopg
import pytest

from rapport.local import secret_files
from rapport.local.databases import address
from rapport.local.postgres import EmbeddedPostgres
from rapport.settings import Settings, load
from rapport.warehouse import dsn
from support.databases import copy_database

AS_OF = date(2026, 10, 31)
CLIENTS, MONTHS, SEED = 60, 14, 7
_TEMPLATE = "published_lender"


@dataclass(frozen=True)
class Lender:
    """Settings of a warehouse of this test alone, with one published release of AS_OF."""

    settings: Settings
    database: str
    sources: dict[str, str]

    def rows(self, query: str, *values: Any, role: str = "auditor") -> list[tuple[Any, ...]]:
        """Rows of a query, as the auditor unless said otherwise."""
        address = dsn.role_dsn(self.settings, role)
        with dsn.connect(address, application_name="test") as connection:
            return connection.execute(query.encode(), values).fetchall()

    def change_source(self, source: str, statement: str) -> int:
        """Change a source system of this test; the number of rows."""
        with psycopg.connect(self.sources[source]) as connection:
            return connection.execute(statement.encode()).rowcount

    def count(self, source: str, table: str) -> int:
        """Rows of a table of a source system."""
        with psycopg.connect(self.sources[source]) as connection:
            row = connection.execute(f"select count(*) from public.{table}".encode()).fetchone()
        return int(row[0]) if row else 0

    def as_superuser(self, server: EmbeddedPostgres, statement: str) -> None:
        """Do what no role of ours may, to arrange a state that time would bring about."""
        with server.connect(self.database) as connection:
            connection.execute(statement.encode())

    def current_release(self, as_of: date = AS_OF) -> int:
        """The release that readers of the date see."""
        query = "select release_id from ctl.pointer where as_of_date = %s and to_edition = %s"
        return int(self.rows(query, as_of, 2**63 - 1)[0][0])

    def hashes(self, release: int) -> dict[str, str]:
        """Content hash by mart, as stored."""
        query = "select mart, content_hash from ctl.store_mart where release_id = %s"
        return dict(self.rows(query, release))


@dataclass(frozen=True)
class FirstRun:
    """How the command line made the release of the template."""

    database: str
    output: str


@pytest.fixture(scope="session")
def first_run(
    server: EmbeddedPostgres, warehouse_template: str, clean_environment: pytest.MonkeyPatch
) -> FirstRun:
    """The release of AS_OF, made by `rapport run` as a user would."""
    from rapport.simulator.run import simulate

    settings = load()
    simulate(settings, clients=CLIENTS, months=MONTHS, seed=SEED, end=AS_OF)
    copy_database(server, warehouse_template, _TEMPLATE, "rapport_admin")
    done = run_command(
        ["run", "--as-of", AS_OF.isoformat()], RAPPORT_WAREHOUSE_URL=admin_url(settings, _TEMPLATE)
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return FirstRun(_TEMPLATE, done.stdout)


@pytest.fixture
def lender(
    first_run: FirstRun,
    server: EmbeddedPostgres,
    database_copy: Callable[[str, str], str],
    monkeypatch: pytest.MonkeyPatch,
) -> Lender:
    """Copies of the published warehouse and of both source systems."""
    settings = load()
    name = database_copy(first_run.database, "rapport_admin")
    monkeypatch.setenv("RAPPORT_WAREHOUSE_URL", admin_url(settings, name))
    owners = secret_files.read(settings.secrets, "local_roles.json")
    sources = {}
    for source in ("crm", "loans"):
        copy = database_copy(source, "simulator")
        for role in ("simulator", "source_reader"):
            url = address(settings.database_port, copy, role, owners[role])
            if role == "simulator":
                sources[source] = url
            else:
                monkeypatch.setenv(f"RAPPORT_SOURCE_{source.upper()}_URL", url)
    return Lender(load(), name, sources)


def run_command(arguments: list[str], **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `rapport` in a process of its own, with these variables on top of the session's."""
    return subprocess.run(
        [sys.executable, "-m", "rapport.cli", *arguments],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)} | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )


def admin_url(settings: Settings, database: str) -> str:
    """Address of a warehouse of the session for its administrator."""
    password = secret_files.read(settings.secrets, "warehouse.json")["rapport_admin"]
    return address(settings.database_port, database, "rapport_admin", password)
