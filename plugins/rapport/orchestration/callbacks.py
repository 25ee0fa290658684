"""What happens when a task or a run has failed for good: the release ends, the owner is told."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rapport.errors import RapportError

if TYPE_CHECKING:
    from rapport.publishing.context import ReleaseContext
    from rapport.settings import Settings

log = logging.getLogger(__name__)

_REASON_LENGTH = 4000


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


def told_reasons(error: BaseException | str | None, task_id: str) -> tuple[str, ...]:
    """What leaves the house: no business keys, which a message of a gate or of dbt may hold."""
    from rapport.notifications.event import gate_reasons
    from rapport.publishing.releases import PublishRefused
    from rapport.quality.errors import GateFailed

    if isinstance(error, GateFailed):
        return gate_reasons(error)
    if isinstance(error, PublishRefused):
        return tuple(error.reasons)
    kind = type(error).__name__ if isinstance(error, BaseException) else str(error or "unknown")
    return (f"{task_id}: {kind}; see the log of the task / 见任务日志",)


def _end(context: Mapping[str, Any]) -> None:
    from rapport import settings as settings_module
    from rapport.notifications import Event, notify
    from rapport.orchestration import calendar, connections
    from rapport.publishing.releases import fail_release

    settings = settings_module.load()
    dag_run = context["dag_run"]
    error = root_error(context.get("exception") or context.get("reason"))
    task_id = getattr(context.get("ti"), "task_id", None) or "run"
    with connections.exported(connections.addresses(("transformer", "auditor"), ())):
        try:
            fail_release(settings, dag_run.run_id, f"{task_id}: {error}"[:_REASON_LENGTH])
        except Exception:
            # Not fatal: maintain_warehouse ends what is left open. The owner is told all the same.
            log.exception("The release of run %s stays open.", dag_run.run_id)
        release = _find_release(settings, dag_run.run_id)
    if release is not None and release.status == "published":
        log.warning("Release %d is published; only %s failed.", release.release_id, task_id)
        return
    requested = (context.get("params") or {}).get("as_of_date")
    event = Event(
        status="refused" if release is not None and release.status == "refused" else "failed",
        as_of_date=release.as_of_date
        if release is not None
        else calendar.as_of_date(
            requested, dag_run.data_interval_end, dag_run.run_after, settings.business_time_zone
        ),
        run_key=dag_run.run_id,
        release_id=release.release_id if release is not None else None,
        reasons=told_reasons(error, task_id),
        next_command=f"rapport report {release.release_id}" if release is not None else None,
    )
    notify(settings, event)


def _find_release(settings: Settings, run_key: str) -> ReleaseContext | None:
    from rapport.publishing.context import release_context
    from rapport.warehouse import dsn

    try:
        with dsn.connect(dsn.role_dsn(settings, "auditor")) as connection:
            return release_context(connection, run_key)
    except RapportError:
        return None
