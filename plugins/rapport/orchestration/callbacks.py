"""What happens when a task or a run has failed for good: the release ends, the owner is told."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from rapport.errors import RapportError

log = logging.getLogger(__name__)


def end_failed_run(context: Mapping[str, Any]) -> None:
    """End the release of the run and notify its owner; never raises, never hides the failure."""
    try:
        _end(context)
    except Exception:
        log.exception("The failure could not be recorded. / 未能记录失败。")


def notify_of_timeout(context: Mapping[str, Any]) -> None:
    """The same for a run that took too long: no task failed there, so none has told anybody."""
    if context.get("reason") == "timed_out":
        end_failed_run(context)


def root_error(error: BaseException | str | None) -> BaseException | str | None:
    """The error a person can act on, from under the one Airflow is given."""
    while isinstance(error, BaseException) and not isinstance(error, RapportError):
        if error.__cause__ is None:
            return error
        error = error.__cause__
    return error


def _end(context: Mapping[str, Any]) -> None:
    from rapport import settings as settings_module
    from rapport.orchestration import calendar, connections
    from rapport.pipeline import ending

    settings = settings_module.load()
    dag_run = context["dag_run"]
    requested = (context.get("params") or {}).get("as_of_date")
    as_of = calendar.as_of_date(
        requested, dag_run.data_interval_end, dag_run.run_after, settings.business_time_zone
    )
    task_id = getattr(context.get("ti"), "task_id", None) or "run"
    error = root_error(context.get("exception") or context.get("reason"))
    with connections.exported(connections.addresses(("transformer", "auditor"), ())):
        ending.end_failed_run(settings, dag_run.run_id, as_of, task_id, error)
