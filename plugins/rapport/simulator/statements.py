"""Yearly financial statements, and quarterly covenant tests of the facilities."""

from __future__ import annotations

import numpy as np

from rapport.simulator.book import Book
from rapport.simulator.clients import has_loan_record, loan_client_id
from rapport.simulator.dates import NULL, first_day, hide_after, last_day
from rapport.simulator.draws import Bools, Ints
from rapport.simulator.frames import Table, identifier, label, stack, take
from rapport.simulator.lending import has_facility
from rapport.simulator.world import (
    ADVERSARIAL,
    HEALTHY,
    INDIVIDUAL,
    MASTER_SERVANT,
    MILD,
    WIN_WIN,
    World,
)

METRICS = ("interest_cover", "debt_to_ebitda")
OPERATORS = (">=", "<=")
_THRESHOLD = (2_000_000, 4_500_000)  # millionths


def _weak(world: World, client: Ints, month: Ints) -> Bools:
    """From a year before serious trouble on the figures are bad."""
    result: Bools = (world.distress[client] > MILD) & (month >= world.distress_month[client])
    return result


def financial_statements(world: World) -> Table:
    """For each year from the one before the span; figures in whole thousands, exact sums."""
    draws, span = world.draws, world.span
    firms = np.flatnonzero(has_loan_record(world) & (world.kind != INDIVIDUAL))
    parts = []
    grown = np.full(world.n, 1000)
    for year in range(span.start // 12 - 1, span.end // 12 + 1):
        grown = grown * draws.integers("growth.year", 930, 1_110, world.clients, year) // 1000
        december = year * 12 + 11
        keep = firms[(world.onboarded_month[firms] <= december + 1)]
        parts.append(_year(world, keep, december, grown[keep]))
    table = stack(parts)
    return take(table, table["received_date"] <= span.last_day)


def _year(world: World, client: Ints, december: int, grown: Ints) -> Table:
    draws, key = world.draws, (client, december)
    n = len(client)
    weak = _weak(world, client, np.full(n, december))

    def part(stream: str, low: int, high: int) -> Ints:
        return draws.integers("statement." + stream, low, high, *key)

    # Thousands of CNY; shares in per mille.
    revenue = world.revenue[client] * 10 * grown * np.where(weak, 780, 1000) // 1_000_000
    ebitda = revenue * np.where(weak, part("bad_margin", -60, 40), part("margin", 80, 240)) // 1000
    depreciation = revenue * part("depreciation", 15, 40) // 1000
    assets = revenue * part("assets", 700, 1_600) // 1000
    equity = assets * np.where(weak, part("thin", 40, 160), part("equity", 250, 600)) // 1000
    liabilities = assets - equity
    debt = liabilities * part("debt", 350, 700) // 1000
    current = assets * part("current", 300, 600) // 1000
    due_soon = np.minimum(
        liabilities,
        current * np.where(weak, part("tight", 900, 1_400), part("ratio", 450, 900)) // 1000,
    )
    days = np.where(
        draws.chance("statement.late", 0.07, *key), part("delay", 160, 420), part("lag", 60, 130)
    )
    received = last_day(december) + days
    # One in fifty is corrected two months after it came.
    fixed = draws.chance("statement.fixed", 0.02, *key) & (received + 60 <= world.span.last_day)
    revenue = revenue + np.where(fixed, revenue // 50, 0)
    money = {
        "total_assets": assets,
        "total_liabilities": liabilities,
        "current_assets": current,
        "current_liabilities": due_soon,
        "retained_earnings": equity * part("retained", 200, 700) // 1000,
        "equity": equity,
        "ebit": ebitda - depreciation,
        "ebitda": ebitda,
        "interest_expense": debt * part("interest", 35, 65) // 1000,
        "revenue": revenue,
        "operating_cash_flow": ebitda * part("cash_flow", 600, 1_000) // 1000,
        "debt": debt,
        "cash": current * part("cash", 100, 350) // 1000,
    }
    zero = np.zeros(n, np.int64)
    return {
        "client_id": loan_client_id(client),
        "period_end": np.full(n, last_day(december)),
        "basis": label(("annual",), zero),
        "currency": label(("CNY",), zero),
        **{name: thousands * 100_000 for name, thousands in money.items()},
        "is_audited": draws.chance("statement.audited", 0.7, *key).astype(np.int64),
        "received_date": received,
    }


def covenant_tests(world: World, book: Book) -> Table:
    """Two tests a quarter on each drawn facility; due 60 days after the quarter."""
    span = world.span
    client, index = np.unique(book.loans.client, return_index=True)
    start = np.minimum.reduceat(book.loans.disbursed, index) if book.loans.count else client
    keep = has_facility(world, client)
    client, start = client[keep], start[keep]
    quarters = span.months[span.months % 3 == 2]
    at, place = np.nonzero(last_day(quarters)[None, :] > start[:, None] + 30)
    rows = [_test(world, client[at], quarters[place], metric) for metric in (0, 1)]
    table = stack(rows)
    return take(table, table["period_end"] <= span.last_day)


def _test(world: World, client: Ints, month: Ints, metric: int) -> Table:
    draws, end, key = world.draws, world.span.last_day, (client, month, metric)
    relationship = world.relationship_in(client, month)
    weak = _weak(world, client, month)
    risk = np.where(weak, 0.6, np.where(relationship == ADVERSARIAL, 0.12, 0.006))
    breach = draws.chance("breach", risk, *key)
    headroom = draws.integers("headroom", 20_000, 900_000, *key)
    shortfall = draws.integers("shortfall", 10_000, 700_000, *key)
    gap = np.where(breach, -shortfall, headroom) * (1 if metric == 0 else -1)
    threshold = np.full(len(client), _THRESHOLD[metric])
    period_end = last_day(month)
    slow = (world.distress[client] > HEALTHY) & (month >= world.distress_month[client])
    due = period_end + 60
    lag = np.where(
        slow, draws.integers("test.slow", -5, 70, *key), draws.integers("test.lag", -25, 12, *key)
    )
    received = due + lag
    waiver = np.where(
        relationship == WIN_WIN, 1.0, np.where(relationship == MASTER_SERVANT, 0.9, 0.2)
    )
    waived = breach & ~weak & draws.chance("waived", waiver, *key) & (received <= end)
    return {
        "facility_id": identifier("F", (client, 6)),
        "metric": label(METRICS, np.full(len(client), metric)),
        "operator": label(OPERATORS, np.full(len(client), metric)),
        "threshold": threshold,
        "actual": np.where(received <= end, threshold + gap, NULL),
        "period_end": period_end,
        "due_date": due,
        "received_date": hide_after(received, end),
        "waived_until": np.where(waived, first_day(month + 15), NULL),
    }
