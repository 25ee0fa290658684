"""Cash: what borrowers pay and when, reversals, write-offs, recoveries, fees."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rapport.simulator.book import DIFFICULTY, Book
from rapport.simulator.dates import NEVER, NULL, business_day, first_day, month_number
from rapport.simulator.draws import Bools, Ints, pick
from rapport.simulator.frames import Table, blank, identifier, label, stack, take
from rapport.simulator.schedules import half_even
from rapport.simulator.world import CURRENCIES, HEALTHY, PARTIAL, World

KINDS = ("disbursement", "repayment", "fee", "recovery", "write_off", "waiver", "reversal")
DISBURSEMENT, REPAYMENT, FEE, RECOVERY, WRITE_OFF, WAIVER, REVERSAL = range(7)


@dataclass(frozen=True)
class Cash:
    """Transactions in integer arrays; amounts in cents, all positive. ``slot`` makes the id."""

    loan: Ints
    row: Ints
    slot: Ints
    kind: Ints
    booked: Ints
    amount: Ints
    principal: Ints
    interest: Ints
    reverses: Ints  # slot of the reversed transaction of the same row, or −1

    @property
    def cash_in(self) -> Ints:
        """What counts as payment of instalments: + repayments and recoveries, − reversals."""
        sign = pick((0, 1, 0, 1, 0, 0, -1), self.kind)
        result: Ints = sign * self.amount
        return result

    @property
    def repaid(self) -> Ints:
        """What lowers the outstanding principal."""
        sign = pick((0, 1, 0, 1, 1, 0, -1), self.kind)
        result: Ints = sign * self.principal
        return result


@dataclass(frozen=True)
class Outcome:
    """Cash known by the end of the span, and per loan when it was closed or written off."""

    cash: Cash
    closed: Ints
    written_off: Ints


def _make(loan: Ints, row: Ints, slot: int, kind: int, booked: Ints, **parts: Ints) -> Table:
    n = len(loan)
    zero = np.zeros(n, np.int64)
    principal, interest = parts.get("principal", zero), parts.get("interest", zero)
    return {
        "loan": loan,
        "row": row,
        "slot": np.full(n, slot),
        "kind": np.full(n, kind),
        "booked": booked,
        "amount": parts.get("amount", principal + interest),
        "principal": principal,
        "interest": interest,
        "reverses": parts.get("reverses", np.full(n, -1)),
    }


def _is_plain(book: Book) -> Bools:
    """Rows before any trouble or change. Only what came before a row may decide how it is paid."""
    rows = book.effective
    place = rows.number - 1
    ill = (book.trouble > HEALTHY)[rows.loan] & (place >= book.missed[rows.loan])
    new = book.is_changed[rows.loan] & (place >= book.kept[rows.loan])
    result: Bools = ~ill & ~new & (rows.number < book.loans.n[rows.loan])
    return result


def _pay_days(world: World, book: Book) -> tuple[Ints, Ints]:
    """Per effective row: the day of the (first) payment, and 1 where it is only a part."""
    draws, rows = world.draws, book.effective
    key, row = book.loans.key[rows.loan], rows.number
    style = world.pay_style[book.loans.client[rows.loan]]
    u = draws.chance("late_now", pick((0.0, 1.0, 0.8, 0.3, 0.1), style), key, row)
    low, high = pick((0, 1, 8, 0, 32), style), pick((1, 7, 39, 4, 71), style)
    lag = np.where(
        u, draws.integers("lag", low, high, key, row), -draws.choose("early", (8, 1, 1), key, row)
    )
    day = rows.due + lag
    place = row - 1
    hit = (place >= book.missed[rows.loan]) & (rows.due < book.cured_day[rows.loan])
    hit &= (book.cured_day < NEVER)[rows.loan]
    day = np.where(hit, np.maximum(day, book.cured_day[rows.loan]), day)
    day = np.where(place >= book.stop[rows.loan], NEVER, day)
    plain = _is_plain(book)
    # Never before the month of the due date or the change of schedule: what was paid in one month
    # must not depend on what the next one brings.
    day = np.maximum(day, first_day(month_number(rows.due)))
    tail = book.is_changed[rows.loan] & (place >= book.kept[rows.loan])
    day = np.where(tail, np.maximum(day, book.changed_day[rows.loan]), day)
    # Payments of one loan keep their order.
    step = rows.loan * (2 * NEVER)
    day = np.maximum.accumulate(day + step) - step
    part = plain & (style == PARTIAL) & draws.chance("in_part", 0.4, key, row)
    return day, part.astype(np.int64)


def _split(amount: Ints, fee: Ints, interest: Ints) -> tuple[Ints, Ints]:
    """Principal and interest part of a payment: fee first, then interest, then principal."""
    after_fee = np.maximum(amount - fee, 0)
    paid = np.minimum(after_fee, interest)
    return after_fee - paid, paid


def _repayments(world: World, book: Book) -> tuple[list[Table], Ints]:
    draws, rows = world.draws, book.effective
    day, part = _pay_days(world, book)
    key, row = book.loans.key[rows.loan], rows.number
    total = rows.total
    share = draws.integers("part_share", 55, 90, key, row)
    amount = np.where(part == 1, total // 100 * share, total)
    principal, interest = _split(amount, rows.fee, rows.interest)
    main = _make(
        rows.loan, row, 1, REPAYMENT, day, amount=amount, principal=principal, interest=interest
    )
    later = business_day(day + 12 + draws.integers("part_gap", 0, 28, key, row))
    rest = _make(
        rows.loan,
        row,
        2,
        REPAYMENT,
        np.where(day < NEVER, later, NEVER),
        amount=total - amount,
        principal=rows.principal - principal,
        interest=rows.interest - interest,
    )
    bounced = draws.chance("bounced", 0.004, key, row) & (part == 0) & _is_plain(book)
    back = np.where(bounced, business_day(day + draws.integers("bounce", 1, 6, key, row)), NEVER)
    back_row = take(
        {**main, "slot": np.full(len(row), 3), "kind": np.full(len(row), REVERSAL), "booked": back,
         "reverses": np.ones(len(row), np.int64)},
        bounced,
    )  # fmt: skip
    again = np.where(bounced, business_day(back + draws.integers("again", 3, 12, key, row)), NEVER)
    again_row = take({**main, "slot": np.full(len(row), 4), "booked": again}, bounced)
    late = (day > rows.due + 10) & (day < NEVER) & draws.chance("late_fee", 0.5, key, row)
    fee = np.maximum(total // 200, 100)
    late_fee = take(_make(rows.loan, row, 5, FEE, day, amount=fee), late)
    settled = np.where(part == 1, rest["booked"], np.where(bounced, again, day))
    return [take(main, amount > 0), take(rest, part == 1), back_row, again_row, late_fee], settled


def _aftermath(world: World, book: Book) -> tuple[list[Table], Ints]:
    """Sales of collateral, write-offs and recoveries of loans that stopped, waivers."""
    draws, loans, rows = world.draws, book.loans, book.effective
    key = loans.key
    paid = (rows.number - 1) < book.stop[rows.loan]
    owed = loans.principal.copy()
    np.subtract.at(owed, rows.loan[paid], rows.principal[paid])
    stopped = book.stop < NEVER
    month = month_number(np.where(stopped, book.stop_day, 0))
    one = np.zeros(loans.count, np.int64)

    sold = stopped & draws.chance("sold", 0.25, key) & (owed > 0)
    sold_day = business_day(first_day(month + draws.integers("sold_wait", 6, 11, key)) + 12)
    proceeds = owed * draws.integers("sold_share", 10, 35, key) // 100
    sale = take(_make(np.arange(loans.count), one, 6, RECOVERY, sold_day, principal=proceeds), sold)
    rest = owed - np.where(sold, proceeds, 0)

    lost = stopped & draws.chance("written_off", 0.7, key) & (rest > 0)
    lost_day = business_day(first_day(month + draws.integers("lost_wait", 13, 25, key)) + 7)
    loss = take(_make(np.arange(loans.count), one, 7, WRITE_OFF, lost_day, principal=rest), lost)
    tables = [sale, loss]
    for turn in range(3):
        some = lost & draws.chance("recovered", 0.4, key, turn)
        wait = 2 + 4 * turn + draws.integers("recovered_wait", 0, 4, key, turn)
        day = business_day(first_day(month_number(lost_day) + wait) + 9 + turn)
        amount = rest * draws.integers("recovered_share", 2, 16, key, turn) // 100
        tables.append(
            take(_make(np.arange(loans.count), one, 8 + turn, RECOVERY, day, amount=amount), some)
        )
    waived = (book.waived > 0) & (book.change == DIFFICULTY)
    gift = _make(np.arange(loans.count), one, 11, WAIVER, book.changed_day, interest=book.waived)
    return [*tables, take(gift, waived)], np.where(lost, lost_day, NEVER)


def _opening(world: World, book: Book) -> list[Table]:
    loans = book.loans
    i, zero = np.arange(loans.count), np.zeros(loans.count, np.int64)
    out = _make(i, zero, 0, DISBURSEMENT, loans.disbursed, amount=loans.principal)
    relationship = world.relationship_in(loans.client, loans.month)
    basis = pick((40, 20, 0, 20), relationship)  # the master-servant client has it waived
    fee = half_even(loans.principal * basis, 10_000)
    return [out, take(_make(i, zero, 12, FEE, loans.disbursed, amount=fee), fee > 0)]


def create(world: World, book: Book) -> Outcome:
    repayments, settled = _repayments(world, book)
    aftermath, written_off = _aftermath(world, book)
    everything = stack([*_opening(world, book), *repayments, *aftermath])
    known = take(
        everything, (everything["booked"] <= world.span.last_day) & (everything["amount"] > 0)
    )
    closed = np.maximum.reduceat(settled, book.effective.start) if book.loans.count else settled
    return Outcome(Cash(**known), np.where(closed < NEVER, closed, NEVER), written_off)


def transactions(world: World, book: Book, cash: Cash) -> Table:
    loans = book.loans
    client, month = loans.client[cash.loan], loans.month[cash.loan]
    # Money sometimes arrives a few days before it is booked.
    early = world.draws.choose(
        "value_lag", (0.96, 0.02, 0.01, 0.01), loans.key[cash.loan], cash.row, cash.slot
    )
    value = np.where(np.isin(cash.kind, (REPAYMENT, RECOVERY)), cash.booked - early, cash.booked)
    opening = np.isin(cash.kind, (DISBURSEMENT,))
    where = ((client, 6), (month, 3), (cash.row, 3))
    reversed_id = identifier("T", *where, (np.maximum(cash.reverses, 0), 2))
    return {
        "transaction_id": identifier("T", *where, (cash.slot, 2)),
        "loan_id": identifier("LN", (client, 6), (month, 3)),
        "kind": label(KINDS, cash.kind),
        "booked_date": cash.booked,
        "value_date": np.maximum(value, loans.disbursed[cash.loan]),
        "amount": cash.amount,
        "currency": label(CURRENCIES, loans.currency[cash.loan]),
        "principal_part": np.where(opening, NULL, cash.principal),
        "interest_part": np.where(opening, NULL, cash.interest),
        "reverses_transaction_id": blank(reversed_id, cash.reverses < 0),
    }
