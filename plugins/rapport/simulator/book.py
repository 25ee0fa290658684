"""What happens to each loan's schedule: trouble, reschedulings, early repayment.

A loan has at most one change of schedule in its life. Whichever comes first counts: an early
repayment or a commercial change makes the loan immune to later trouble of its client, trouble
makes it stay as it is. So the story of a loan never depends on what lies beyond the span.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rapport.simulator.dates import NEVER, add_months, business_day, first_day, month_number
from rapport.simulator.draws import Bools, Draws, Ints
from rapport.simulator.lending import Loans
from rapport.simulator.schedules import ANNUITY, BULLET, amortise
from rapport.simulator.world import (
    CURED_DEFAULT,
    DEFAULT,
    HEALTHY,
    MILD,
    RESCHEDULED,
    World,
)

UNCHANGED, PREPAYMENT, COMMERCIAL, DIFFICULTY = range(4)


@dataclass(frozen=True)
class Schedule:
    """Flat rows sorted by loan and number. ``start`` and ``size`` locate the rows of each loan."""

    loan: Ints
    number: Ints
    due: Ints
    principal: Ints
    interest: Ints
    fee: Ints
    start: Ints
    size: Ints

    @property
    def total(self) -> Ints:
        return self.principal + self.interest + self.fee


@dataclass(frozen=True)
class Book:
    """Loans with their first and effective schedules; the rest is one element per loan.

    ``trouble`` is a code of ``DISTRESS``; ``stop`` is the first row (from 0) that is never paid by
    the borrower; ``missed`` the first row affected by trouble; ``cured_day`` when it catches up.
    """

    loans: Loans
    first: Schedule
    effective: Schedule
    change: Ints
    changed_day: Ints
    kept: Ints
    trouble: Ints
    missed: Ints
    missed_day: Ints
    cured_day: Ints
    stop: Ints
    stop_day: Ints
    new_rate: Ints
    waived: Ints

    @property
    def is_changed(self) -> Bools:
        result: Bools = self.changed_day < NEVER
        return result


def _locate(size: Ints) -> tuple[Ints, Ints, Ints]:
    """Loan, place within the loan (from 0) and start of flat rows of the given sizes."""
    start = np.cumsum(size) - size
    loan = np.repeat(np.arange(len(size)), size)
    return loan, np.arange(len(loan)) - start[loan], start


def first_schedule(draws: Draws, loans: Loans) -> Schedule:
    rows = amortise(
        loans.principal, loans.rate, loans.n, loans.period, loans.method, loans.interest_only
    )
    loan, place, start = _locate(loans.n)
    charged = draws.chance("arrangement_fee", 0.3, loans.key)
    fee = np.where(charged, loans.principal // 100_000 * 300, 0)
    return Schedule(
        loan=loan,
        number=rows.number,
        due=add_months(loans.disbursed[loan], rows.number * loans.period[loan]),
        principal=rows.principal,
        interest=rows.interest,
        fee=np.where(place == 0, fee[loan], 0),
        start=start,
        size=loans.n,
    )


def _rows_before(schedule: Schedule, month: Ints) -> Ints:
    """How many rows of each loan fall due before the first day of a month of its own."""
    early = schedule.due < first_day(np.minimum(month, 30_000))[schedule.loan]
    result: Ints = np.bincount(schedule.loan[early], minlength=len(schedule.size)).astype(np.int64)
    return result


def create(world: World, loans: Loans) -> Book:
    draws, key = world.draws, loans.key
    first = first_schedule(draws, loans)
    distress_month = world.distress_month[loans.client]

    # A voluntary change at some row in the middle of the life.
    wish = draws.choose("change", (0.84, 0.12, 0.04), key)
    at = np.clip((loans.n * draws.integers("change_at", 30, 80, key)) // 100, 1, loans.n - 1)
    at_month = month_number(first.due[first.start + at])
    voluntary = (wish > 0) & (loans.n > 3) & (at_month < distress_month)

    missed = _rows_before(first, distress_month)
    trouble = np.where(voluntary | (missed >= loans.n), HEALTHY, world.distress[loans.client])
    missed = np.where(trouble > HEALTHY, missed, 0)
    missed_day = first.due[first.start + missed]
    base = month_number(missed_day)
    mild = 1 + draws.choose("mild_months", (0.2, 0.35, 0.45), loans.client)
    length = np.where(trouble == MILD, mild, draws.integers("cure_months", 4, 10, loans.client))
    cured = business_day(first_day(base + length) + draws.integers("cure_day", 4, 25, loans.client))
    approved = business_day(
        first_day(base + 3 + draws.integers("approval_wait", 0, 2, key))
        + draws.integers("approval_day", 9, 20, key)
    )
    change = np.select(
        [voluntary, trouble == RESCHEDULED], [wish, np.full_like(wish, DIFFICULTY)], UNCHANGED
    )
    agreed = np.maximum(first_day(at_month), first.due[first.start + at] - 10)
    changed_day = np.select([voluntary, change == DIFFICULTY], [agreed, approved], NEVER)
    kept = np.select([voluntary, change == DIFFICULTY], [at, missed], loans.n)
    eased = np.where(change == DIFFICULTY, draws.integers("rate_cut", 0, 100, key) * 100, 0)
    new_rate = np.maximum(loans.rate - eased, 5_000)
    effective, waived = _effective(draws, loans, first, change, changed_day, kept, new_rate)

    relapse = draws.chance("relapse", 0.25, key) & (change == DIFFICULTY)
    stop = np.where(trouble == DEFAULT, missed, NEVER)
    stop = np.where(relapse, kept + draws.integers("relapse_at", 3, 9, key), stop)
    stop = np.where(stop < effective.size, stop, NEVER)
    last = effective.start + np.minimum(stop, effective.size - 1)
    return Book(
        loans=loans,
        first=first,
        effective=effective,
        change=change,
        changed_day=changed_day,
        kept=kept,
        trouble=trouble,
        missed=missed,
        missed_day=np.where(trouble > HEALTHY, missed_day, NEVER),
        cured_day=np.where(np.isin(trouble, (MILD, CURED_DEFAULT)), cured, NEVER),
        stop=stop,
        stop_day=np.where(stop < NEVER, effective.due[last], NEVER),
        new_rate=new_rate,
        waived=waived,
    )


def _effective(
    draws: Draws,
    loans: Loans,
    first: Schedule,
    change: Ints,
    changed_day: Ints,
    kept: Ints,
    new_rate: Ints,
) -> tuple[Schedule, Ints]:
    """The schedule after the change: kept rows, then a new tail. Also the interest waived."""
    place = first.number - 1
    is_kept = place < kept[first.loan]
    count = loans.count
    repaid = np.zeros(count, dtype=np.int64)
    np.add.at(repaid, first.loan[is_kept], first.principal[is_kept])
    touched = np.flatnonzero(change > UNCHANGED)
    kind = change[touched]

    # First new due date: the next row, or after a rescheduling the next anniversary in ≥ 20 days.
    passed = month_number(changed_day[touched] + 20) - month_number(loans.disbursed[touched])
    later = passed // loans.period[touched] + 1
    begin = np.where(kind == DIFFICULTY, np.maximum(later, kept[touched] + 1), kept[touched] + 1)

    stretch = draws.integers("stretch", 6, 19, loans.key[touched]) // loans.period[touched] + 1
    tail = np.where(kind == PREPAYMENT, 1, loans.n[touched] - kept[touched] + stretch)
    method = np.where(
        kind == DIFFICULTY, ANNUITY, np.where(kind == PREPAYMENT, BULLET, loans.method[touched])
    )
    rows = amortise(
        loans.principal[touched] - repaid[touched],
        new_rate[touched],
        tail,
        loans.period[touched],
        method,
    )
    # Interest of the missed rows is added to the first new row, or waived.
    skipped = np.zeros(count, dtype=np.int64)
    offset = np.zeros(count, dtype=np.int64)
    offset[touched] = begin
    lost = ~is_kept & (first.number < offset[first.loan]) & (change == DIFFICULTY)[first.loan]
    np.add.at(skipped, first.loan[lost], first.interest[lost] + first.fee[lost])
    forgiven = draws.chance("interest_waived", 0.3, loans.key)
    deferred = np.where(forgiven, 0, skipped)

    size = kept.copy()
    size[touched] += tail
    loan, place, start = _locate(size)
    new = place >= kept[loan]
    source = first.start[loan[~new]] + place[~new]
    result = {
        name: np.zeros(len(loan), np.int64) for name in ("due", "principal", "interest", "fee")
    }
    for name in result:
        result[name][~new] = getattr(first, name)[source]
    result["principal"][new], result["interest"][new] = rows.principal, rows.interest
    step = place[new] - kept[loan[new]]
    owner = loan[new]
    months = (offset[owner] + step) * loans.period[owner]
    result["due"][new] = add_months(loans.disbursed[owner], months)
    result["interest"][new] += np.where(step == 0, deferred[owner], 0)
    schedule = Schedule(loan=loan, number=place + 1, start=start, size=size, **result)
    return schedule, np.where(forgiven, skipped, 0)
