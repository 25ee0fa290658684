"""Months, month-ends, business days and local office hours, on integer arrays.

A month is a count since 1970-01, a day a count since 1970-01-01, an instant a count of
microseconds since 1970-01-01 00:00 UTC. ``NULL`` marks a missing value of any of them.
"""

from __future__ import annotations

from datetime import date, timedelta
from functools import cache

import numpy as np
from numpy.typing import ArrayLike

from rapport.simulator.draws import Bools, Draws, Ints

NULL = int(np.iinfo(np.int64).min)
NEVER = 5_000_000  # a day after every horizon
SECOND = 1_000_000
DAY = 86_400 * SECOND
SHANGHAI = 8 * 3600 * SECOND  # no summer time

# First day of the Spring Festival, Dragon Boat and Mid-Autumn days; other years get a fixed guess.
_SPRING = {
    2015: (2, 19), 2016: (2, 8), 2017: (1, 28), 2018: (2, 16), 2019: (2, 5), 2020: (1, 25),
    2021: (2, 12), 2022: (2, 1), 2023: (1, 22), 2024: (2, 10), 2025: (1, 29), 2026: (2, 17),
    2027: (2, 6), 2028: (1, 26), 2029: (2, 13), 2030: (2, 3), 2031: (1, 23), 2032: (2, 11),
}  # fmt: skip
_DRAGON = {
    2020: (6, 25), 2021: (6, 14), 2022: (6, 3), 2023: (6, 22), 2024: (6, 10), 2025: (5, 31),
    2026: (6, 19), 2027: (6, 9), 2028: (5, 28), 2029: (6, 16), 2030: (6, 5),
}  # fmt: skip
_AUTUMN = {
    2020: (10, 1), 2021: (9, 21), 2022: (9, 10), 2023: (9, 29), 2024: (9, 17), 2025: (10, 6),
    2026: (9, 25), 2027: (9, 15), 2028: (10, 3), 2029: (9, 22), 2030: (9, 12),
}  # fmt: skip


def month_of(day: date) -> int:
    return (day.year - 1970) * 12 + day.month - 1


def day_number(day: date) -> int:
    return (day - date(1970, 1, 1)).days


def as_date(day: int) -> date:
    return date(1970, 1, 1) + timedelta(days=int(day))


def first_day(month: ArrayLike) -> Ints:
    result: Ints = (
        np.asarray(month, dtype=np.int64)
        .astype("datetime64[M]")
        .astype("datetime64[D]")
        .astype(np.int64)
    )
    return result


def last_day(month: ArrayLike) -> Ints:
    return first_day(np.asarray(month, dtype=np.int64) + 1) - 1


def month_number(day: ArrayLike) -> Ints:
    """The month that a day is in."""
    result: Ints = (
        np.asarray(day, dtype=np.int64)
        .astype("datetime64[D]")
        .astype("datetime64[M]")
        .astype(np.int64)
    )
    return result


def add_months(day: Ints, months: ArrayLike) -> Ints:
    """The same day of a later month; the 31st is clipped, and a month-end stays a month-end."""
    month = month_number(day)
    target = month + np.asarray(months, dtype=np.int64)
    shifted = np.minimum(first_day(target) + day - first_day(month), last_day(target))
    result: Ints = np.where(day == last_day(month), last_day(target), shifted)
    return result


def holidays(year: int) -> dict[date, str]:
    """Public holidays of China, approximately (moved working weekends are left out)."""
    spring = date(year, *_SPRING.get(year, (2, 5)))
    found = {spring + timedelta(days=k): "Spring Festival" for k in range(-1, 7)}
    found[date(year, 1, 1)] = "New Year"
    found[date(year, 4, 5)] = "Qingming"
    found.update({date(year, 5, d): "Labour Day" for d in range(1, 6)})
    found[date(year, *_DRAGON.get(year, (6, 10)))] = "Dragon Boat"
    found[date(year, *_AUTUMN.get(year, (9, 20)))] = "Mid-Autumn"
    found.update({date(year, 10, d): "National Day" for d in range(1, 8)})
    return found


@cache
def _next_business_day() -> Ints:
    """For each day from 2000 to 2060: that day or the next business day."""
    start, end = day_number(date(2000, 1, 1)), day_number(date(2061, 1, 1))
    days = np.arange(start, end)
    closed = (days + 3) % 7 >= 5
    for year in range(2000, 2061):
        for day in holidays(year):
            closed[day_number(day) - start] = True
    latest = np.where(closed, end, days)
    result: Ints = np.minimum.accumulate(latest[::-1])[::-1]
    return result


def business_day(day: ArrayLike) -> Ints:
    """That day, or the next business day after it."""
    table = _next_business_day()
    place = np.asarray(day, dtype=np.int64) - day_number(date(2000, 1, 1))
    result: Ints = table[np.clip(place, 0, len(table) - 1)]
    return result


def is_business_day(day: Ints) -> Bools:
    result: Bools = business_day(day) == day
    return result


def instant(draws: Draws, stream: str, day: Ints, *keys: ArrayLike) -> Ints:
    """An instant on the given local day: mostly in office hours, one in twenty at any hour."""
    office = 9 * 3600 + draws.integers(stream + ".second", 0, 9 * 3600, *keys)
    any_time = draws.integers(stream + ".any", 0, 86_400, *keys)
    second = np.where(draws.chance(stream + ".odd", 0.05, *keys), any_time, office)
    result: Ints = day * DAY + second * SECOND - SHANGHAI
    return result


def end_of_day(day: int) -> int:
    """The last microsecond of a local day, as an instant."""
    return (day + 1) * DAY - SHANGHAI - 1


def hide_after(values: Ints, limit: int) -> Ints:
    """Days or instants after the limit become NULL: not yet known in this world."""
    result: Ints = np.where((values > limit) | (values == NULL), NULL, values)
    return result
