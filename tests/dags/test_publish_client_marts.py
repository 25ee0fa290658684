"""The shape of the publishing DAG, its parameters and its dates."""

from __future__ import annotations

from copy import deepcopy
from datetime import UTC, date, datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from airflow.dag_processing.dagbag import DagBag
    from airflow.sdk import DAG

ORDER = [
    "open_release",
    "extract",
    "validate_landing",
    "approve_batches",
    "freeze_inputs",
    "build_staging",
    "validate_staging",
    "build_marts",
    "seal_and_validate_marts",
    "approve_release",
    "publish",
    "report",
]


@pytest.fixture
def dag(bag: DagBag) -> DAG:
    return bag.dags["publish_client_marts"]


def test_the_tasks_stand_in_the_order_of_the_life_of_a_run(dag: DAG) -> None:
    assert [task.task_id for task in dag.topological_sort()] == ORDER
    for before, after in pairwise(ORDER):
        assert after in dag.get_task(before).downstream_task_ids


def test_extract_is_mapped_over_the_sources_and_shows_their_names(dag: DAG) -> None:
    extract = dag.get_task("extract")
    assert extract.is_mapped
    assert "source" in extract.map_index_template


def test_the_report_runs_after_a_failure_and_cannot_turn_the_run_green(dag: DAG) -> None:
    report = dag.get_task("report")
    assert report.is_teardown
    assert report.on_failure_fail_dagrun is False
    assert dag.get_task("open_release").is_setup


def test_publishing_announces_an_asset(dag: DAG) -> None:
    assert [asset.name for asset in dag.get_task("publish").outlets] == ["rapport_client_marts"]
    assert all(not task.outlets for task in dag.tasks if task.task_id != "publish")


@pytest.mark.parametrize(
    "given",
    [
        {"as_of_date": "31.10.2026"},
        {"as_of_date": "2026-02-30"},
        {"as_of_date": 20261031},
        {"sources": "crm"},
        {"sources": ["no_such_source"]},
        {"sources": ["crm", "crm"]},
        {"known_at": "yesterday"},
        {"known_at": 1},
        {"approve_overrides": "perhaps"},
    ],
    ids=str,
)
def test_bad_parameters_are_refused(dag: DAG, given: dict[str, Any]) -> None:
    from airflow.sdk.exceptions import ParamValidationError

    values = deepcopy(dag.params)
    with pytest.raises(ParamValidationError):
        values.update(given)


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"as_of_date": "2026-10-31"},
        {"sources": ["crm"]},
        {"sources": []},
        {"known_at": "2026-11-02T08:00:00+08:00"},
    ],
    ids=str,
)
def test_good_parameters_are_taken(dag: DAG, given: dict[str, Any]) -> None:
    values = deepcopy(dag.params)
    values.update(given)
    unasked = {"as_of_date": None, "sources": None, "known_at": None, "approve_overrides": False}
    assert values.validate() == unasked | given


def test_the_schedule_gives_one_run_per_month_end_in_ascending_order(dag: DAG) -> None:
    from airflow.serialization.serialized_objects import DagSerialization

    from rapport.orchestration.calendar import as_of_date

    scheduled = DagSerialization.deserialize_dag(DagSerialization.serialize_dag(dag))
    # As `airflow backfill create --from-date 2026-01-01 --to-date 2026-06-30` asks for them.
    runs = scheduled.iter_dagrun_infos_between(
        datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 6, 30, tzinfo=UTC)
    )
    dates = [as_of_date(None, r.data_interval.end, r.run_after, "Asia/Shanghai") for r in runs]
    assert [str(day) for day in dates] == [
        "2026-01-31",
        "2026-02-28",
        "2026-03-31",
        "2026-04-30",
        "2026-05-31",
        "2026-06-30",
    ]


def test_the_sources_to_choose_from_are_those_with_a_contract(dag: DAG) -> None:
    choice = dag.params.get_param("sources").schema["items"]["enum"]
    assert {"crm", "loans", "files", "eagle"} <= set(choice)


def test_as_of_defaults_to_a_month_end_that_is_over() -> None:
    from rapport.orchestration.calendar import as_of_date

    now = datetime(2026, 11, 23, 9, tzinfo=UTC)
    assert as_of_date(None, None, now, "Asia/Shanghai") == date(2026, 10, 31)
