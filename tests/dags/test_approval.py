"""Who is asked about failed checks, and what comes of the answer."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from rapport.publishing import overrides
from rapport.publishing.overrides import Failure

if TYPE_CHECKING:
    from airflow.dag_processing.dagbag import DagBag

    from rapport.orchestration.approval import OverrideApproval

FAILED = Failure("marts", "loan_risk", "it_adds_up", 7, None, "2 rows", 2)


@pytest.fixture
def asked(bag: DagBag, monkeypatch: pytest.MonkeyPatch) -> OverrideApproval:
    """The approval task of a run with one failed check, without a warehouse."""
    from rapport.orchestration import tasks

    @contextmanager
    def step(*roles: str) -> Any:
        yield None, "run"

    monkeypatch.setattr(tasks, "step", step)
    monkeypatch.setattr(overrides, "open_failures", lambda *_: [FAILED])
    task: Any = bag.dags["publish_client_marts"].get_task("approve_release")
    return task


def context(approve: bool) -> Any:
    return {
        "params": {"approve_overrides": approve},
        "dag_run": SimpleNamespace(run_id="manual"),
        "task_instance": SimpleNamespace(id="ti"),
    }


def answer(choice: str, user: dict[str, str] | None) -> dict[str, Any]:
    return {
        "chosen_options": [choice],
        "params_input": {},
        "responded_at": datetime.now(UTC),
        "responded_by_user": user,
    }


def test_nobody_is_asked_unless_the_run_says_so(asked: OverrideApproval) -> None:
    assert asked.execute(context(approve=False)) is None


def test_nobody_is_asked_when_nothing_failed(
    asked: OverrideApproval, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(overrides, "open_failures", lambda *_: [])
    assert asked.execute(context(approve=True)) is None


def test_a_person_is_shown_what_failed_and_waited_for(
    asked: OverrideApproval, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow.providers.standard.operators import hitl
    from airflow.sdk.exceptions import TaskAwaitingInput

    shown: dict[str, Any] = {}
    monkeypatch.setattr(hitl, "upsert_hitl_detail", lambda **given: shown.update(given))
    with pytest.raises(TaskAwaitingInput):
        asked.execute(context(approve=True))
    assert "loan_risk" in shown["body"]
    assert "it_adds_up" in shown["body"]


def test_an_approval_is_recorded_for_this_release_in_the_name_of_the_person(
    asked: OverrideApproval, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded: list[dict[str, Any]] = []
    monkeypatch.setattr(overrides, "add", lambda _, **given: recorded.append(given))
    asked.execute_complete(context(approve=True), answer("Approve", {"id": "1", "name": "li.wei"}))
    assert [(r["rule"], r["release_id"], r["approved_by"]) for r in recorded] == [
        ("it_adds_up", 7, "li.wei")
    ]


def test_a_rejection_and_an_approval_by_nobody_end_the_run(
    asked: OverrideApproval, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow.sdk.exceptions import AirflowFailException

    recorded: list[Any] = []
    monkeypatch.setattr(overrides, "add", lambda _, **given: recorded.append(given))
    with pytest.raises(AirflowFailException, match="Not approved"):
        asked.execute_complete(context(approve=True), answer("Reject", {"id": "1", "name": "x"}))
    with pytest.raises(Exception, match="who approved"):
        asked.execute_complete(context(approve=True), answer("Approve", None))
    assert not recorded


def test_batches_are_accepted_after_an_approval_or_told_why_not(
    asked: OverrideApproval, bag: DagBag, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rapport.pipeline import steps

    accepted: list[str] = []
    monkeypatch.setattr(overrides, "add", lambda *_, **given: 1)
    monkeypatch.setattr(steps, "accept_batches", lambda _, run_key: accepted.append(run_key))
    landing: Any = bag.dags["publish_client_marts"].get_task("approve_batches")
    landing.execute_complete(context(approve=True), answer("Approve", {"id": "1", "name": "li"}))
    monkeypatch.setattr(overrides, "open_failures", lambda *_: [])
    landing.execute(context(approve=True))
    assert accepted == ["run", "run"]
