"""Input that breaks a critical expectation: nothing is published, readers keep what they had."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from rapport.local.postgres import EmbeddedPostgres
from rapport.pipeline import runner
from rapport.quality.errors import GateFailed
from support.published_lender import AS_OF, Lender

MARTS = ("clients", "loan_risk", "client_value", "client_satisfaction")


def _seen(lender: Lender) -> dict[str, list[tuple[Any, ...]]]:
    return {
        mart: lender.rows(f"select * from mart.{mart} order by 1, 2, 3", role="bi_reader")
        for mart in MARTS
    }


@contextmanager
def _nothing_published(lender: Lender, run_key: str) -> Iterator[None]:
    before, release = _seen(lender), lender.current_release()
    assert all(before.values())
    yield
    assert lender.current_release() == release
    assert _seen(lender) == before
    query = "select status, reason from ctl.release where run_key = %s"
    [(status, reason)] = lender.rows(query, run_key)
    assert status == "failed"
    assert "gate failed" in reason
    [(failed,)] = lender.rows("select max(release_id) from ctl.release")
    assert list(lender.settings.reports.glob(f"*{failed}*")), "a failed release has its page, too"


def _assert_tells(error: GateFailed, stage: str, *wanted: str) -> None:
    message = str(error)
    for text in (f"{stage} gate failed", f"{stage} 关卡未通过", "look / 查看", *wanted):
        assert text in message, message


def test_a_changed_code_list_in_a_source_is_stopped_at_landing(lender: Lender) -> None:
    changed = lender.change_source("crm", "update clients set client_type = 'KUNDE'")
    assert changed > 10
    with _nothing_published(lender, "broken landing"), pytest.raises(GateFailed) as caught:
        runner.run(lender.settings, AS_OF, run_key="broken landing")
    _assert_tells(
        caught.value, "landing", "quarantine_is_no_layout_change", "table_name=clients", "crm"
    )
    # The batch is not visible to any release, and the next good load takes its place.
    assert lender.rows("select status from ctl.batch where run_key = 'broken landing'") != [
        ("accepted",)
    ]


def test_inputs_that_have_grown_old_are_stopped_at_staging(
    lender: Lender, server: EmbeddedPostgres
) -> None:
    lender.as_superuser(server, "update ctl.batch set completed_at = now() - interval '30 days'")
    with _nothing_published(lender, "stale"), pytest.raises(GateFailed) as caught:
        runner.run(lender.settings, AS_OF, extract=[], run_key="stale")
    _assert_tells(
        caught.value, "staging", "release_input", "required_sources_are_fresh", "source=crm"
    )


def test_a_placeholder_date_is_stopped_at_the_marts(lender: Lender) -> None:
    loan = (
        "(select min(loan_id) from loans where closed_date is null and written_off_date is null"
        " and disbursed_date < date '2026-07-01')"
    )
    lender.change_source(
        "loans", f"delete from transactions where loan_id = {loan} and kind = 'repayment'"
    )
    assert lender.change_source(
        "loans",
        f"update instalments set due_date = date '1960-01-01' where loan_id = {loan}"
        f" and instalment_no = (select min(instalment_no) from instalments where loan_id = {loan})",
    )
    with _nothing_published(lender, "placeholder"), pytest.raises(GateFailed) as caught:
        runner.run(lender.settings, AS_OF, run_key="placeholder")
    _assert_tells(
        caught.value,
        "marts",
        "loan_risk",
        "nothing_is_overdue_longer_than_it_is_lent",
        "rows / 行数: 1",
        "loan_id=loans:",
    )
