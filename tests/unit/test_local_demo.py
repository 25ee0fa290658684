"""Following a run: what is shown, and what is said when a task fails."""

from __future__ import annotations

import io
from typing import Any

import httpx
import pytest
from rich.console import Console

from rapport.errors import RapportError
from rapport.local import demo, services
from rapport.local.airflow_api import AirflowApi
from rapport.local.progress import StepBoard
from rapport.settings import Settings

RUN = "/api/v2/dags/publish_client_marts/dagRuns/local__1"


def _task(name: str, state: str | None, *, index: int = -1, rendered: str | None = None) -> Any:
    return {
        "task_id": name, "state": state, "map_index": index, "rendered_map_index": rendered,
        "try_number": 1, "start_date": "2026-11-01T00:00:00Z" if state else None, "duration": 2.0,
    }  # fmt: skip


@pytest.fixture
def follow(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> Any:
    """Function that follows a run whose polls answer as given; the lines shown."""
    settings = Settings(home=tmp_path)
    monkeypatch.setattr(AirflowApi, "log_in", lambda self, seconds=0: None)
    monkeypatch.setattr(services, "require_healthy", lambda _: None)
    monkeypatch.setattr(demo.time, "sleep", lambda _: None)

    def run(polls: list[tuple[str, list[Any]]], log: list[Any]) -> list[str]:
        states = iter([state for state, _ in polls])
        tasks = iter([found for _, found in polls])

        def answer(self: AirflowApi, method: str, path: str, **_: Any) -> Any:
            if path == RUN:
                return {"state": next(states)}
            if path.endswith("/taskInstances"):
                return {"task_instances": next(tasks)}
            return {"content": log}

        monkeypatch.setattr(AirflowApi, "_call", answer)
        console = Console(file=io.StringIO(), highlight=False, width=200)
        try:
            with StepBoard(console) as board:
                demo._follow(settings, "local__1", board)
        finally:
            run.shown = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
        return run.shown  # type: ignore[attr-defined, no-any-return]

    return run


def test_a_mapped_task_is_shown_once_under_its_own_name(follow: Any) -> None:
    shown = follow(
        [
            ("running", [_task("extract", "running", index=0, rendered="0")]),
            ("running", [_task("extract", "running", index=0, rendered="crm")]),
            ("success", [_task("extract", "success", index=0, rendered="crm")]),
        ],
        [],
    )
    assert shown == ["  extract crm …", "✓ extract crm  2.0 s"]


def test_a_failed_task_is_told_with_its_reason_its_log_and_what_to_do(follow: Any) -> None:
    error = {"exc_type": "GateFailed", "exc_value": "loans: 3 keys twice\nNext: Look at L7."}
    log = [
        {"event": "Starting"},
        {"event": "Task failed with exception", "error_detail": [error]},
        {"event": "Task finished"},
    ]
    with pytest.raises(RapportError) as raised:
        follow([("failed", [_task("validate_landing", "failed")])], log)
    assert "validate_landing failed" in raised.value.message
    assert "loans: 3 keys twice" in raised.value.message
    assert "Next:" not in raised.value.message
    step = raised.value.next_step or ""
    assert step.startswith("Look at L7.")
    assert "task_id=validate_landing" in step
    assert follow.shown == ["✗ validate_landing  2.0 s"]


def test_an_api_server_that_stops_answering_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    api = AirflowApi(Settings(home=tmp_path))
    monkeypatch.setattr(
        api, "_http", httpx.Client(base_url="http://x", transport=httpx.MockTransport(refuse))
    )
    with pytest.raises(RapportError, match="stopped answering"):
        api.run_state("publish_client_marts", "local__1")
