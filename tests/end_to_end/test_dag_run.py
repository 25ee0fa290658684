"""Whole runs through Airflow's own machinery: what is published, what is not, what is told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from rapport.local.postgres import EmbeddedPostgres
from rapport.notifications import Event
from support.published_lender import AS_OF, Lender

if TYPE_CHECKING:
    from airflow.dag_processing.dagbag import DagBag

pytestmark = pytest.mark.usefixtures("airflow_metadata")


def _run(bag: DagBag, *, mark_success: str | None = None, **conf: Any) -> Any:
    """Run the DAG in this process; Airflow's record of the run."""
    dag = bag.dags["publish_client_marts"]
    return dag.test(
        run_conf={"as_of_date": AS_OF.isoformat()} | conf, mark_success_pattern=mark_success
    )


def _states(run: Any) -> dict[str, str]:
    return {ti.task_id: str(ti.state) for ti in run.get_task_instances()}


def _asset_events() -> list[dict[str, Any]]:
    from airflow.models.asset import AssetEvent
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        return [event.extra for event in session.scalars(select(AssetEvent))]


def test_a_run_publishes_and_lands_nothing_that_is_known(bag: DagBag, lender: Lender) -> None:
    before = lender.current_release()
    run = _run(bag)
    assert set(_states(run).values()) == {"success"}
    assert run.state == "success"

    release = lender.current_release()
    assert release > before
    assert lender.hashes(release) == lender.hashes(before)
    landed = "select sum(rows_landed), sum(rows_read) > 0 from ctl.batch_table as t"
    landed += " join ctl.batch as b using (batch_seq) where b.run_key = %s"
    assert lender.rows(landed, run.run_id) == [(0, True)]
    edition = lender.rows("select from_edition from ctl.pointer where release_id = %s", release)
    assert _asset_events()[-1] == {
        "release": release,
        "edition": edition[0][0],
        "as_of_date": AS_OF.isoformat(),
    }
    assert list(lender.settings.reports.glob(f"*{release}*"))


def test_a_failed_gate_ends_the_release_and_tells_the_owner_without_keys(
    bag: DagBag, lender: Lender, server: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Event] = []
    monkeypatch.setattr("rapport.notifications.notify", lambda _, event: told.append(event))
    lender.as_superuser(server, "update ctl.batch set completed_at = now() - interval '30 days'")
    before = lender.current_release()
    run = _run(bag, sources=[])
    states = _states(run)
    assert run.state == "failed"
    assert states["validate_staging"] == "failed"
    assert states["build_marts"] == states["publish"] == "upstream_failed"
    assert states["report"] == "success", "a failed run has its page, and stays failed"

    assert lender.current_release() == before
    query = "select release_id, status, reason from ctl.release where run_key = %s"
    [(release, status, reason)] = lender.rows(query, run.run_id)
    assert status == "failed"
    assert "required_sources_are_fresh" in reason
    [event] = told
    assert (event.status, event.release_id, event.as_of_date) == ("failed", release, AS_OF)
    assert "required_sources_are_fresh" in event.text()


def test_a_gate_marked_successful_by_hand_publishes_nothing(bag: DagBag, lender: Lender) -> None:
    before = lender.current_release()
    run = _run(bag, mark_success="validate_staging", sources=[])
    states = _states(run)
    assert run.state == "failed"
    assert states["validate_staging"] == "success"
    assert states["publish"] == "failed"
    assert states["extract"] == "skipped"

    assert lender.current_release() == before
    query = "select release_id, status, reason from ctl.release where run_key = %s"
    [(release, status, reason)] = lender.rows(query, run.run_id)
    assert status == "refused"
    assert "no passing evidence of suite" in reason
    assert states["report"] == "success"
    assert list(lender.settings.reports.glob(f"*{release}*"))
