"""Reference data: exchange rates, business days, the lender's capital, contact costs."""

from __future__ import annotations

from datetime import date

import numpy as np

from rapport.simulator.dates import (
    as_date,
    day_number,
    first_day,
    holidays,
    is_business_day,
    last_day,
)
from rapport.simulator.draws import Ints
from rapport.simulator.frames import Table, label
from rapport.simulator.world import World

_RATE = ((1, 72_000), (2, 78_000))  # currency position, CNY per unit in 10^-4
CHANNELS = ("visit", "call", "email", "event", "report", "portal")
CHANNEL_COST = (80_000, 6_000, 1_500, 120_000, 30_000, 200)  # cents


def fx_rates(world: World) -> Table:
    """Business-day rates in CNY: small steps around a level, from two months before the span."""
    span = world.span
    first = int(first_day(span.start - 2))
    days = np.arange(first, span.last_day + 1)
    days = days[is_business_day(days)]
    tables = []
    for position, level in _RATE:
        step = world.draws.integers("fx", -200, 201, days, position)
        path = level * 1000 + np.cumsum(step) * 1000
        tables.append(np.clip(path, level * 850, level * 1150) * 1000)
    n = len(days)
    return {
        "from_currency": label(("USD", "EUR"), np.repeat((0, 1), n)),
        "to_currency": label(("CNY",), np.zeros(2 * n, np.int64)),
        "rate_date": np.tile(days, 2),
        "rate": np.concatenate(tables),
    }


def calendar(world: World) -> Table:
    """From the year before the span to the end of the year after it."""
    years = range(1970 + world.span.start // 12 - 1, 1970 + world.span.end // 12 + 2)
    days: Ints = np.arange(
        day_number(date(years[0], 1, 1)), day_number(date(years[-1], 12, 31)) + 1
    )
    named = {day: name for year in years for day, name in holidays(year).items()}
    names = [*sorted(set(named.values())), None]
    index = np.array([names.index(named.get(as_date(int(day)))) for day in days])
    return {
        "calendar_date": days,
        "is_business_day": is_business_day(days).astype(np.int64),
        "holiday_name": label(names, index),
    }


def lender_capital(world: World) -> Table:
    """Quarterly; sized to the number of clients, 0.6 % growth a quarter."""
    quarters = np.arange(world.span.start // 3, world.span.end // 3 + 1)
    grown = 1_000 + 6 * (quarters - quarters[0])
    tier1 = world.base_clients * 400_000_00 * 10 * grown // 1_000
    return {
        "effective_date": first_day(quarters * 3),
        "tier1_amount": tier1,
        "total_capital_amount": tier1 * 125 // 100,
        "currency": label(("CNY",), np.zeros(len(quarters), np.int64)),
    }


def cost_rates(world: World) -> Table:
    """What one contact costs, by channel, 3 % dearer each year."""
    years = np.arange(world.span.start // 12, world.span.end // 12 + 1)
    turn = np.repeat(np.arange(len(years)), len(CHANNELS))
    channel = np.tile(np.arange(len(CHANNELS)), len(years))
    cost = np.asarray(CHANNEL_COST)[channel] * (100 + 3 * turn) // 100
    return {
        "channel": label(CHANNELS, channel),
        "effective_date": last_day(years[turn] * 12 - 1) + 1,
        "cost_amount": cost,
        "currency": label(("CNY",), np.zeros(len(turn), np.int64)),
    }
