"""The few calls to Airflow's REST API that a local run makes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import httpx

from rapport.errors import RapportError
from rapport.local import airflow
from rapport.local.waiting import wait_until
from rapport.settings import Settings

UNFINISHED_RUN = ("queued", "running")


def _label(item: dict[str, Any]) -> str:
    """Name of a task instance as people see it: a mapped one with its own part."""
    if item["map_index"] < 0:
        return str(item["task_id"])
    return f"{item['task_id']} {item['rendered_map_index'] or item['map_index']}"


@dataclass(frozen=True)
class TaskState:
    """One task instance; ``map_index`` is -1 unless the task is mapped.

    A mapped task has its own name only once it has begun its work (``is_named``).
    """

    task_id: str
    map_index: int
    label: str
    is_named: bool
    state: str | None
    try_number: int
    started: str
    seconds: float | None


class AirflowApi:
    """Client of our own API server, logged in as its one user."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        # Loopback: a proxy named in the environment has no business here.
        self._http = httpx.Client(base_url=airflow.base_url(settings), timeout=30, trust_env=False)

    def log_in(self, seconds: float = 120) -> None:
        """Wait until the server answers, and get a token."""
        wait_until(self._try_log_in, seconds=seconds, what="Airflow's API server to answer")

    def wait_for_dag(self, dag_id: str, seconds: float = 120) -> None:
        """Wait until the DAG processor has read a DAG.

        Raises:
            RapportError: with the import error when the DAG's file cannot be read.
        """
        wait_until(
            lambda: self._is_read(dag_id), seconds=seconds, what=f"Airflow to read the DAG {dag_id}"
        )

    def unpause(self, dag_id: str) -> None:
        """Let the scheduler work on this DAG."""
        self._call("PATCH", f"/api/v2/dags/{dag_id}", json={"is_paused": False})

    def trigger(self, dag_id: str, run_id: str, conf: dict[str, Any]) -> None:
        """Queue a run with these parameters."""
        body = {"dag_run_id": run_id, "logical_date": None, "conf": conf}
        self._call("POST", f"/api/v2/dags/{dag_id}/dagRuns", json=body)

    def run_state(self, dag_id: str, run_id: str) -> str:
        """queued, running, success or failed."""
        return str(self._call("GET", f"/api/v2/dags/{dag_id}/dagRuns/{run_id}")["state"])

    def tasks(self, dag_id: str, run_id: str) -> list[TaskState]:
        """All task instances of a run, in the order they started."""
        path = f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances"
        found = [
            TaskState(
                item["task_id"],
                item["map_index"],
                _label(item),
                # Before a mapped task renders its name, Airflow gives the index in its place.
                item["rendered_map_index"] not in (None, str(item["map_index"]))
                or item["map_index"] < 0,
                item["state"],
                item["try_number"],
                item["start_date"] or "~",
                item["duration"],
            )
            for item in self._call("GET", path, params={"limit": 100})["task_instances"]
        ]
        return sorted(found, key=lambda task: task.started)

    def log_events(self, dag_id: str, run_id: str, task: TaskState) -> list[dict[str, Any]]:
        """Log of the last try of a task, one dictionary per line."""
        path = f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task.task_id}/logs"
        answer = self._call(
            "GET",
            f"{path}/{task.try_number}",
            params={"map_index": task.map_index, "full_content": True},
        )
        return [item if isinstance(item, dict) else {"event": item} for item in answer["content"]]

    def _try_log_in(self) -> bool:
        user = {"username": airflow.USER, "password": airflow.password(self._settings)}
        try:
            answer = self._http.post("/auth/token", json=user)
        except httpx.TransportError:
            return False
        if answer.status_code != httpx.codes.CREATED:
            return False
        self._http.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        return True

    def _is_read(self, dag_id: str) -> bool:
        errors = self._call("GET", "/api/v2/importErrors")["import_errors"]
        for error in errors:
            if error["filename"].endswith(f"{dag_id}.py"):
                raise RapportError(
                    f"Airflow cannot read {error['filename']}:\n{error['stack_trace'].strip()}",
                    next_step="Mend the file; Airflow reads it again by itself.",
                )
        answer = self._http.get(f"/api/v2/dags/{dag_id}")
        return answer.status_code == httpx.codes.OK and not answer.json()["is_stale"]

    def _call(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        try:
            answer = self._http.request(method, path, **options)
        except httpx.TransportError as error:
            raise RapportError(
                f"Airflow's API server stopped answering: {error}",
                next_step="`rapport status` shows what runs and where the logs are.",
            ) from error
        if answer.is_error:
            raise RapportError(
                f"Airflow refused {method} {path}: {answer.status_code} {answer.text[:500]}",
                next_step=f"Look at {airflow.base_url(self._settings)}, or at its log: "
                "`rapport status` names it.",
            )
        content = answer.json() if answer.content else {}
        assert isinstance(content, dict)
        return content
