"""The tables of applications, facilities and loans."""

from __future__ import annotations

import numpy as np

from rapport.simulator.clients import has_loan_record, loan_client_id
from rapport.simulator.dates import NEVER, NULL, add_months, hide_after, instant, month_number
from rapport.simulator.draws import Ints
from rapport.simulator.frames import Table, blank, identifier, label, take
from rapport.simulator.lending import (
    DECISIONS,
    PER_CNY,
    PRODUCTS,
    PROJECT_FINANCE,
    Applications,
    Loans,
    has_facility,
    loan_id,
    loan_key,
    paid_out_at,
)
from rapport.simulator.schedules import half_even
from rapport.simulator.world import CURRENCIES, PROJECT_COMPANY, World


def facilities(world: World, book: Loans) -> Table:
    """One line per client with a framework agreement, opened shortly before its first loan."""
    first = np.unique(book.client, return_index=True)[1]
    start = np.minimum.reduceat(book.disbursed, first) if book.count else book.disbursed
    client = book.client[first]
    draws = world.draws
    # Undrawn lines of clients that have not borrowed.
    known = world.never_borrows & has_loan_record(world)
    idle = np.flatnonzero(known & draws.chance("idle_line", 0.4, world.clients))
    idle_start = add_months(world.onboarded_day[idle], 7)
    client, start = np.concatenate([client, idle]), np.concatenate([start - 5, idle_start])
    project = world.kind[client] == PROJECT_COMPANY
    currency = world.currency[client]
    share = np.where(project, 300, draws.integers("limit", 250, 450, client))
    limit = np.maximum(world.revenue[client] * share // 1000 // np.asarray(PER_CNY)[currency], 10)
    ends = add_months(start, np.where(project, 156, 72))
    table = {
        "facility_id": identifier("F", (client, 6)),
        "client_id": loan_client_id(client),
        "project_id": identifier("PJ", (client, 6), missing=~project),
        "limit_amount": limit * 1_000_000,
        "currency": label(CURRENCIES, currency),
        "is_committed": (project | draws.chance("committed", 0.6, client)).astype(np.int64),
        "start_date": start,
        "expiry_date": ends,
    }
    return take(table, has_facility(world, client) & (start <= world.span.last_day))


def loans_table(
    world: World, book: Loans, closed: Ints, written_off: Ints, maturity: Ints
) -> Table:
    draws, end = world.draws, world.span.last_day
    years = np.maximum(world.span.end - month_number(book.disbursed), 0) // 12
    secured = draws.chance("secured", 0.65, book.key) | (book.product == PROJECT_FINANCE)
    cover = draws.integers("cover", 80, 180, book.key) - 5 * years
    effective = half_even(book.rate * book.rate * book.period, 24_000_000) + book.rate + 1_200
    previous = np.roll(book.client, 1) == book.client
    gap = book.disbursed - np.roll(closed, 1)
    replaces = previous & (np.roll(closed, 1) <= end) & (gap >= 0) & (gap <= 60)
    replaces &= np.arange(book.count) > 0
    return {
        "loan_id": loan_id(book.client, book.month),
        "client_id": loan_client_id(book.client),
        "facility_id": identifier("F", (book.client, 6), missing=~has_facility(world, book.client)),
        "application_id": loan_id(book.client, book.month, "A"),
        "replaces_loan_id": loan_id(
            np.roll(book.client, 1), np.roll(book.month, 1), missing=~replaces
        ),
        "product": label(PRODUCTS, book.product),
        "principal_amount": book.principal,
        "currency": label(CURRENCIES, book.currency),
        "day_count": label(("30/360",), np.zeros(book.count, np.int64)),
        "disbursed_date": book.disbursed,
        "maturity_date": maturity,
        "closed_date": hide_after(closed, end),
        "written_off_date": hide_after(written_off, end),
        "effective_interest_rate": effective * 100,
        "collateral_amount": np.where(secured, book.principal // 10_000 * cover * 100, NULL),
        "collateral_valuation_date": np.where(
            secured, add_months(book.disbursed, 12 * years), NULL
        ),
    }


def applications_table(world: World, asked: Applications) -> Table:
    draws, now = world.draws, world.span.now
    key = loan_key(asked.client, asked.month)
    decided = hide_after(instant(draws, "decided_at", asked.decided_day, key), now)
    paid = np.where(asked.paid_out_day < NEVER, asked.paid_out_day, 0)
    out = np.where(asked.paid_out_day < NEVER, paid_out_at(world, key, paid), NULL)
    walk_in = draws.chance("walk_in", 0.01, key) & (asked.decision > 0)
    table = {
        "application_id": loan_id(asked.client, asked.month, "A"),
        "client_id": blank(loan_client_id(asked.client), walk_in),
        "root_application_id": loan_id(asked.client, asked.month, "A"),
        "product": label(PRODUCTS, asked.product),
        "requested_amount": asked.amount,
        "currency": label(CURRENCIES, asked.currency),
        "submitted_at": instant(draws, "submitted_at", asked.submitted_day, key),
        "decided_at": decided,
        "decision": label(DECISIONS, asked.decision, missing=decided == NULL),
        "disbursed_at": hide_after(out, now),
        "is_policy_exception": draws.chance("exception", 0.05, key).astype(np.int64),
    }
    return take(table, table["submitted_at"] <= now)
