"""What all DAGs share, in one place: owner, retries, timeouts, callbacks, parameters, asset."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from inspect import getdoc
from typing import Any

from airflow.sdk import Asset, CronDataIntervalTimetable, Param, task

from rapport import settings as settings_module
from rapport.orchestration import calendar, callbacks

OWNER = "rapport"
TAGS = ["rapport"]
CLIENT_MARTS = Asset("rapport_client_marts", group="rapport")

# Longest credible duration of one attempt; a task beyond it hangs and is better started again.
TIMEOUTS = {
    "open_release": timedelta(minutes=5),
    "extract": timedelta(hours=3),
    "validate_landing": timedelta(hours=1),
    "freeze_inputs": timedelta(minutes=5),
    "build_staging": timedelta(hours=2),
    "validate_staging": timedelta(hours=1),
    "build_marts": timedelta(hours=3),
    "seal_and_validate_marts": timedelta(hours=1),
    "publish": timedelta(minutes=30),
    "report": timedelta(minutes=15),
    "prune_releases": timedelta(minutes=30),
    "abandon_releases": timedelta(minutes=10),
}
# Airflow checks the format of dates, but not of instants.
_INSTANT = r"^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?$"

RUN_TIMEOUT = timedelta(hours=12)

DEFAULT_ARGS: dict[str, Any] = {
    "owner": OWNER,
    "retries": 2,
    "retry_delay": timedelta(seconds=30),
    "retry_exponential_backoff": 2.0,
    "max_retry_delay": timedelta(minutes=10),
    "execution_timeout": timedelta(hours=1),
    "on_failure_callback": callbacks.end_failed_run,
}


def timed_task(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """Airflow's task decorator with the time limit and the manual of the function."""

    def wrap(function: Callable[..., Any]) -> Any:
        limit, manual = TIMEOUTS[function.__name__], getdoc(function)
        return task(execution_timeout=limit, doc_md=manual, **options)(function)

    return wrap


def asks_for_overrides(context: Mapping[str, Any]) -> bool:
    """Whether a person is to be asked about failed checks of this run."""
    return bool((context.get("params") or {}).get("approve_overrides"))


def month_ends() -> CronDataIntervalTimetable:
    """One run per month, early on the first of the next, for the data interval of that month."""
    zone = settings_module.load().business_time_zone
    return CronDataIntervalTimetable(calendar.monthly_cron(zone), timezone="UTC")


def schedule_start() -> datetime:
    """First data interval of the schedule (RAPPORT_SCHEDULE_FROM); a backfill may go before it."""
    first = os.environ.get("RAPPORT_SCHEDULE_FROM") or "2020-01-01"
    return datetime.fromisoformat(first).replace(tzinfo=UTC)


def known_sources() -> list[str]:
    """Names of all contracts, shipped and the user's, by file name: parsing them takes too long."""
    folders: list[Any] = [files("rapport.sources") / "contracts"]
    if project := settings_module.load().project_path:
        folders.append(project / "contracts")
    names = [entry.name for folder in folders if folder.is_dir() for entry in folder.iterdir()]
    return sorted({name.removesuffix(".yml") for name in names if name.endswith(".yml")})


def run_params() -> dict[str, Param]:
    """The typed parameters of a run; Airflow refuses other values before anything starts."""
    return {
        "as_of_date": Param(
            None,
            type=["null", "string"],
            format="date",
            title="As of / 基准日",
            description="Date of the marts. Empty: the last completed month-end (of the data"
            " interval). / 数据基准日;留空则取最近一个已结束的月末。",
        ),
        "sources": Param(
            None,
            type=["null", "array"],
            items={"type": "string", "enum": known_sources()},
            examples=known_sources(),
            uniqueItems=True,
            title="Sources to read / 抽取来源",
            description="Sources to read anew. Empty: all enabled; []: none, the marts are made"
            " from what was landed before. / 留空为全部启用来源;[] 为不抽取。",
        ),
        "known_at": Param(
            None,
            type=["null", "string"],
            format="date-time",
            pattern=_INSTANT,
            title="Known at / 已知时点",
            description="Use only what was landed by this instant; nothing is read then."
            " / 只用该时点前已入库的数据,不再抽取。",
        ),
        "approve_overrides": Param(
            False,
            type="boolean",
            title="Ask about failures / 失败时人工审批",
            description="A failed check does not end the run: a person is asked, and an approval is"
            " recorded as an override. / 检查未通过时等待人工审批,批准即记录为放行。",
        ),
    }
