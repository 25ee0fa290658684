"""The real files of Eagle National Bank, from landing to the marts."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import psycopg
import pytest

from rapport.pipeline import steps
from rapport.publishing.context import release_context
from rapport.settings import Settings, load
from rapport.warehouse import dsn

RUN = "eagle:1"
EARLY_RUN = "eagle:2"


@pytest.fixture
def eagle(warehouse: Settings, real_data: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("RAPPORT_EAGLE_DIR", str(real_data / "eagle_bank"))
    monkeypatch.setenv("RAPPORT_SOURCES", "eagle")
    return load()


@pytest.mark.timeout(280)
def test_real_files_reach_the_marts(eagle: Settings) -> None:
    steps.open_release(eagle, date(2018, 12, 31), RUN)
    steps.extract(eagle, "eagle", RUN)
    steps.validate_landing(eagle, RUN)
    steps.freeze_inputs(eagle, RUN)
    steps.build_staging(eagle, RUN)
    steps.build_marts(eagle, RUN)
    with dsn.connect(dsn.role_dsn(eagle, "transformer")) as connection:
        slot = release_context(connection, RUN).slot
        connection.execute(f"set search_path = {slot}".encode())
        assert _count(connection, "clients") == 5369
        assert _count(connection, "loan_risk") == 682
        assert _count(connection, "client_value") == 5369
        active = "loan_risk where loan_status = 'ACTIVE'"
        assert _count(connection, f"{active} and dpd_contractual is not null") == 0
        uncovered = f"{active} and insufficient_reason ~ 'PAYMENTS_NOT_COVERED'"
        assert _count(connection, uncovered) == 479
        assert _count(connection, "loan_risk where loan_status = 'CLOSED'") == 203
        assert _count(connection, "loan_risk where stage_reason = 'OPEN_DEFAULT_EVENT'") == 31
        assert _count(connection, "loan_risk where stage_reason = 'OPEN_WATCH_LIST_EVENT'") == 45
        assert _count(connection, "stg_canonical__survey_answers where client_id is null") == 505
        assert _count(connection, "client_satisfaction where csat_den > 0") == 0
        # The one loan with payments: 80,952 less 18 times 3,372, all ahead of time.
        connection.execute(f"set search_path = {_build_in_2015(eagle)}".encode())
        known = connection.execute(
            b"select loan_id, dpd_contractual, outstanding_amount::text, ifrs9_stage"
            b" from loan_risk where dpd_contractual is not null"
        ).fetchall()
        assert known == [("eagle:L00004959", 0, "20256.00", 1)]


def _build_in_2015(settings: Settings) -> str:
    """A release of a day on which the delivered account histories still ran; its slot."""
    steps.open_release(settings, date(2015, 6, 30), EARLY_RUN)
    steps.freeze_inputs(settings, EARLY_RUN)
    steps.build_staging(settings, EARLY_RUN)
    steps.build_marts(settings, EARLY_RUN)
    with dsn.connect(dsn.role_dsn(settings, "transformer")) as connection:
        return str(release_context(connection, EARLY_RUN).slot)


def _count(connection: psycopg.Connection, rows: str) -> int:
    row = connection.execute(f"select count(*) from {rows}".encode()).fetchone()
    assert row is not None
    return int(row[0])
