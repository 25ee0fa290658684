"""Builds of the dbt project over landing tables that a test fills itself."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from rapport.local.postgres import SUPERUSER, EmbeddedPostgres
from rapport.settings import load
from rapport.sources.contracts import load_contracts
from rapport.transform.artefacts import NodeResult, node_results
from rapport.transform.dbt import run_dbt
from rapport.transform.environment import parse_environment
from rapport.transform.project import project_folder

SCHEMA = "built"
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Built:
    """The outcome of a build: a result per node, the manifest, and where the tables are."""

    results: list[NodeResult]
    manifest: dict[str, Any]
    connect: Callable[[], psycopg.Connection]

    def named(self, resource_type: str) -> dict[str, NodeResult]:
        return {r.name: r for r in self.results if r.resource_type == resource_type}


@dataclass(frozen=True)
class DbtLab:
    """One database; builds go to the schema ``built`` as the superuser, without a release."""

    server: EmbeddedPostgres
    database: str
    target: Path

    def connect(self) -> psycopg.Connection:
        return psycopg.connect(
            host="127.0.0.1",
            port=self.server.port,
            user=SUPERUSER,
            password=self.server.password,
            dbname=self.database,
        )

    def land(self, table: str, rows: Sequence[Row], batch: int = 1) -> None:
        """Insert rows of one version into ``landing.<table>``."""
        with self.connect() as connection:
            for row in rows:
                values = {**row, "_from_batch": batch}
                statement = sql.SQL("insert into landing.{} ({}) values ({})").format(
                    sql.Identifier(table),
                    sql.SQL(", ").join(map(sql.Identifier, values)),
                    sql.SQL(", ").join(sql.Placeholder() * len(values)),
                )
                connection.execute(statement, list(values.values()))

    def build(
        self,
        as_of: str,
        *options: str,
        ceilings: Mapping[str, int] | None = None,
        as_of_batches: Mapping[str, int] | None = None,
        threads: int = 2,
    ) -> Built:
        settings = load()
        environment = parse_environment(settings) | {
            "RAPPORT_DBT_HOST": "127.0.0.1",
            "RAPPORT_DBT_PORT": str(self.server.port),
            "RAPPORT_DBT_USER": SUPERUSER,
            "DBT_ENV_SECRET_RAPPORT_PASSWORD": self.server.password,
            "RAPPORT_DBT_DBNAME": self.database,
            "RAPPORT_DBT_SCHEMA": SCHEMA,
            "RAPPORT_DBT_THREADS": str(threads),
            "RAPPORT_AS_OF": as_of,
            "RAPPORT_CEILINGS": json.dumps(dict(ceilings or {})),
            "RAPPORT_AS_OF_BATCHES": json.dumps(dict(as_of_batches or {})),
            "RAPPORT_COVERAGE": json.dumps(
                {name: dict(c.coverage) for name, c in load_contracts(settings).items()}
            ),
            "RAPPORT_PREVIOUS_RELEASE": "0",
            "RAPPORT_TIME_ZONE": "Asia/Shanghai",
            "RAPPORT_CURRENCY": "CNY",
            "PGOPTIONS": "-c TimeZone=UTC",
        }
        run_results = self.target / "run_results.json"
        run_results.unlink(missing_ok=True)
        folder = project_folder(settings)
        finished = run_dbt(
            ["build", *options], folder=folder, target=self.target, environment=environment
        )
        assert run_results.is_file(), finished.stdout[-4000:] + finished.stderr[-4000:]
        manifest = json.loads((self.target / "manifest.json").read_text(encoding="utf-8"))
        results = node_results(json.loads(run_results.read_text(encoding="utf-8")), manifest)
        return Built(results, manifest, self.connect)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with self.connect() as connection:
            connection.execute(f"set search_path = {SCHEMA}".encode())
            return connection.execute(query.encode()).fetchall()
