"""Who the clients are underneath: the latent profile that drives all behaviour.

Nothing of this is written to the databases; the ground truth goes to a side file.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rapport.simulator.dates import NEVER, end_of_day, first_day, last_day
from rapport.simulator.draws import Bools, Draws, Floats, Ints

RELATIONSHIPS = ("WIN_WIN", "LOOSE", "MASTER_SERVANT", "ADVERSARIAL")
WIN_WIN, LOOSE, MASTER_SERVANT, ADVERSARIAL = range(4)
CLIENT_TYPES = ("corporate", "sme", "project_company", "individual")
CORPORATE, SME, PROJECT_COMPANY, INDIVIDUAL = range(4)
CURRENCIES = ("CNY", "USD", "EUR")
DISTRESS = ("none", "mild", "rescheduled", "cured_default", "default")
HEALTHY, MILD, RESCHEDULED, CURED_DEFAULT, DEFAULT = range(5)
PAY_STYLES = ("punctual", "slightly_late", "habitually_late", "partial", "erratic")
PUNCTUAL, SLIGHTLY_LATE, HABITUALLY_LATE, PARTIAL, ERRATIC = range(5)

_MIX = (0.36, 0.38, 0.14, 0.12)
_TYPE_MIX = (0.42, 0.43, 0.09, 0.06)
_DRIFT = 0.002  # monthly chance that the relationship becomes another one
_MONTHLY_DISTRESS = (0.0006, 0.019, 0.012, 0.036)  # by relationship
_DISTRESS_KIND = (0.47, 0.20, 0.14, 0.19)  # mild … default
_PAY_STYLE = (
    (0.88, 0.12, 0.0, 0.0, 0.0),
    (0.62, 0.18, 0.10, 0.04, 0.06),
    (0.66, 0.20, 0.07, 0.04, 0.03),
    (0.45, 0.20, 0.18, 0.07, 0.10),
)
_MEDIAN_REVENUE = (30_000, 3_000, 12_000, 150)  # in 10,000 CNY a year
_NEVER_BORROWS = (0.0, 0.12, 0.0, 0.06)  # by relationship


@dataclass(frozen=True)
class Span:
    """The simulated months; the first run ended at ``base_end``, ``advance`` moves ``end``."""

    start: int
    base_end: int
    end: int

    @property
    def months(self) -> Ints:
        return np.arange(self.start, self.end + 1)

    @property
    def first_day(self) -> int:
        return int(first_day(self.start))

    @property
    def last_day(self) -> int:
        return int(last_day(self.end))

    @property
    def now(self) -> int:
        """The last instant of the world, in microseconds."""
        return end_of_day(self.last_day)


@dataclass(frozen=True)
class World:
    """Clients by position 0…n−1; ``relationship`` is clients × months, the rest one per client.

    Amounts are in 10,000 CNY; months count since 1970-01, days since 1970-01-01.
    """

    draws: Draws
    span: Span
    base_clients: int
    kind: Ints
    onboarded_month: Ints
    onboarded_day: Ints
    relationship: Ints
    distress: Ints
    distress_month: Ints
    pay_style: Ints
    revenue: Ints
    currency: Ints
    industry: Ints
    region: Ints
    never_borrows: Bools
    closed_month: Ints

    @property
    def n(self) -> int:
        return len(self.kind)

    @property
    def clients(self) -> Ints:
        return np.arange(self.n)

    def here(self) -> Bools:
        """Clients × months: onboarded by then and not closed yet."""
        months = self.span.months
        arrived = months > self.onboarded_month[:, None]
        result: Bools = arrived & (months < self.closed_month[:, None])
        return result

    def relationship_in(self, clients: Ints, months: Ints) -> Ints:
        """Latent relationship of the clients in the months (limited to the span)."""
        place = np.clip(months - self.span.start, 0, self.relationship.shape[1] - 1)
        result: Ints = self.relationship[clients, place]
        return result


def arrivals_per_month(clients: int) -> int:
    """New clients each month after the first run ended."""
    return max(1, clients * 6 // 1000)


def create(clients: int, span: Span, draws: Draws) -> World:
    """The population: ``clients`` by ``span.base_end`` and new ones each month after it."""
    late = arrivals_per_month(clients) * (span.end - span.base_end)
    n = clients + late
    i = np.arange(n)
    kind = draws.choose("kind", _TYPE_MIX, i)
    onboarded = _onboarded(draws, span, clients, i)
    first_relationship = draws.choose("relationship", _MIX, i)
    distress_month = first_month(
        draws.chance(
            "distress", np.asarray(_MONTHLY_DISTRESS)[first_relationship][:, None], *_grid(span, i)
        )
        & (span.months > onboarded[:, None] + 5)
        & (span.months > span.start + 4),
        span,
    )
    distress = np.where(
        distress_month < NEVER, 1 + draws.choose("distress_kind", _DISTRESS_KIND, i), HEALTHY
    )
    never = draws.chance("never_borrows", np.asarray(_NEVER_BORROWS)[first_relationship], i)
    closing = draws.chance("closing", 0.006, *_grid(span, i)) & never[:, None]
    size = draws.spread("revenue", 0.9, i) * np.asarray(_MEDIAN_REVENUE)[kind]
    first, last = int(first_day(0)), int(last_day(0))
    day = first_day(onboarded) + draws.integers("onboarded_day", 0, last - first - 2, i)
    return World(
        draws=draws,
        span=span,
        base_clients=clients,
        kind=kind,
        onboarded_month=onboarded,
        onboarded_day=day,
        relationship=_relationship(draws, span, i, first_relationship, distress, distress_month),
        distress=distress,
        distress_month=distress_month,
        pay_style=draws.choose_by("pay_style", _PAY_STYLE, first_relationship, i),
        revenue=np.maximum(np.rint(size).astype(np.int64), 20),
        currency=draws.choose("currency", (0.88, 0.08, 0.04), i) * (kind != INDIVIDUAL),
        industry=draws.integers("industry", 0, 12, i),
        region=draws.integers("region", 0, 8, i),
        never_borrows=never,
        closed_month=first_month(closing & (span.months > onboarded[:, None] + 6), span),
    )


def _grid(span: Span, clients: Ints) -> tuple[Ints, Ints]:
    return clients[:, None], span.months[None, :]


def first_month(happens: Bools, span: Span) -> Ints:
    """The first month in which it happens, else ``NEVER``."""
    found: Ints = np.where(happens.any(axis=1), span.start + happens.argmax(axis=1), NEVER)
    return found


def _onboarded(draws: Draws, span: Span, clients: int, i: Ints) -> Ints:
    """Three in four were clients before the span; the others arrive month by month."""
    before = span.start - draws.integers("tenure", 1, 140, i)
    within = draws.integers("arrival", span.start, span.base_end + 1, i)
    old = np.where(draws.chance("is_old", 0.76, i), before, within)
    late = span.base_end + 1 + (i - clients) // arrivals_per_month(clients)
    result: Ints = np.where(i < clients, old, late)
    return result


def _relationship(
    draws: Draws, span: Span, i: Ints, first: Ints, distress: Ints, distress_month: Ints
) -> Ints:
    months = span.months
    drift = first_month(draws.chance("drift", _DRIFT, *_grid(span, i)), span)
    second = draws.choose("relationship_2", _MIX, i)
    result = np.where(months >= drift[:, None], second[:, None], first[:, None])
    # Whoever stops paying for good ends in a legal dispute, whatever it was before.
    sours = (distress >= CURED_DEFAULT)[:, None] & (months >= distress_month[:, None] + 4)
    fights: Floats | Ints = np.where(sours, ADVERSARIAL, result)
    return fights.astype(np.int8)
