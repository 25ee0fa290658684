"""Applications and the loans that come of them, with facilities and terms."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rapport.simulator.dates import (
    NEVER,
    business_day,
    first_day,
    instant,
)
from rapport.simulator.draws import Bools, Ints, pick
from rapport.simulator.frames import identifier
from rapport.simulator.schedules import ANNUITY, BULLET, LINEAR
from rapport.simulator.world import CORPORATE, PROJECT_COMPANY, World

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
_DEMAND = (0.180, 0.065, 0.170, 0.045)  # monthly, by relationship
_SPREAD = ((26_000, 40_000), (15_000, 26_000), (1_000, 5_000), (10_000, 20_000))  # millionths
PER_CNY = (1, 7, 8)


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
    level = 23_000 + world.draws.integers("funds.year", 0, 2_000, year)
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
    rate = np.where(old | fresh, 0.50, rate + 0.004)
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
    size = np.maximum(world.revenue[client] * share // 1000 // np.asarray(PER_CNY)[currency], 5)
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
    n = np.select(
        [np.isin(product, (1, 4)), product == 2, product == 3], [short, long // 2, quarters], long
    )
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


def paid_out_at(world: World, key: Ints, day: Ints) -> Ints:
    return instant(world.draws, "disbursed_at", day, key)
