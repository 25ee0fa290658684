"""Which failures are retried, how connections become addresses, what leaves the house."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from rapport.errors import RapportError
from rapport.publishing.releases import PublishRefused, Release
from rapport.transform.errors import TransformError

pytestmark = pytest.mark.usefixtures("airflow_home")


def _caused(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


def test_a_refusal_and_wrong_settings_are_not_retried(airflow_home: Path) -> None:
    from airflow.sdk.exceptions import AirflowFailException

    from rapport.orchestration.failures import readable

    for error in (PublishRefused(7, ["no evidence"]), RapportError("Settings are wrong")):
        with pytest.raises(AirflowFailException) as caught, readable():
            raise error
        assert str(caught.value) == str(error)


def test_a_server_that_is_away_is_retried() -> None:
    from rapport.orchestration.failures import is_passing, readable

    away = _caused(RapportError("Cannot connect to x"), psycopg.OperationalError("refused"))
    assert is_passing(away)
    with pytest.raises(RapportError, match="Cannot connect"), readable():
        raise away
    lost = TransformError("dbt ended with code 1:\nserver closed the connection unexpectedly")
    assert is_passing(lost)
    assert not is_passing(TransformError("column x does not exist"))
    assert is_passing(ConnectionResetError())


def test_an_occupied_slot_is_retried() -> None:
    from rapport.orchestration.failures import is_passing

    assert is_passing(_caused(RapportError("every slot is lent"), psycopg.errors.ObjectInUse()))


def test_a_connection_becomes_the_address_of_its_role_only_while_a_step_runs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from airflow.sdk import Connection

    from rapport.orchestration.connections import addresses, exported

    monkeypatch.setenv("RAPPORT_LOADER_URL", "postgresql://as-it-was/")
    known = {
        "rapport_loader": Connection(
            conn_id="rapport_loader",
            conn_type="postgres",
            host="db.example",
            port=5433,
            login="loader",
            password="p@ss/word",
            schema="warehouse",
            extra='{"sslmode": "verify-full", "timeout": 3}',
        ),
        "rapport_source_crm": Connection(conn_id="c", conn_type="postgres", host="crm.example"),
    }
    found = addresses(("loader", "validator"), ("crm", "loans"), known.get)
    assert found == {
        "RAPPORT_LOADER_URL": "postgresql://loader:p%40ss%2Fword@db.example:5433/warehouse"
        "?sslmode=verify-full",
        "RAPPORT_SOURCE_CRM_URL": "postgresql://crm.example",
    }
    parts = psycopg.conninfo.conninfo_to_dict(found["RAPPORT_LOADER_URL"])
    assert parts["password"] == "p@ss/word"
    with exported(found):
        assert os.environ["RAPPORT_SOURCE_CRM_URL"] == "postgresql://crm.example"
        assert os.environ["RAPPORT_LOADER_URL"].startswith("postgresql://loader:")
    assert "RAPPORT_SOURCE_CRM_URL" not in os.environ
    assert os.environ["RAPPORT_LOADER_URL"] == "postgresql://as-it-was/"


def test_a_connection_of_another_kind_is_refused_by_name() -> None:
    from airflow.sdk import Connection

    from rapport.orchestration.connections import libpq_url

    with pytest.raises(RapportError, match="'rapport_loader' is of type 'http'"):
        libpq_url(Connection(conn_id="rapport_loader", conn_type="http", host="x"))


def test_what_is_told_outside_holds_no_text_of_an_error_that_may_hold_keys() -> None:
    from airflow.sdk.exceptions import AirflowFailException

    from rapport.orchestration.callbacks import root_error
    from rapport.pipeline.ending import told_reasons

    inner = TransformError("unique test failed: client_id=crm:C000042")
    outer = _caused(AirflowFailException(str(inner)), inner)
    assert root_error(outer) is inner
    told = told_reasons(root_error(outer), "build_marts")
    assert len(told) == 1
    assert "TransformError" in told[0]
    assert "C000042" not in told[0]


def test_a_callback_never_raises() -> None:
    from rapport.orchestration.callbacks import end_failed_run

    end_failed_run({})


def test_only_unfinished_old_releases_of_dead_runs_are_abandoned() -> None:
    from rapport.orchestration.maintenance import abandoned

    now = datetime(2026, 11, 23, tzinfo=UTC)

    def release(number: int, status: str, hours: int, run_key: str) -> Release:
        opened = now - timedelta(hours=hours)
        day = datetime(2026, 10, 31).date()
        return Release(number, day, status, False, None, opened, None, 0, run_key, "t", None)

    releases = [
        release(1, "sealed", 30, "dead"),
        release(2, "frozen", 30, "alive"),
        release(3, "open", 2, "dead"),
        release(4, "published", 300, "dead"),
        release(5, "failed", 300, "dead"),
        release(6, "open", 30, "cli:1"),
    ]
    found = abandoned(releases, now, timedelta(hours=24), lambda run_key: run_key == "alive")
    assert [item.release_id for item in found] == [1, 6]
