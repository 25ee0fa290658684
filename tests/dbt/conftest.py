"""The dbt project built once over empty landing tables, unit tests included."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from rapport.local.postgres import SUPERUSER, EmbeddedPostgres
from rapport.settings import load
from rapport.transform.artefacts import node_results
from rapport.transform.dbt import run_dbt
from rapport.transform.environment import parse_environment
from rapport.transform.project import project_folder
from support.databases import copy_database, drop_database
from support.dbt_build import SCHEMA, Built

DATABASE = "rapport_dbt_tests"


@pytest.fixture(scope="session")
def built(server: EmbeddedPostgres, warehouse_template: str, home: Path) -> Iterator[Built]:
    settings = load()
    copy_database(server, warehouse_template, DATABASE, "rapport_admin")
    environment = parse_environment(settings) | {
        "RAPPORT_DBT_HOST": "127.0.0.1",
        "RAPPORT_DBT_PORT": str(server.port),
        "RAPPORT_DBT_USER": SUPERUSER,
        "DBT_ENV_SECRET_RAPPORT_PASSWORD": server.password,
        "RAPPORT_DBT_DBNAME": DATABASE,
        "RAPPORT_DBT_SCHEMA": SCHEMA,
        "RAPPORT_AS_OF": "2026-01-31",
        "RAPPORT_CEILINGS": "{}",
        "RAPPORT_PREVIOUS_RELEASE": "0",
        "RAPPORT_TIME_ZONE": "Asia/Shanghai",
        "RAPPORT_CURRENCY": "CNY",
        "PGOPTIONS": "-c TimeZone=UTC",
    }
    target = home / "dbt" / "unit-tests"
    finished = run_dbt(
        ["build"], folder=project_folder(settings), target=target, environment=environment
    )
    try:
        manifest = json.loads((target / "manifest.json").read_text(encoding="utf-8"))
        run_results = target / "run_results.json"
        assert run_results.is_file(), finished.stdout[-4000:] + finished.stderr[-4000:]
        results = node_results(json.loads(run_results.read_text(encoding="utf-8")), manifest)
        yield Built(
            results,
            manifest,
            lambda: psycopg.connect(
                host="127.0.0.1",
                port=server.port,
                user=SUPERUSER,
                password=server.password,
                dbname=DATABASE,
            ),
        )
    finally:
        drop_database(server, DATABASE)
