"""Repayment schedules in whole cents, for many loans at once.

Interest of a period is balance · rate · period/12, rounded half-even to the cent on every row;
the last row clears the balance. Rates are integers in millionths (120,000 = 12 %).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from rapport.simulator.draws import Floats, Ints

ANNUITY, LINEAR, BULLET = range(3)


@dataclass(frozen=True)
class Rows:
    """Flat rows of all loans: ``loan`` is a position, ``number`` counts from 1 within the loan."""

    loan: Ints
    number: Ints
    principal: Ints
    interest: Ints


def half_even(numerator: Ints, denominator: int) -> Ints:
    """numerator / denominator to the nearest integer, ties to the even one. Both non-negative."""
    whole, rest = np.divmod(numerator, denominator)
    up = (2 * rest > denominator) | ((2 * rest == denominator) & (whole % 2 == 1))
    result: Ints = whole + up
    return result


def period_interest(balance: Ints, rate: Ints, period: Ints) -> Ints:
    """Interest in cents on a balance in cents over ``period`` twelfths of a year."""
    return half_even(balance * rate * period, 12_000_000)


def _power(base: Floats, exponent: Ints) -> Floats:
    """base ** exponent by squaring: plain multiplications, the same on every machine."""
    result, square, left = np.ones_like(base), base.copy(), exponent.copy()
    while left.any():
        result = np.where(left & 1, result * square, result)
        square, left = square * square, left >> 1
    return result


def annuity(principal: Ints, rate: Ints, n: Ints, period: Ints, multiple: ArrayLike = 1) -> Ints:
    """Equal instalment in cents: P·i / (1 − (1 + i)^−n), to the nearest ``multiple`` of cents."""
    step = np.asarray(multiple, dtype=np.int64)
    i = rate * period / 12_000_000
    safe = np.where(i > 0, i, 1.0)
    factor = np.where(i > 0, safe / (1.0 - 1.0 / _power(1.0 + safe, n)), 1.0 / n)
    result: Ints = np.rint(principal * factor / step).astype(np.int64) * step
    return result


def amortise(
    principal: Ints,
    rate: Ints,
    n: Ints,
    period: Ints,
    method: Ints,
    interest_only: Ints | None = None,
    multiple: ArrayLike = 1,
) -> Rows:
    """Schedules with ``n`` rows per loan, ``interest_only`` of them before repayment starts."""
    grace = np.zeros_like(n) if interest_only is None else interest_only
    equal = annuity(principal, rate, n - grace, period, multiple)
    linear = principal // (n - grace)
    offset = np.cumsum(n) - n
    total = int(n.sum())
    out_principal, out_interest = np.zeros(total, np.int64), np.zeros(total, np.int64)
    number = np.arange(total) - np.repeat(offset, n) + 1
    balance = principal.copy()
    for k in range(1, int(n.max(initial=0)) + 1):
        live = np.flatnonzero(n >= k)
        interest = period_interest(balance[live], rate[live], period[live])
        part = np.where(
            method[live] == ANNUITY,
            equal[live] - interest,
            np.where(method[live] == LINEAR, linear[live], 0),
        )
        part = np.where(k <= grace[live], 0, np.clip(part, 0, balance[live]))
        part = np.where(k == n[live], balance[live], part)
        balance[live] -= part
        out_principal[offset[live] + k - 1] = part
        out_interest[offset[live] + k - 1] = interest
    return Rows(np.repeat(np.arange(len(n)), n), number, out_principal, out_interest)
