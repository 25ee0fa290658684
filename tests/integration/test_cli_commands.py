"""Commands as a person runs them: a process of its own, its output and its exit code."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from rapport.local import ports
from rapport.settings import Settings


def _rapport(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "rapport.cli", *arguments],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "COLUMNS": "200"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_psql_runs_sql_as_the_role_asked_for(warehouse: Settings) -> None:
    assert _rapport("psql", "-At", "-c", "select current_user").stdout == "bi_reader\n"
    assert _rapport("psql", "auditor", "-At", "-c", "select current_user").stdout == "auditor\n"
    failed = _rapport("psql", "-c", "create table public.own (id int)")
    assert failed.returncode != 0
    assert "Traceback" not in failed.stderr


def test_psql_shows_no_password_in_the_list_of_processes(warehouse: Settings) -> None:
    look = "\\! tr '\\\\0' ' ' < /proc/$PPID/cmdline"
    shown = _rapport("psql", "-At", "-c", look)
    assert "dbname=" in shown.stdout
    assert "password" not in shown.stdout


def test_dsn_prints_an_address_that_opens(warehouse: Settings) -> None:
    import psycopg

    with psycopg.connect(_rapport("dsn", "loader").stdout.strip()) as connection:
        assert connection.execute("select current_user").fetchone() == ("rapport_loader",)


def test_doctor_finds_a_good_installation_good(
    warehouse: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAPPORT_SOURCES", "crm,loans")
    done = _rapport("doctor")
    assert done.returncode == 0, done.stdout + done.stderr
    for subject in ("packages", "disk", "secrets", "warehouse", "role loader", "code version"):
        assert f"ok  {subject}" in done.stdout
    assert "source crm: answers" in done.stdout


def test_doctor_says_how_to_mend_what_it_finds(
    warehouse: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = f"postgresql://nobody@127.0.0.1:{ports.find_free()}/nothing"
    monkeypatch.setenv("RAPPORT_SOURCE_CRM_URL", nowhere)
    monkeypatch.setenv("RAPPORT_LOADER_URL", nowhere)
    secret = warehouse.secrets / "airflow.json"
    secret.write_text("{}")
    secret.chmod(0o644)
    try:
        done = _rapport("doctor")
    finally:
        secret.unlink()
    assert done.returncode == 1
    for subject, remedy in (
        ("source crm", "rapport doctor"),
        ("role loader", "rapport doctor"),
        ("secrets", f"chmod 600 {secret}"),
    ):
        assert f"no  {subject}" in done.stdout
        assert remedy in done.stdout


def test_a_run_on_a_foreign_warehouse_asks_for_its_deployment_first(
    settings: Settings,
    database_copy: object,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from rapport.local import secret_files
    from rapport.local.databases import address

    assert callable(database_copy)
    name = database_copy("template1", "rapport_admin")
    password = secret_files.read(settings.secrets, "warehouse.json")["rapport_admin"]
    url = address(settings.database_port, name, "rapport_admin", password)
    monkeypatch.setenv("RAPPORT_WAREHOUSE_URL", url)
    done = _rapport("run", "--as-of", "2026-09-30")
    assert done.returncode == 1
    assert "rapport warehouse upgrade" in done.stderr
    assert "Traceback" not in done.stderr


def test_status_tells_what_runs_and_what_does_not(settings: Settings) -> None:
    shown = _rapport("status").stdout
    assert "running" in shown
    assert f"127.0.0.1:{settings.database_port}" in shown
    assert shown.count("stopped") == 4


def test_releases_of_an_empty_warehouse_are_an_empty_list(warehouse: Settings) -> None:
    assert _rapport("releases", "--json").stdout.strip() == "[]"
