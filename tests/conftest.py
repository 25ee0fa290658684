"""An own PostgreSQL for the session, a fresh warehouse for each test that asks for one.

Nothing here touches the databases, ports or folders of a local run, and nothing outlives the
session: what a fixture cannot stop any more is stopped by ``support.guard``.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from rapport.local import ports, secret_files
from rapport.local.databases import address, ensure_databases
from rapport.local.postgres import SUPERUSER, EmbeddedPostgres
from rapport.settings import Settings, load
from support.databases import copy_database, drop_database

CHECKOUT = Path(__file__).resolve().parents[1]
_PORTS = ("AIRFLOW", "SUPERVISOR")
_numbers = count(1)


@pytest.fixture(scope="session", autouse=True)
def clean_environment() -> Iterator[pytest.MonkeyPatch]:
    """Settings of the person who runs the tests must not reach them."""
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith(("RAPPORT_", "AIRFLOW__")) and name != "RAPPORT_REAL_DATA":
                patch.delenv(name)
        for name, value in {
            "DO_NOT_TRACK": "1",
            "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
            "SCARF_ANALYTICS": "false",
            "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        }.items():
            patch.setenv(name, value)
        yield patch


@pytest.fixture(scope="session")
def home(clean_environment: pytest.MonkeyPatch) -> Iterator[Path]:
    """State folder of this session (RAPPORT_HOME), removed at its end."""
    folder = CHECKOUT / ".rapport" / f"test-{os.getpid()}"
    clean_environment.setenv("RAPPORT_HOME", str(folder))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def server(home: Path, clean_environment: pytest.MonkeyPatch) -> Iterator[EmbeddedPostgres]:
    """Running PostgreSQL with the roles and databases of a local run, all of them empty."""
    port = ports.find_free()
    clean_environment.setenv("RAPPORT_DATABASE_PORT", str(port))
    for name in _PORTS:
        clean_environment.setenv(f"RAPPORT_{name}_PORT", str(ports.find_free()))
    secrets = home / "secrets"
    password = secret_files.ensure(secrets, "postgres.json", [SUPERUSER])[SUPERUSER]
    guard = subprocess.Popen(
        [sys.executable, "-m", "support.guard", str(home), str(port)],
        stdin=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": f"{CHECKOUT / 'tests'}:{CHECKOUT / 'plugins'}"},
        start_new_session=True,
    )
    own = EmbeddedPostgres(home / "postgres", port, password, durable=False)
    try:
        own.init()
        own.start()
        ensure_databases(own, load())
        yield own
    finally:
        own.stop()
        guard.communicate()


@pytest.fixture
def settings(server: EmbeddedPostgres) -> Settings:
    """Settings that point to the session's server and folder; the warehouse is not migrated."""
    return load()


@pytest.fixture(scope="session")
def warehouse_template(server: EmbeddedPostgres) -> str:
    """Name of a database that is migrated and deployed once, to be copied."""
    from rapport.warehouse.deploy import deploy
    from rapport.warehouse.migrate import upgrade

    current = load()
    upgrade(current)
    deploy(current)
    return "rapport"


@pytest.fixture
def database_copy(server: EmbeddedPostgres) -> Iterator[Callable[[str, str], str]]:
    """Function ``(template, owner) -> name``: a fresh copy, dropped after the test."""
    made: list[str] = []

    def copy(template: str, owner: str) -> str:
        name = f"{template}_{next(_numbers)}"
        copy_database(server, template, name, owner)
        made.append(name)
        return name

    yield copy
    for name in made:
        drop_database(server, name)


@pytest.fixture
def warehouse(
    warehouse_template: str,
    database_copy: Callable[[str, str], str],
    monkeypatch: pytest.MonkeyPatch,
) -> Settings:
    """Settings whose warehouse is a fresh, migrated and deployed database of this test alone."""
    current = load()
    password = secret_files.read(current.secrets, "warehouse.json")["rapport_admin"]
    name = database_copy(warehouse_template, "rapport_admin")
    url = address(current.database_port, name, "rapport_admin", password)
    monkeypatch.setenv("RAPPORT_WAREHOUSE_URL", url)
    return load()


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of the real files, named by RAPPORT_REAL_DATA; the test is skipped without it."""
    named = os.environ.get("RAPPORT_REAL_DATA")
    if not named:
        pytest.skip("RAPPORT_REAL_DATA does not name the folder of the real data files")
    folder = Path(named)
    if not folder.is_dir():
        pytest.fail(f"RAPPORT_REAL_DATA names {folder}, which is not a folder")
    return folder
