"""Risk events, ratings, modifications and terms of the loans."""

from __future__ import annotations

import numpy as np

from rapport.simulator.book import COMMERCIAL, DIFFICULTY, Book
from rapport.simulator.clients import has_loan_record, loan_client_id
from rapport.simulator.dates import NEVER, NULL, add_months, first_day, hide_after, month_number
from rapport.simulator.draws import Bools, Ints
from rapport.simulator.frames import Table, identifier, label, stack, take
from rapport.simulator.lending import transfer_price
from rapport.simulator.payments import Outcome
from rapport.simulator.world import (
    CURED_DEFAULT,
    CURRENCIES,
    DEFAULT,
    HEALTHY,
    MILD,
    PROJECT_COMPANY,
    RESCHEDULED,
    World,
)

EVENTS = (
    "default", "unlikely_to_pay", "watch_list", "bankruptcy", "use_of_funds_changed", "debt_evasion"
)  # fmt: skip
GRADES = ("AAA", "AA", "A", "BBB", "BB", "B", "CCC", "CC", "C", "D")
# One-year default probabilities in 10^-8.
GRADE_PD = (
    30_000, 50_000, 100_000, 300_000, 1_000_000, 3_500_000, 12_000_000, 25_000_000, 40_000_000,
    100_000_000,
)  # fmt: skip
SLOTS = ("STRONG", "GOOD", "SATISFACTORY", "WEAK", "DEFAULT")
SLOT_PD = (400_000, 800_000, 2_800_000, 12_000_000, 100_000_000)
_FIRST_GRADE = (2, 3, 3, 5)  # by relationship, before a step up or down


def _event(kind: int, client: Ints, start: Ints, end: Ints, loan: Ints) -> Table:
    return {
        "client": client,
        "kind": np.full(len(client), kind),
        "start": start,
        "end": end,
        "loan": loan,
    }


def risk_events(world: World, book: Book) -> Table:
    """Defaults by days past due, forbearance, watch list, bankruptcies and rare misconduct."""
    draws, loans = world.draws, book.loans
    i = np.arange(loans.count)
    bad = np.minimum(np.where(book.trouble == CURED_DEFAULT, book.missed_day, NEVER), book.stop_day)
    cured = (book.trouble == CURED_DEFAULT) & (book.cured_day <= bad + 91)
    default_end = np.where(book.trouble == CURED_DEFAULT, book.cured_day + 92, NEVER)
    trouble = book.trouble > HEALTHY
    watch_end = np.where(np.isin(book.trouble, (MILD, CURED_DEFAULT)), book.cured_day + 90, NEVER)
    unlikely = (book.change == DIFFICULTY) & draws.chance("unlikely", 0.5, loans.key)
    unlikely_end = np.where(book.stop < NEVER, NEVER, add_months(_real(book.changed_day), 12))
    parts = [
        (0, (bad < NEVER) & ~cured, bad + 91, default_end),
        (1, unlikely, book.changed_day, unlikely_end),
        (2, trouble & draws.chance("watched", 0.7, loans.client), book.missed_day + 25, watch_end),
    ]
    events = [_event(k, loans.client, start, end, i) for k, _, start, end in parts]
    chosen = [take(event, keep) for event, (_, keep, _, _) in zip(events, parts, strict=True)]
    table = stack([*chosen, *_client_events(world)])
    table = take(table, table["start"] <= world.span.last_day)
    on_loan = table["loan"] >= 0
    at = np.maximum(table["loan"], 0)
    month = np.where(on_loan, loans.month[at], month_number(table["start"])) if loans.count else at
    owner = (table["client"], 6)
    return {
        "risk_event_id": identifier("E", owner, (month, 3), (table["kind"], 1)),
        "client_id": loan_client_id(table["client"]),
        "loan_id": identifier("LN", owner, (month, 3), missing=~on_loan),
        "kind": label(EVENTS, table["kind"]),
        "from_date": table["start"],
        "to_date": hide_after(
            np.where(table["end"] < NEVER, table["end"], NULL), world.span.last_day
        ),
    }


def _real(day: Ints) -> Ints:
    return np.where(day < NEVER, day, 0)


def _client_events(world: World) -> list[Table]:
    draws, i = world.draws, world.clients
    known = has_loan_record(world) & ~world.never_borrows
    broke = known & (world.distress == DEFAULT) & draws.chance("bankrupt", 0.15, i)
    day = first_day(np.where(broke, world.distress_month, 0) + 7) + 16
    tables = [take(_event(3, i, day, np.full(world.n, NEVER), np.full(world.n, -1)), broke)]
    for kind, rate in ((4, 0.0004), (5, 0.00008)):
        client, place = np.nonzero(
            world.here()
            & known[:, None]
            & draws.chance("misconduct", rate, i[:, None], world.span.months[None, :], kind)
        )
        start = first_day(place + world.span.start) + 11
        tables.append(_event(kind, client, start, start + 270, np.full(len(client), -1)))
    return tables


def ratings(world: World) -> Table:
    """Yearly reviews that move a notch now and then, and downgrades when trouble comes."""
    draws, span, i = world.draws, world.span, world.clients
    rated = has_loan_record(world) & ~(world.never_borrows & draws.chance("unrated", 0.5, i))
    begin = np.maximum(world.onboarded_month + 1, span.start)
    reviews = (span.end - span.start) // 12 + 2
    grade = np.asarray(_FIRST_GRADE)[world.relationship[:, 0]]
    grade = grade + draws.integers("grade", -1, 3, i)
    tables = []
    for turn in range(reviews):
        # The first rating, then a yearly review in a month of the client's own.
        month = begin + np.where(turn > 0, draws.integers("review", 4, 16, i) + 12 * (turn - 1), 0)
        if turn:
            grade = grade + draws.choose("migration", (0.12, 0.68, 0.17, 0.03), i, turn) - 1
        grade = np.clip(grade, 0, 7)
        # Whoever catches up gets its grade back at the first review nine months later.
        healed = np.isin(world.distress, (MILD, CURED_DEFAULT)) & (month > world.distress_month + 9)
        sick = (month > world.distress_month) & (world.distress > HEALTHY) & ~healed
        shown = np.where(sick & (world.distress == DEFAULT), 9, np.where(sick, 6, grade))
        tables.append(_rating(i, month, shown, rated & (month <= span.end)))
    for step, wait in ((6, 1), (9, 4)):
        kinds = (
            (MILD, RESCHEDULED, CURED_DEFAULT, DEFAULT) if step == 6 else (CURED_DEFAULT, DEFAULT)
        )
        month = np.where(np.isin(world.distress, kinds), world.distress_month + wait, NEVER)
        tables.append(_rating(i, month, np.full(world.n, step), rated & (month <= span.end)))
    table = stack(tables)
    # One rating a month: the one that trouble brought, which stands later in the stack.
    last = np.unique((table["client"] * 4096 + table["month"])[::-1], return_index=True)[1]
    table = take(table, len(table["client"]) - 1 - last)
    project = world.kind[table["client"]] == PROJECT_COMPANY
    slot = np.asarray(np.searchsorted((3, 5, 6, 9), table["grade"], side="right"), dtype=np.int64)
    internal = _rating_columns(
        world,
        table,
        "INTERNAL",
        label(GRADES, table["grade"]),
        np.asarray(GRADE_PD)[table["grade"]],
    )
    slotting = _rating_columns(
        world, table, "SLOTTING", label(SLOTS, slot), np.asarray(SLOT_PD)[slot]
    )
    return stack([internal, take(slotting, project)])


def _rating(client: Ints, month: Ints, grade: Ints, keep: Bools) -> Table:
    return take({"client": client, "month": month, "grade": grade}, keep)


def _rating_columns(world: World, table: Table, scale: str, grade: object, pd: Ints) -> Table:
    client, month = table["client"], table["month"]
    day = first_day(month) + world.draws.integers("rated_day", 3, 26, client, month)
    n = len(client)
    return {
        "client_id": loan_client_id(client),
        "scale": label((scale,), np.zeros(n, np.int64)),
        "effective_date": day,
        "grade": grade,
        "pd_12m": pd,
        "model_id": label(("corporate-2", "sme-4", "project-1", "retail-3"), world.kind[client]),
        "is_override": world.draws.chance("override", 0.03, client, month).astype(np.int64),
    }


def modifications(world: World, book: Book) -> Table:
    """Changes of schedule other than early repayment; NPV at the old rate, in cents."""
    loans, draws = book.loans, world.draws
    keep = np.flatnonzero(
        np.isin(book.change, (COMMERCIAL, DIFFICULTY)) & (book.changed_day <= world.span.last_day)
    )
    hard = book.change[keep] == DIFFICULTY
    key = loans.key[keep]
    left = loans.principal[keep].copy()
    paid = book.effective.number <= book.kept[book.effective.loan]
    sums = np.zeros(loans.count, np.int64)
    np.add.at(sums, book.effective.loan[paid], book.effective.principal[paid])
    left -= sums[keep]
    loss = np.where(
        hard, draws.integers("npv_loss", 5, 90, key), draws.integers("npv_fee", -3, 6, key)
    )
    kind = np.where(hard, draws.integers("modification", 0, 2, key), 2)
    return {
        "modification_id": identifier("M", (loans.client[keep], 6), (loans.month[keep], 3)),
        "loan_id": identifier("LN", (loans.client[keep], 6), (loans.month[keep], 3)),
        "kind": label(("reschedule", "rate_reduction", "term_extension"), kind),
        "approved_date": book.changed_day[keep],
        "is_financial_difficulty": hard.astype(np.int64),
        "is_concession": (hard | draws.chance("commercial_gift", 0.2, key)).astype(np.int64),
        "npv_before_amount": left,
        "npv_after_amount": left - left * loss // 1000,
        "currency": label(CURRENCIES, loans.currency[keep]),
    }


def loan_terms(world: World, book: Book, outcome: Outcome) -> Table:
    """Rates at disbursement, at yearly repricing of funds, and after a rescheduling."""
    loans, end = book.loans, world.span.last_day
    i = np.arange(loans.count)
    gone = np.minimum(outcome.closed, outcome.written_off)
    price = transfer_price(world, loans.month)
    parts = [{"loan": i, "day": loans.disbursed, "rate": loans.rate, "price": price}]
    repriced = world.draws.chance("repriced", 0.25, loans.key)
    for year in range(1, (world.span.end - world.span.start) // 12 + 1):
        day = add_months(loans.disbursed, 12 * year)
        rate = np.where(day >= book.changed_day, book.new_rate, loans.rate)
        live = repriced & (day < gone) & (day != book.changed_day)
        part = {
            "loan": i,
            "day": day,
            "rate": rate,
            "price": transfer_price(world, month_number(day)),
        }
        parts.append(take(part, live))
    eased = (book.change == DIFFICULTY) & (book.new_rate != loans.rate)
    cut = {"loan": i, "day": book.changed_day, "rate": book.new_rate, "price": price}
    table = stack([*parts, take(cut, eased)])
    table = take(table, table["day"] <= end)
    loan = table["loan"]
    return {
        "loan_id": identifier("LN", (loans.client[loan], 6), (loans.month[loan], 3)),
        "effective_date": table["day"],
        "interest_rate": table["rate"] * 100,
        "transfer_price_rate": table["price"] * 100,
    }
