"""Month-end snapshots of every loan, from the same cash and schedules as the other tables."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rapport.simulator.book import Book, Schedule
from rapport.simulator.dates import NULL, last_day, month_number
from rapport.simulator.draws import Ints
from rapport.simulator.frames import Table, identifier, label
from rapport.simulator.payments import Outcome
from rapport.simulator.world import CURRENCIES, World

_WIDE = 1_000_000  # more than any day number


@dataclass(frozen=True)
class Balances:
    """One element per loan and month-end; amounts in cents."""

    loan: Ints
    day: Ints
    outstanding: Ints
    arrears: Ints
    dpd: Ints


def _running(loan: Ints, day: Ints, amount: Ints, at_loan: Ints, at_day: Ints) -> Ints:
    """Sum of the amounts of each loan up to and including a day."""
    key = loan * _WIDE + day
    order = np.argsort(key, kind="stable")
    total = np.concatenate([[0], np.cumsum(amount[order])])
    upto = np.searchsorted(key[order], at_loan * _WIDE + at_day, side="right")
    before = np.searchsorted(key[order], at_loan * _WIDE, side="left")
    result: Ints = total[upto] - total[before]
    return result


def _arrears(rows: Schedule, paid: Ints, loan: Ints, day: Ints) -> tuple[Ints, Ints]:
    """Unpaid dues and days past due when cash goes to the oldest instalment first."""
    reach = np.cumsum(rows.total)  # grows over all loans, so one search serves all
    before = reach[rows.start] - rows.total[rows.start]
    oldest = np.searchsorted(reach, before[loan] + paid, side="right")
    end = rows.start + rows.size
    place = np.minimum(oldest, end[loan] - 1)
    late = (oldest < end[loan]) & (rows.due[place] < day)
    dpd = np.where(late, day - rows.due[place], 0)
    due = _running(rows.loan, rows.due, rows.total, loan, day)
    return np.maximum(due - paid, 0), dpd


def create(world: World, book: Book, outcome: Outcome) -> Balances:
    """From the month of disbursement to the month in which the loan ended."""
    loans, span = book.loans, world.span
    first = month_number(loans.disbursed)
    ended = np.minimum(outcome.closed, outcome.written_off)
    last = np.minimum(month_number(np.minimum(ended, span.last_day)), span.end)
    count = last - first + 1
    loan = np.repeat(np.arange(loans.count), count)
    month = first[loan] + np.arange(len(loan)) - np.repeat(np.cumsum(count) - count, count)
    day = last_day(month)
    cash = outcome.cash
    repaid = _running(cash.loan, cash.booked, cash.repaid, loan, day)
    paid = _running(cash.loan, cash.booked, cash.cash_in, loan, day)
    arrears_1, dpd_1 = _arrears(book.first, paid, loan, day)
    arrears_2, dpd_2 = _arrears(book.effective, paid, loan, day)
    changed = day >= book.changed_day[loan]
    gone = outcome.written_off[loan] <= day
    return Balances(
        loan=loan,
        day=day,
        outstanding=loans.principal[loan] - repaid,
        arrears=np.where(gone, 0, np.where(changed, arrears_2, arrears_1)),
        dpd=np.where(gone, NULL, np.where(changed, dpd_2, dpd_1)),
    )


def loan_balances(book: Book, balances: Balances) -> Table:
    loans = book.loans
    client, month = loans.client[balances.loan], loans.month[balances.loan]
    # Allowance in basis points of the balance, by days past due.
    step = np.searchsorted((1, 31, 61, 91, 181, 361), balances.dpd, side="right")
    basis = np.asarray((80, 250, 800, 1_500, 4_500, 6_500, 9_500))[step]
    return {
        "loan_id": identifier("LN", (client, 6), (month, 3)),
        "balance_date": balances.day,
        "outstanding_amount": balances.outstanding,
        "arrears_amount": balances.arrears,
        "currency": label(CURRENCIES, loans.currency[balances.loan]),
        "dpd_days": balances.dpd,
        "allowance_amount": balances.outstanding * basis // 10_000,
    }


def instalments(world: World, book: Book) -> Table:
    """Version 1 of every loan, and version 2 of those changed by the end of the span."""
    changed = np.flatnonzero(book.changed_day <= world.span.last_day)
    is_changed = np.zeros(book.loans.count, dtype=bool)
    is_changed[changed] = True
    first, second = book.first, book.effective
    keep = np.flatnonzero(is_changed[second.loan])
    loan = np.concatenate([first.loan, second.loan[keep]])
    version = np.repeat((1, 2), (len(first.loan), len(keep)))
    client, month = book.loans.client[loan], book.loans.month[loan]

    def both(name: str) -> Ints:
        return np.concatenate([getattr(first, name), getattr(second, name)[keep]])

    return {
        "loan_id": identifier("LN", (client, 6), (month, 3)),
        "schedule_version": version,
        "instalment_no": both("number"),
        "schedule_valid_from": np.where(
            version == 1, book.loans.disbursed[loan], book.changed_day[loan]
        ),
        "due_date": both("due"),
        "principal_due_amount": both("principal"),
        "interest_due_amount": both("interest"),
        "fee_due_amount": both("fee"),
        "currency": label(CURRENCIES, book.loans.currency[loan]),
    }
