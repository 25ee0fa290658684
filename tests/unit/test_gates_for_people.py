"""Which outcomes of a gate a person may be asked about."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from rapport.pipeline.gates import _is_for_a_person
from rapport.quality.model import Expectation, Finding, Outcome, Reason, Suite

WHY = Reason("why", "原因", "owner", date(2026, 1, 1))


def outcome(rows: int = 3, **finding: Any) -> Outcome:
    severity = finding.pop("severity", "critical")
    expectation = Expectation("rule", "expect_x", {}, severity, WHY)
    found = Finding(expectation, **({"is_passed": False, "observed": "2 rows"} | finding))
    return Outcome(Suite("marts", "base", "t", ("id",), (expectation,)), "s.t", rows, (found,))


@pytest.mark.parametrize(
    ("judged", "is_asked"),
    [
        (outcome(), True),
        (outcome(severity="warning"), True),
        (outcome(is_passed=True), False),
        (outcome(rows=0), False),
        (outcome(observed="could not be evaluated: no such column"), False),
    ],
    ids=["failure", "warning", "passed", "empty table", "not evaluated"],
)
def test_only_what_was_evaluated_and_failed_is_for_a_person(
    judged: Outcome, is_asked: bool
) -> None:
    assert _is_for_a_person(judged) is is_asked
