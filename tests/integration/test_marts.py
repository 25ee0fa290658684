"""The marts over a small book of loans: point in time, ceilings, threads, awkward groups."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from rapport.local.postgres import EmbeddedPostgres
from support.databases import copy_database, drop_database
from support.dbt_build import Built, DbtLab

DATABASE = "rapport_mart_tests"
AS_OF = "2026-01-31"
PRODUCTION = ("--exclude-resource-type", "unit_test")
DUE_DATES = ("2025-10-31", "2025-11-30", "2025-12-31", "2026-01-31")
_CLIENT = {"client_type": "sme", "onboarded_date": "2020-01-01"}
MARTS = (
    "clients",
    "client_groups",
    "client_risk",
    "client_satisfaction",
    "client_value",
    "early_warnings",
    "loan_risk",
    "risk_contributions",
)


@pytest.fixture(scope="module")
def lab(server: EmbeddedPostgres, warehouse_template: str, home: Path) -> Iterator[DbtLab]:
    copy_database(server, warehouse_template, DATABASE, "rapport_admin")
    own = DbtLab(server, DATABASE, home / "dbt" / "mart-tests")
    _land_book(own)
    try:
        yield own
    finally:
        drop_database(server, DATABASE)


@pytest.fixture(scope="module")
def before(lab: DbtLab) -> dict[str, list[tuple[object, ...]]]:
    """The marts of the book as it is known in batch 1."""
    _require_success(lab.build(AS_OF, *PRODUCTION, ceilings={"files": 1}, threads=1))
    return _marts(lab)


def test_a_loan_two_instalments_late_is_stage_2(
    lab: DbtLab, before: dict[str, list[tuple[object, ...]]]
) -> None:
    query = (
        "select loan_id, outstanding_amount::text, arrears_amount::text, dpd_contractual,"
        " dpd_bucket, ifrs9_stage, insufficient_reason from loan_risk order by loan_id"
    )
    assert lab.rows(query) == [
        ("files:late", "1100.00", "220.00", 62, "61-90", 2, None),
        ("files:punctual", "900.00", "0.00", 0, "0", 1, None),
        ("files:reversed", "1000.00", "110.00", 31, "31-60", 2, None),
        ("files:stranger", "500.00", None, None, None, None, "NO_CRM_MATCH; NO_SCHEDULE"),
    ]


def test_groups_follow_parents(lab: DbtLab, before: dict[str, list[tuple[object, ...]]]) -> None:
    query = "select client_id, group_id from clients order by client_id"
    assert lab.rows(query) == [
        ("files:C1", "files:C1"),
        ("files:C2", "files:C1"),
        ("files:C3", "files:C3"),
        ("files:C4", "files:C4"),
    ]


def test_what_comes_later_changes_nothing(
    lab: DbtLab, before: dict[str, list[tuple[object, ...]]]
) -> None:
    """Facts dated after as_of in a batch that counts, older facts in one that does not."""
    _land_later_facts(lab)
    _require_success(lab.build(AS_OF, *PRODUCTION, ceilings={"files": 1}, threads=4))
    assert _marts(lab) == before


def test_what_carries_no_date_is_taken_as_landed_when_the_date_ended_else_as_first_known(
    lab: DbtLab, before: dict[str, list[tuple[object, ...]]]
) -> None:
    with lab.connect() as connection:
        connection.execute("update landing.files__clients set _to_batch = 3 where client_id = 'C3'")
    lab.land("files__clients", [{**_CLIENT, "client_id": "C3", "parent_client_id": "C1"}], batch=3)
    query = "select group_id, was_backcast from clients where client_id = 'files:C3'"
    select = ("--select", "+clients", *PRODUCTION)
    for landed_by_then, expected in (
        (0, ("files:C3", True)),
        (1, ("files:C3", False)),
        (3, ("files:C1", False)),
    ):
        batches = {"files": landed_by_then}
        _require_success(lab.build(AS_OF, *select, ceilings={"files": 3}, as_of_batches=batches))
        assert lab.rows(query) == [expected]


def _require_success(outcome: Built) -> None:
    bad = {r.name: r.message for r in outcome.results if r.status not in ("success", "pass")}
    assert bad == {}


def _marts(lab: DbtLab) -> dict[str, list[tuple[object, ...]]]:
    return {mart: lab.rows(f"select m::text from {mart} as m order by 1") for mart in MARTS}


def _land_book(lab: DbtLab) -> None:
    lab.land(
        "files__clients",
        [
            {**_CLIENT, "client_id": "C1"},
            {**_CLIENT, "client_id": "C2", "parent_client_id": "C1"},
            {**_CLIENT, "client_id": "C3"},
        ],
    )
    loan = {"currency": "CNY", "disbursed_date": "2025-10-31", "maturity_date": "2026-12-31"}
    lab.land(
        "files__loans",
        [
            {**loan, "loan_id": "late", "client_id": "C1", "principal_amount": 1200},
            {**loan, "loan_id": "punctual", "client_id": "C2", "principal_amount": 1200},
            {**loan, "loan_id": "reversed", "client_id": "C3", "principal_amount": 1200},
            {**loan, "loan_id": "stranger", "client_id": "C4", "principal_amount": 500},
        ],
    )
    lab.land(
        "files__instalments",
        [
            {
                "loan_id": loan_id,
                "schedule_version": 1,
                "instalment_no": number,
                "schedule_valid_from": "2025-10-31",
                "due_date": due,
                "principal_due_amount": 100,
                "interest_due_amount": 10,
                "currency": "CNY",
            }
            for loan_id in ("late", "punctual", "reversed")
            for number, due in enumerate(
                ("2025-10-31", "2025-11-30", "2025-12-31", "2026-01-31"), 1
            )
        ],
    )
    lab.land(
        "files__transactions",
        [
            *(_payment(f"a{n}", "late", day) for n, day in enumerate(("2025-10-31",))),
            *(
                _payment(f"b{n}", "punctual", day)
                for n, day in enumerate(("2025-10-31", "2025-11-30", "2025-12-31"))
            ),
            *(
                _payment(f"c{n}", "reversed", day)
                for n, day in enumerate(("2025-10-31", "2025-11-30", "2025-12-31"))
            ),
            _reversal("c-back", "reversed", "2026-01-05", "c2"),
        ],
    )
    lab.land("files__survey_answers", [_answer("s1", "C1", 9, "2026-01-10 00:00:00+00")])


def _land_later_facts(lab: DbtLab) -> None:
    lab.land(
        "files__transactions",
        [_payment("a9", "late", "2026-02-01"), _reversal("b9", "punctual", "2026-02-01", "b2")],
    )
    lab.land("files__survey_answers", [_answer("s2", "C1", 0, "2026-01-31 16:00:00+00")])
    lab.land(
        "files__clients",
        [{"client_id": "C9", "client_type": "sme", "onboarded_date": "2026-02-01"}],
    )
    lab.land(
        "files__risk_events",
        [_event("e1", "C1", "2026-02-01")],
    )
    rating = {"client_id": "C1", "scale": "INTERNAL", "grade": "D", "effective_date": "2026-02-01"}
    lab.land("files__ratings", [rating])
    change = {"modification_id": "m1", "loan_id": "late", "approved_date": "2026-02-01"}
    lab.land(
        "files__modifications",
        [{**change, "is_financial_difficulty": True, "is_concession": True}],
    )
    statement = {"client_id": "C1", "period_end": "2025-12-31", "basis": "annual", "ebitda": -1}
    lab.land("files__financial_statements", [{**statement, "received_date": "2026-02-01"}])
    lab.land("files__risk_events", [_event("e2", "C2", "2025-12-01")], batch=2)
    lab.land("files__transactions", [_payment("a8", "late", "2025-12-01")], batch=2)


def _payment(key: str, loan_id: str, day: str) -> dict[str, object]:
    return {
        "transaction_id": key,
        "loan_id": loan_id,
        "kind": "repayment",
        "booked_date": day,
        "value_date": day,
        "amount": 110,
        "currency": "CNY",
        "principal_part": 100,
        "interest_part": 10,
    }


def _reversal(key: str, loan_id: str, day: str, reverses: str) -> dict[str, object]:
    return {**_payment(key, loan_id, day), "kind": "reversal", "reverses_transaction_id": reverses}


def _answer(key: str, client_id: str, score: int, answered_at: str) -> dict[str, object]:
    return {
        "answer_id": key,
        "client_id": client_id,
        "dimension": "OVERALL",
        "metric": "nps",
        "score": score,
        "scale_min": 0,
        "scale_max": 10,
        "answered_at": answered_at,
        "is_complete": True,
    }


def _event(key: str, client_id: str, day: str) -> dict[str, object]:
    return {"risk_event_id": key, "client_id": client_id, "kind": "default", "from_date": day}
