"""The steps of a run as Airflow tasks: the package's own functions, with Airflow's context.

Nothing of value passes between tasks but the run's id: what a step did stands in the warehouse.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow.sdk import get_current_context

from rapport import settings as settings_module
from rapport.orchestration import calendar, connections, failures
from rapport.orchestration.defaults import CLIENT_MARTS, asks_for_overrides, timed_task

if TYPE_CHECKING:
    from rapport.quality.model import Outcome
    from rapport.settings import Settings
    from rapport.warehouse.dsn import Role

log = logging.getLogger(__name__)


@contextmanager
def step(*roles: Role) -> Iterator[tuple[Settings, str]]:
    """Settings and run key for one step, with the addresses of just these roles in place."""
    from rapport.sources.contracts import load_contracts

    with failures.readable():
        settings = settings_module.load()
        sources = {c.connection or name for name, c in load_contracts(settings).items()}
        with connections.exported(connections.addresses(roles, sorted(sources))):
            yield settings, get_current_context()["dag_run"].run_id


@timed_task()
def open_release() -> list[str]:
    """Open the release of this run; the names of the sources to read anew."""
    from rapport.pipeline import steps

    with step("transformer") as (settings, run_key):
        context = get_current_context()
        values, dag_run = context["params"], context["dag_run"]
        as_of = calendar.as_of_date(
            values["as_of_date"],
            dag_run.data_interval_end,
            dag_run.run_after,
            settings.business_time_zone,
        )
        known = calendar.known_at(values["known_at"], datetime.now(UTC))
        enabled = list(steps.enabled_contracts(settings))
        sources = calendar.sources_to_extract(values["sources"], known, enabled)
        release_id = steps.open_release(settings, as_of, run_key, known)
        log.info("Release %d for %s / 版本 %d,基准日 %s", release_id, as_of, release_id, as_of)
        return sources


@timed_task(map_index_template="{{ task.op_kwargs['source'] }}")
def extract(source: str) -> None:
    """Land what changed in one source; an accepted batch of this run is not read again."""
    from rapport.pipeline import steps

    with step("loader") as (settings, run_key):
        report = steps.extract(settings, source, run_key)
        if report is None:
            log.warning("%s is down; its last batch stays / 来源不可用,沿用上一批次", source)
            return
        log.info("Batch %d of %s / 批次 %d,来源 %s", *(report.batch_seq, source) * 2)
        for table in report.tables:
            log.info("%s", table)


# Not `all_success`: a run that reads no source has an empty map, which counts as skipped.
@timed_task(trigger_rule="none_failed")
def validate_landing() -> None:
    """Check the batches of this run and accept those that pass."""
    from rapport.pipeline import steps

    with step("validator") as (settings, run_key):
        _log_outcomes(steps.validate_landing(settings, run_key, ask_later=_asks()))


@timed_task()
def freeze_inputs() -> None:
    """Fix by batch number what this release reads."""
    from rapport.pipeline import steps

    with step("transformer") as (settings, run_key):
        log.info("Inputs / 冻结的输入批次: %s", steps.freeze_inputs(settings, run_key).ceilings)


@timed_task()
def build_staging() -> None:
    """Bring the frozen inputs to the canonical layout."""
    from rapport.pipeline import steps

    with step("transformer") as (settings, run_key):
        steps.build_staging(settings, run_key)


@timed_task()
def validate_staging() -> None:
    """Check the canonical tables and the freshness of the inputs."""
    from rapport.pipeline import steps

    with step("validator", "auditor") as (settings, run_key):
        _log_outcomes(steps.validate_staging(settings, run_key, ask_later=_asks()))


@timed_task()
def build_marts() -> None:
    """Build intermediate models and marts, with their data tests."""
    from rapport.pipeline import steps

    with step("transformer") as (settings, run_key):
        steps.build_marts(settings, run_key)


@timed_task()
def seal_and_validate_marts() -> None:
    """Take the candidate from the role that built it, then check it."""
    from rapport.pipeline import steps

    with step("transformer", "validator", "auditor") as (settings, run_key):
        _log_outcomes(steps.seal_and_validate_marts(settings, run_key, ask_later=_asks()))


@timed_task(outlets=[CLIENT_MARTS])
def publish() -> None:
    """Let readers see the release, if the database finds all the evidence."""
    from rapport.pipeline import steps

    with step("publisher", "auditor") as (settings, run_key):
        context = get_current_context()
        edition = steps.publish(settings, run_key, actor=_actor(context))
        release = _release(settings, run_key)
        context["outlet_events"][CLIENT_MARTS].extra = {
            "release": release.release_id,
            "edition": edition,
            "as_of_date": release.as_of_date.isoformat(),
        }
        log.info(
            "Published: release %d, edition %d / 已发布:版本 %d,期次 %d",
            *(release.release_id, edition) * 2,
        )


@timed_task()
def report() -> None:
    """Write the page of this release, also of one that failed; end a release left unfinished."""
    from rapport.pipeline import steps
    from rapport.publishing.releases import ENDED, fail_release

    with step("auditor", "transformer") as (settings, run_key):
        if _release(settings, run_key).status not in (*ENDED, "failed"):
            fail_release(settings, run_key, "the run ended before it was published")
        log.info("Report / 报告: %s", steps.report(settings, run_key))


def _asks() -> bool:
    return asks_for_overrides(get_current_context())


def _actor(context: Any) -> str:
    return f"airflow:{context['dag_run'].triggering_user_name or 'scheduler'}"


def _release(settings: Settings, run_key: str) -> Any:
    from rapport.publishing.context import release_context
    from rapport.warehouse import dsn

    with dsn.connect(dsn.role_dsn(settings, "auditor")) as connection:
        return release_context(connection, run_key)


def _log_outcomes(outcomes: Sequence[Outcome]) -> None:
    failed = [outcome for outcome in outcomes if not outcome.is_passed]
    passed = len(outcomes) - len(failed)
    log.info("%d suites passed / %d 组检查通过", passed, passed)
    for outcome in failed:
        rules = ", ".join(found.expectation.rule for found in outcome.failures)
        log.warning("Failed / 未通过: %s: %s", outcome.table, rules or "no rows")
