"""What is owed when a run has failed for good: its release ends, and its owner is told."""

from __future__ import annotations

import logging
from datetime import date

from rapport import notifications
from rapport.errors import RapportError
from rapport.notifications.event import Status, gate_reasons
from rapport.publishing.context import ReleaseContext, release_context
from rapport.publishing.releases import PublishRefused, fail_release
from rapport.settings import Settings
from rapport.warehouse import dsn

log = logging.getLogger(__name__)

_REASON_LENGTH = 4000


def end_failed_run(
    settings: Settings, run_key: str, as_of: date, step: str, error: BaseException | str | None
) -> None:
    """Mark the release of a run as failed and notify; a published release is left as it is.

    Args:
        as_of: the date to name when the run never opened a release.
        step: the step that failed, for people.
    """
    try:
        fail_release(settings, run_key, f"{step}: {error}"[:_REASON_LENGTH])
    except Exception:
        # Not fatal: maintain_warehouse ends what is left open. The owner is told all the same.
        log.exception("The release of run %s stays open.", run_key)
    release = find_release(settings, run_key)
    if release is not None and release.status == "published":
        log.warning("Release %d is published; only %s failed.", release.release_id, step)
        return
    status: Status = "refused" if release is not None and release.status == "refused" else "failed"
    event = notifications.Event(
        status=status,
        as_of_date=release.as_of_date if release is not None else as_of,
        run_key=run_key,
        release_id=release.release_id if release is not None else None,
        reasons=told_reasons(error, step),
        next_command=f"rapport report {release.release_id}" if release is not None else None,
    )
    notifications.notify(settings, event)


def told_reasons(error: BaseException | str | None, step: str) -> tuple[str, ...]:
    """What leaves the house: no business keys, which a message of a gate or of dbt may hold."""
    from rapport.quality.errors import GateFailed

    if isinstance(error, GateFailed):
        return gate_reasons(error)
    if isinstance(error, PublishRefused):
        return tuple(error.reasons)
    kind = type(error).__name__ if isinstance(error, BaseException) else str(error or "unknown")
    return (f"{step}: {kind}; see the log of the task / 见任务日志",)


def find_release(settings: Settings, run_key: str) -> ReleaseContext | None:
    """The release of a run, or None when it opened none or the warehouse does not answer."""
    try:
        with dsn.connect(dsn.role_dsn(settings, "auditor")) as connection:
            return release_context(connection, run_key)
    except RapportError:
        return None
