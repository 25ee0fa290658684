"""Applications and the loans that come of them, with facilities and terms."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rapport.simulator.clients import loan_client_id
from rapport.simulator.dates import (
    NEVER,
    NULL,
    add_months,
    business_day,
    first_day,
    hide_after,
    instant,
    month_number,
)
from rapport.simulator.draws import Bools, Ints, pick
from rapport.simulator.frames import Table, blank, identifier, label, take
from rapport.simulator.schedules import ANNUITY, BULLET, LINEAR, half_even
from rapport.simulator.world import CORPORATE, CURRENCIES, PROJECT_COMPANY, World

PRODUCTS = (
    "term_loan", "working_capital", "sme_loan", "project_finance", "trade_finance", "equipment_loan"
)  # fmt: skip
PROJECT_FINANCE = 3
DECISIONS = ("approved", "declined", "withdrawn", "cancelled")
# By client type: weights of the products.
_PRODUCT_MIX = (
    (0.42, 0.22, 0.0, 0.0, 0.18, 0.18),
    (0.10, 0.28, 0.42, 0.0, 0.10, 0.10),
    (0.0, 0.0, 0.0, 1.0, 0.0, 0.0),
    (0.0, 0.2, 0.8, 0.0, 0.0, 0.0),
)
_METHOD = (ANNUITY, BULLET, ANNUITY, ANNUITY, BULLET, LINEAR)
_DECISION_MIX = (
    (0.88, 0.05, 0.05, 0.02),
    (0.76, 0.13, 0.08, 0.03),
    (0.84, 0.08, 0.06, 0.02),
    (0.68, 0.22, 0.07, 0.03),
)
_DEMAND = (0.070, 0.045, 0.060, 0.030)  # monthly, by relationship
_SPREAD = ((26_000, 40_000), (15_000, 26_000), (1_000, 5_000), (10_000, 20_000))  # millionths
_PER_CNY = (1, 7, 8)


@dataclass(frozen=True)
class Applications:
    """One element per application, known by the end of the span or not."""

    client: Ints
    month: Ints
    product: Ints
    amount: Ints
    currency: Ints
    decision: Ints
    submitted_day: Ints
    decided_day: Ints
    paid_out_day: Ints


def loan_key(client: Ints, month: Ints) -> Ints:
    """The number that identifies an application, and its loan, in draws."""
    return client * 4096 + month


def loan_id(client: Ints, month: Ints, prefix: str = "LN", missing: Bools | None = None) -> object:
    return identifier(prefix, (client, 6), (month, 3), missing=missing)


def transfer_price(world: World, month: Ints) -> Ints:
    """Cost of funds in millionths, moving a little from quarter to quarter."""
    year, quarter = month // 12, month // 3
    level = 22_000 + world.draws.integers("funds.year", 0, 5_000, year)
    result: Ints = level + world.draws.integers("funds.quarter", 0, 1_000, quarter)
    return result


def _asks(world: World) -> Bools:
    draws, span = world.draws, world.span
    months, i = span.months, world.clients[:, None]
    rate = np.asarray(_DEMAND)[world.relationship] * (world.kind != PROJECT_COMPANY)[:, None]
    old = (world.onboarded_month < span.start)[:, None] & (months < span.start + 3)
    fresh = (months > world.onboarded_month[:, None]) & (
        months <= world.onboarded_month[:, None] + 3
    )
    rate = np.where(old | fresh, 0.40, rate + 0.004)
    allowed = world.here() & ~world.never_borrows[:, None]
    allowed &= months < world.distress_month[:, None]
    result: Bools = allowed & draws.chance("asks", rate, i, months)
    return result


def applications(world: World) -> Applications:
    draws = world.draws
    client, place = np.nonzero(_asks(world))
    month = place + world.span.start
    key = loan_key(client, month)
    product = draws.choose_by("product", _PRODUCT_MIX, world.kind[client], key)
    share = np.where(product == PROJECT_FINANCE, 250, draws.integers("share", 20, 120, key))
    currency = world.currency[client]
    # In units of 10,000, then in cents.
    size = np.maximum(world.revenue[client] * share // 1000 // np.asarray(_PER_CNY)[currency], 5)
    relationship = world.relationship_in(client, month)
    submitted = business_day(first_day(month) + draws.integers("submitted", 0, 22, key))
    lag = 4 + draws.integers("decided", 0, 22 + 26 * (relationship == 3), key)
    decided = business_day(submitted + lag + 20 * (product == PROJECT_FINANCE))
    decision = draws.choose_by("decision", _DECISION_MIX, relationship, key)
    # Some clients never draw what was approved.
    drawn = (decision == 0) & ~draws.chance("not_drawn", 0.04, key)
    paid_out = business_day(decided + 2 + draws.integers("paid_out", 0, 14, key))
    return Applications(
        client=client,
        month=month,
        product=product,
        amount=size * 1_000_000,
        currency=currency,
        decision=decision,
        submitted_day=submitted,
        decided_day=decided,
        paid_out_day=np.where(drawn, paid_out, NEVER),
    )


@dataclass(frozen=True)
class Loans:
    """Loans paid out by the end of the span, sorted by client and month of application."""

    client: Ints
    month: Ints
    key: Ints
    product: Ints
    principal: Ints  # cents
    currency: Ints
    rate: Ints  # millionths
    n: Ints
    period: Ints
    method: Ints
    interest_only: Ints
    disbursed: Ints

    @property
    def count(self) -> int:
        return len(self.client)


def loans(world: World, asked: Applications) -> Loans:
    draws = world.draws
    keep = np.flatnonzero(asked.paid_out_day <= world.span.last_day)
    client, month, product = asked.client[keep], asked.month[keep], asked.product[keep]
    key = loan_key(client, month)
    long = draws.integers("term", 2, 6, key) * 12
    short = pick((3, 6, 6, 12), draws.integers("short_term", 0, 4, key))
    quarters = pick((32, 40, 48), draws.integers("quarters", 0, 3, key))
    n = np.select([np.isin(product, (1, 4)), product == 2, product == 3], [short, long // 2, quarters], long)
    relationship = world.relationship_in(client, month)
    low, high = np.asarray(_SPREAD)[relationship].T
    grace = np.where(product == PROJECT_FINANCE, draws.integers("grace", 2, 7, key), 0)
    rate = transfer_price(world, month) + draws.integers("spread", low, high, key)
    return Loans(
        client=client,
        month=month,
        key=key,
        product=product,
        principal=asked.amount[keep],
        currency=asked.currency[keep],
        rate=rate // 100 * 100,
        n=n,
        period=np.where(product == PROJECT_FINANCE, 3, 1),
        method=np.asarray(_METHOD)[product],
        interest_only=grace,
        disbursed=asked.paid_out_day[keep],
    )


def has_facility(world: World, clients: Ints) -> Bools:
    kind = world.kind[clients]
    some = world.draws.chance("facility", 0.3, clients)
    result: Bools = (kind == CORPORATE) | (kind == PROJECT_COMPANY) | some
    return result


def facilities(world: World, book: Loans) -> Table:
    """One line per client with a framework agreement, opened shortly before its first loan."""
    first = np.unique(book.client, return_index=True)[1]
    start = np.minimum.reduceat(book.disbursed, first) if book.count else book.disbursed
    client = book.client[first]
    draws = world.draws
    # Undrawn lines of clients that have not borrowed.
    idle = np.flatnonzero(world.never_borrows & draws.chance("idle_line", 0.3, world.clients))
    idle_start = add_months(world.onboarded_day[idle], 7)
    client, start = np.concatenate([client, idle]), np.concatenate([start - 5, idle_start])
    project = world.kind[client] == PROJECT_COMPANY
    currency = world.currency[client]
    share = np.where(project, 300, draws.integers("limit", 250, 450, client))
    limit = np.maximum(world.revenue[client] * share // 1000 // np.asarray(_PER_CNY)[currency], 10)
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


def loans_table(world: World, book: Loans, closed: Ints, written_off: Ints, maturity: Ints) -> Table:
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
        "collateral_valuation_date": np.where(secured, add_months(book.disbursed, 12 * years), NULL),
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


def paid_out_at(world: World, key: Ints, day: Ints) -> Ints:
    return instant(world.draws, "disbursed_at", day, key)
