"""``make run``: everything started, one release made through Airflow, what came out shown."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from typing import Any

from rich.console import Console

from rapport.errors import RapportError
from rapport.local import services
from rapport.local.airflow_api import UNFINISHED_RUN, AirflowApi, TaskState
from rapport.local.progress import StepBoard
from rapport.month_end import last_month_end
from rapport.settings import Settings

DAG = "publish_client_marts"
_ENDED = {
    "success": "success",
    "failed": "failed",
    "upstream_failed": "skipped",
    "skipped": "skipped",
}
_LONGEST_RUN_SECONDS = 6 * 3600


def run_demo(settings: Settings, as_of: date | None) -> None:
    """Start what is not running, make a release for the date, and print its summary.

    Raises:
        RapportError: naming the failed task, its log and what to do.
    """
    day = as_of or last_month_end(datetime.now(UTC), settings.business_time_zone)
    console = Console(highlight=False)
    console.print(f"[bold]Rapport[/] as of {day}, state in {settings.state}", soft_wrap=True)
    with StepBoard(console) as board:
        start_services(settings, board)
        run_id = _trigger(settings, day, board)
        _follow(settings, run_id, board)
    from rapport.local.summary import print_summary

    print_summary(settings, run_id, console)


def start_services(settings: Settings, board: StepBoard) -> None:
    """PostgreSQL first; then Airflow comes up while the warehouse is made ready and filled."""
    from rapport.local import databases, sources, warehouse

    _step(board, "PostgreSQL", lambda: databases.ensure_running(settings))
    with ThreadPoolExecutor(max_workers=2) as pool:
        waiting = [
            pool.submit(_step, board, "Airflow", lambda: services.start_airflow(settings)),
            pool.submit(_step, board, "source systems", lambda: sources.ensure_simulated(settings)),
        ]
        _step(board, "warehouse", lambda: warehouse.ensure_deployed(settings))
        for started in waiting:
            started.result()


def _step(board: StepBoard, name: str, action: Any) -> None:
    board.begin(name)
    action()
    board.finish(name)


def _trigger(settings: Settings, day: date, board: StepBoard) -> str:
    api = AirflowApi(settings)
    board.begin("Airflow reads the DAG")
    api.log_in()
    api.wait_for_dag(DAG)
    api.unpause(DAG)
    run_id = f"local__{datetime.now(UTC):%Y-%m-%dT%H:%M:%S}"
    api.trigger(DAG, run_id, {"as_of_date": day.isoformat()})
    board.finish("Airflow reads the DAG")
    return run_id


def _follow(settings: Settings, run_id: str, board: StepBoard) -> None:
    """Show the tasks of a run until it ends."""
    api = AirflowApi(settings)
    api.log_in()
    deadline = time.monotonic() + _LONGEST_RUN_SECONDS
    shown: set[TaskState] = set()
    while True:
        # State before tasks: a run that has ended has no task left to change.
        state = api.run_state(DAG, run_id)
        tasks = api.tasks(DAG, run_id)
        for task in tasks:
            if task.state in _ENDED and task not in shown:
                shown.add(task)
                board.finish(task.label, _ENDED[task.state], seconds=task.seconds)
            elif task.state == "running" and task.is_named:
                board.begin(task.label)
        if state not in UNFINISHED_RUN:
            break
        if time.monotonic() > deadline:
            raise RapportError(
                f"Run {run_id} has not ended after {_LONGEST_RUN_SECONDS // 3600} hours.",
                next_step="Look at it in Airflow; `rapport status` shows the address.",
            )
        services.require_healthy(settings)
        time.sleep(0.5)
    if state != "success":
        raise _failure(settings, api, run_id, tasks)


def _failure(
    settings: Settings, api: AirflowApi, run_id: str, tasks: list[TaskState]
) -> RapportError:
    failed = next((task for task in tasks if task.state == "failed"), None)
    if failed is None:
        return RapportError(
            f"Run {run_id} failed before any task did.",
            next_step=f"Read the scheduler's log in {settings.state / 'logs'}.",
        )
    folder = settings.state / "logs" / "tasks" / f"dag_id={DAG}" / f"run_id={run_id}"
    reason, _, step = _reason(api.log_events(DAG, run_id, failed)).partition("\nNext: ")
    return RapportError(
        f"Task {failed.label} failed; readers keep what was published before.\n{reason}",
        next_step=f"{step or 'Mend the cause.'}\n"
        "Then run `make run` again. The whole log is in "
        f"{folder / f'task_id={failed.task_id}'}",
    )


def _reason(events: list[dict[str, Any]]) -> str:
    """The last exception of a log, or its last lines."""
    for event in reversed(events):
        if details := event.get("error_detail"):
            return str(details[0].get("exc_value") or details[0].get("exc_type"))
    return "\n".join(str(event.get("event", "")) for event in events[-8:])
