"""A person decides about failed expectations: Airflow's approval task, asked for by a parameter."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from inspect import getdoc
from typing import Any

from airflow.providers.standard.exceptions import HITLRejectException, HITLTimeoutError
from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowFailException

from rapport.errors import RapportError
from rapport.orchestration.defaults import asks_for_overrides

# The decision is about this run alone, but a run may wait for a worker or be retried.
_IN_FORCE = timedelta(days=2)
_SHOWN = 50
_ASKED = {
    "approve_batches": "Accept these batches all the same? / 是否放行未通过检查的批次？",
    "approve_release": "Publish this release all the same? / 是否放行未通过检查的版本？",
}


class OverrideApproval(ApprovalOperator):  # type: ignore[misc]
    """Waits for a person only if the run asks for it and something failed; records who approved.

    Approval becomes one override per failed expectation, for this batch or release only. After a
    rejection, or without an answer in time, the task fails and readers keep the last release.
    """

    def __init__(self, *, task_id: str, **options: Any) -> None:
        super().__init__(
            task_id=task_id,
            subject=_ASKED[task_id],
            fail_on_reject=True,
            response_timeout=timedelta(hours=8),
            doc_md=getdoc(type(self)),
            **options,
        )

    def execute(self, context: Context) -> Any:
        if not asks_for_overrides(context):
            return None
        failed = self._failures()
        if not failed:
            self._accept()
            return None
        self.body = "\n".join(
            f"- `{f.stage}` **{f.object}**: {f.rule} – {f.observed or f.unexpected_count}"
            for f in failed[:_SHOWN]
        )
        return super().execute(context)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> Any:
        try:
            answer = super().execute_complete(context, event)
        except (HITLRejectException, HITLTimeoutError) as error:
            # A decision: asking again by way of a retry would not be one.
            raise AirflowFailException(
                "Not approved / 未获批准: the last release stays."
            ) from error
        person = (answer.get("responded_by_user") or {}).get("name") or ""
        self._record(person, context["dag_run"].run_id)
        return {"approved_by": person}

    def _failures(self) -> list[Any]:
        from rapport.orchestration.tasks import step
        from rapport.publishing.overrides import open_failures

        with step("auditor") as (settings, run_key):
            return open_failures(settings, run_key)

    def _record(self, person: str, run_id: str) -> None:
        from rapport.orchestration.tasks import step
        from rapport.publishing import overrides

        with step("auditor", "approver") as (settings, run_key):
            if not person:
                raise RapportError(
                    "Airflow does not say who approved.",
                    next_step="Use an auth manager that knows users, or `rapport override add`.",
                )
            for failed in overrides.open_failures(settings, run_key):
                overrides.add(
                    settings,
                    stage=failed.stage,
                    object_name=failed.object,
                    rule=failed.rule,
                    reason=f"approved in Airflow, task {self.task_id} of run {run_id}",
                    approved_by=person,
                    expires_at=datetime.now(UTC) + _IN_FORCE,
                    release_id=failed.release_id,
                    batch_seq=failed.batch_seq,
                )
        self._accept()

    def _accept(self) -> None:
        """Have the database take the batches now; it says so if it still objects to one."""
        from rapport.orchestration.tasks import step
        from rapport.pipeline import steps

        if self.task_id == "approve_batches":
            with step("validator") as (settings, run_key):
                steps.accept_batches(settings, run_key)
