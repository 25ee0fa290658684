"""The dbt project built once over empty landing tables, unit tests included."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from rapport.local.postgres import EmbeddedPostgres
from support.databases import copy_database, drop_database
from support.dbt_build import Built, DbtLab

DATABASE = "rapport_dbt_tests"


@pytest.fixture(scope="session")
def built(server: EmbeddedPostgres, warehouse_template: str, home: Path) -> Iterator[Built]:
    copy_database(server, warehouse_template, DATABASE, "rapport_admin")
    try:
        yield DbtLab(server, DATABASE, home / "dbt" / "unit-tests").build("2026-01-31")
    finally:
        drop_database(server, DATABASE)
