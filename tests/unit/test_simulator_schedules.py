"""Schedules: the published reference case, and identities that hold for every loan."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rapport.simulator.dates import add_months, as_date, day_number
from rapport.simulator.schedules import ANNUITY, BULLET, LINEAR, amortise, half_even


def one(value: int) -> np.ndarray:
    return np.array([value], dtype=np.int64)


def test_reference_case_rs02_of_fineract_is_reproduced() -> None:
    # apache/fineract@4198b0bc LoanRepayment.feature RS02: 5,000 at 12 % over 18 equal months,
    # instalment 305 (in whole units), rounded half-even to the cent on every row.
    rows = amortise(one(500_000), one(120_000), one(18), one(1), one(ANNUITY), multiple=100)
    left = 500_000 - np.cumsum(rows.principal)
    published = {
        1: (25_500, 5_000, 474_500),
        2: (25_755, 4_745, 448_745),
        3: (26_013, 4_487, 422_732),
        12: (28_450, 2_050, 176_595),
        18: (30_022, 300, 0),
    }
    for number, figures in published.items():
        at = number - 1
        assert (rows.principal[at], rows.interest[at], left[at]) == figures
    assert rows.interest.sum() == 48_822


@pytest.mark.parametrize("method", [ANNUITY, LINEAR, BULLET])
@given(
    principal=st.integers(100_00, 10**12),
    rate=st.integers(0, 250_000),
    n=st.integers(2, 120),
    period=st.sampled_from([1, 3, 6]),
    grace=st.integers(0, 1),
)
def test_principal_parts_add_up_to_the_principal(
    method: int, principal: int, rate: int, n: int, period: int, grace: int
) -> None:
    rows = amortise(one(principal), one(rate), one(n), one(period), one(method), one(grace))
    assert rows.principal.sum() == principal
    assert (rows.principal >= 0).all()
    assert (rows.interest >= 0).all()


@given(st.integers(0, 10**15), st.integers(1, 10**9))
def test_half_even_rounds_like_decimal(numerator: int, denominator: int) -> None:
    exact = (Decimal(numerator) / Decimal(denominator)).quantize(Decimal(1), ROUND_HALF_EVEN)
    assert half_even(one(numerator), denominator)[0] == int(exact)


@pytest.mark.parametrize(
    ("start", "months", "expected"),
    [
        ("2024-01-31", 1, "2024-02-29"),
        ("2023-01-31", 1, "2023-02-28"),
        ("2024-02-29", 12, "2025-02-28"),
        ("2023-02-28", 12, "2024-02-29"),  # a month-end stays a month-end
        ("2024-04-30", 1, "2024-05-31"),
        ("2024-01-30", 1, "2024-02-29"),
        ("2024-05-15", 9, "2025-02-15"),
    ],
)
def test_months_are_added_as_lenders_do(start: str, months: int, expected: str) -> None:
    from datetime import date

    day = one(day_number(date.fromisoformat(start)))
    assert as_date(int(add_months(day, months)[0])).isoformat() == expected
