"""The shipped example projects carry real files from the folder to published marts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from rapport.pipeline import steps
from rapport.publishing.context import release_context
from rapport.settings import Settings, load
from rapport.warehouse import dsn
from support.published_lender import admin_url, run_command

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
RUN = "bpi2012:1"
Rows = Callable[[str], list[tuple[Any, ...]]]


@pytest.fixture
def publish(
    real_data: Path,
    warehouse_template: str,
    database_copy: Callable[[str, str], str],
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[[str, Path, str], Rows]:
    """Function ``(example, folder of files, as_of) -> rows of a query``."""

    def run(example: str, folder: Path, as_of: str) -> Rows:
        name = database_copy(warehouse_template, "rapport_admin")
        for variable, value in {
            "RAPPORT_WAREHOUSE_URL": admin_url(load(), name),
            "RAPPORT_PROJECT_PATH": str(EXAMPLES / example),
            "RAPPORT_SOURCES": example,
            f"{example.upper()}_DIR": str(folder),
        }.items():
            monkeypatch.setenv(variable, value)
        for command in (["deploy"], ["run", "--as-of", as_of]):
            done = run_command(command)
            assert done.returncode == 0, done.stdout + done.stderr

        def rows(query: str) -> list[tuple[Any, ...]]:
            with dsn.connect(dsn.role_dsn(load(), "auditor")) as connection:
                return connection.execute(query.encode()).fetchall()

        return rows

    return run


def test_sba_loans_reach_the_marts(
    publish: Callable[[str, Path, str], Rows], real_data: Path
) -> None:
    rows = publish("sba", real_data / "sba", "2014-12-31")
    ((read, landed, quarantined),) = rows(
        "select rows_read, rows_landed, rows_quarantined from ctl.batch_table"
        " join ctl.batch using (batch_seq) where source = 'sba'"
    )
    assert (read, landed + quarantined) == (2101, 2101)
    assert quarantined <= 5
    ((loans, written_off),) = rows(
        "select count(*), count(*) filter (where loan_status = 'WRITTEN_OFF') from mart.loan_risk"
    )
    assert loans > 2000
    assert written_off > 600
    assert rows("select count(*) from mart.clients") > [(1500,)]


def test_ibrd_statements_reach_the_marts(
    publish: Callable[[str, Path, str], Rows], real_data: Path
) -> None:
    rows = publish("ibrd", real_data / "ibrd", "2023-04-30")
    ((read, landed, unique),) = rows(
        "select rows_read, rows_landed, rows_landed + rows_quarantined = rows_read"
        " from ctl.batch_table join ctl.batch using (batch_seq) where source = 'ibrd'"
    )
    assert unique
    assert landed > 0.99 * read > 8000
    ((outstanding, of_loans),) = rows(
        "select sum(outstanding_amount), count(outstanding_amount) from mart.loan_risk"
        " where loan_status = 'ACTIVE'"
    )
    assert of_loans > 1000
    assert outstanding > 200_000_000_000


@pytest.mark.timeout(280)
def test_bpi2012_applications_reach_the_canonical_layout(
    warehouse: Settings, real_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The log names no client, so it is published beside a source of clients, never alone.
    monkeypatch.setenv("RAPPORT_PROJECT_PATH", str(EXAMPLES / "bpi2012"))
    monkeypatch.setenv("RAPPORT_SOURCES", "bpi2012")
    monkeypatch.setenv("BPI2012_DIR", str(real_data / "bpi2012"))
    done = run_command(["deploy"])
    assert done.returncode == 0, done.stdout + done.stderr
    current = load()
    steps.open_release(current, date(2012, 3, 31), RUN)
    steps.extract(current, "bpi2012", RUN)
    for step in (steps.validate_landing, steps.freeze_inputs, steps.build_staging):
        step(current, RUN)
    with dsn.connect(dsn.role_dsn(current, "transformer")) as connection:
        slot = release_context(connection, RUN).slot
        decisions = connection.execute(
            f"select decision, count(*) from {slot}.stg_canonical__applications"
            " group by decision order by decision".encode()
        ).fetchall()
        events = connection.execute(
            f"select count(*), count(distinct application_id)"
            f" from {slot}.stg_canonical__application_events where exited_at >= entered_at".encode()
        ).fetchone()
    assert decisions == [("approved", 960), ("cancelled", 1178), ("declined", 3195)]
    assert events is not None
    assert events[0] > 60000
    assert events[1] == 5333
