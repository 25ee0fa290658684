"""Housekeeping of the warehouse as Airflow tasks."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from airflow.sdk import get_current_context

from rapport.orchestration.defaults import timed_task
from rapport.orchestration.tasks import step

if TYPE_CHECKING:
    from rapport.publishing.releases import Release

log = logging.getLogger(__name__)

PUBLISHING_DAG = "publish_client_marts"
_UNFINISHED = ("open", "frozen", "staging_sealed", "sealed", "staged")


def abandoned(
    releases: Iterable[Release],
    now: datetime,
    patience: timedelta,
    is_running: Callable[[str], bool],
) -> list[Release]:
    """Unfinished releases older than ``patience`` whose run is over (or not known to Airflow)."""
    return [
        release
        for release in releases
        if release.status in _UNFINISHED
        and now - release.opened_at > patience
        and not is_running(release.run_key)
    ]


@timed_task()
def prune_releases() -> None:
    """Remove stored releases beyond RAPPORT_KEEP_RELEASES per date."""
    from rapport.publishing.releases import prune

    with step("publisher") as (settings, _):
        log.info("Pruned releases / 已清理版本: %s", prune(settings) or "none / 无")


@timed_task()
def abandon_releases() -> None:
    """Give back the build slots of runs that died without a word."""
    from rapport.publishing.releases import fail_release, list_releases

    context = get_current_context()
    hours = int(context["params"]["abandon_after_hours"])
    count_runs = context["ti"].get_dr_count

    def is_running(run_key: str) -> bool:
        states = ["queued", "running"]
        return bool(count_runs(dag_id=PUBLISHING_DAG, run_ids=[run_key], states=states))

    with step("transformer", "auditor") as (settings, _):
        now, patience = datetime.now(UTC), timedelta(hours=hours)
        for release in abandoned(list_releases(settings), now, patience, is_running):
            fail_release(
                settings, release.run_key, f"no end after {hours} hours", status="abandoned"
            )
            log.warning("Abandoned / 已放弃: %d (%s)", release.release_id, release.run_key)
