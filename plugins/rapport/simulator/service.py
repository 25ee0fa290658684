"""Contacts with clients, their cases, and the opportunities in the pipeline."""

from __future__ import annotations

import numpy as np

from rapport.simulator.clients import crm_id
from rapport.simulator.dates import (
    DAY,
    NULL,
    SECOND,
    business_day,
    first_day,
    hide_after,
    instant,
)
from rapport.simulator.draws import Ints, pick
from rapport.simulator.frames import Table, identifier, label, stack, take
from rapport.simulator.reference import CHANNEL_COST, CHANNELS
from rapport.simulator.world import CURRENCIES, World

TOPICS = (
    "needs_review", "new_business", "repayment", "service", "market_report", "invitation",
    "newsletter",
)  # fmt: skip
FAMILIES = (
    "lending", "project_finance", "trade", "cash_management", "deposit", "hedging",
    "investment_advisory", "research",
)  # fmt: skip
# By relationship: personal contacts a month, and the share of them that go both ways.
_CONTACTS = (2.2, 0.12, 1.4, 0.35)
_TWO_WAY = (0.85, 0.50, 0.80, 0.40)
_MOST = 4

CASE_KINDS = ("complaint", "complaint", "dispute", "legal_action", "suggestion", "request")
# Monthly chance by relationship, of each kind (severe complaint, other complaint, …).
_CASE_RATES = (
    (0.003, 0.006, 0.004, 0.20),
    (0.012, 0.020, 0.020, 0.08),
    (0.001, 0.003, 0.002, 0.20),
    (0.0, 0.0, 0.0, 0.09),
    (0.020, 0.004, 0.020, 0.004),
    (0.080, 0.020, 0.080, 0.020),
)
_CASE_DAYS = ((3, 25), (2, 20), (40, 250), (200, 600), (3, 30), (0, 8))
_CAUSES = ("slow_process", "pricing", "documents", "communication", "system", "collection")

STAGES = ("lead", "qualified", "proposal", "negotiation", "won", "lost")
_WIN = (1_000, 2_500, 5_000, 7_500, 10_000, 0)  # probability in 10^-4
_OPPORTUNITIES = (0.080, 0.020, 0.040, 0.008)
_WON = (0.55, 0.30, 0.45, 0.10)


def _contact_rows(world: World) -> Table:
    """Client, month, number within the month, kind of contact (0 personal, 1 bulk, 2 report)."""
    draws, months = world.draws, world.span.months
    here, grid = world.here(), (world.clients[:, None], months)
    rate = np.asarray(_CONTACTS)[world.relationship]
    count = rate.astype(np.int64) + draws.chance("contact", rate % 1.0, *grid)
    # Around the average, so that quiet and busy months exist.
    count = np.clip(count + draws.choose("contact.more", (1, 3, 1), *grid) - 1, 0, _MOST) * (
        count > 0
    )
    tables = []
    for number in range(_MOST):
        client, place = np.nonzero(here & (count > number))
        tables.append(_contact(world, client, place, number, 0))
    for number, chance in ((8, 0.25), (9, 0.10)):
        hit = here & draws.chance("mailing", chance, *grid, number)
        client, place = np.nonzero(hit)
        tables.append(_contact(world, client, place, number, number - 7))
    return stack(tables)


def _contact(world: World, client: Ints, place: Ints, number: int, kind: int) -> Table:
    n = len(client)
    month = place + world.span.start
    return {
        "client": client,
        "month": month,
        "number": np.full(n, number),
        "kind": np.full(n, kind),
        "relationship": world.relationship[client, place].astype(np.int64),
    }


def interactions(world: World) -> Table:
    draws, rows = world.draws, _contact_rows(world)
    client, month, number, kind = (rows[k] for k in ("client", "month", "number", "kind"))
    key = (client, month, number)
    personal = kind == 0
    channel = draws.choose("channel", (0.25, 0.45, 0.22, 0.05, 0.0, 0.03), *key)
    channel = np.select([personal, kind == 1], [channel, np.full_like(channel, 2)], 4)
    two_way = personal & draws.chance("two_way", pick(_TWO_WAY, rows["relationship"]), *key)
    topic = draws.choose("topic", (0.15, 0.3, 0.3, 0.25), *key)
    topic = np.where(personal, np.where(channel == 3, 5, topic), np.where(kind == 1, 6, 4))
    inbound = two_way & draws.chance("inbound", 0.45, *key)
    day = first_day(month) + draws.integers("contact.day", 0, 27, *key)
    cost = pick(CHANNEL_COST, channel) * draws.integers("contact.cost", 60, 160, *key) // 100
    return {
        "interaction_id": identifier("I", (client, 6), (month, 3), (number, 1)),
        "client_id": crm_id(client),
        "channel": label(CHANNELS, channel),
        "direction": label(("outbound", "inbound"), inbound.astype(np.int64)),
        "is_two_way": two_way.astype(np.int64),
        "is_bulk": (kind == 1).astype(np.int64),
        "topic": label(TOPICS, topic),
        "occurred_at": instant(draws, "contact.at", day, *key),
        "cost_amount": np.where(kind == 1, 20, cost),
        "currency": label(("CNY",), np.zeros(len(client), np.int64)),
    }


def cases(world: World) -> Table:
    draws, now = world.draws, world.span.now
    here, grid = world.here(), (world.clients[:, None], world.span.months)
    found = []
    for turn, rates in enumerate(_CASE_RATES):
        rate = np.asarray(rates)[world.relationship]
        client, place = np.nonzero(here & draws.chance("case", rate, *grid, turn))
        found.append((client, place + world.span.start, np.full(len(client), turn)))
    client, month, kind = (np.concatenate(part) for part in zip(*found, strict=True))
    key = (client, month, kind)
    low, high = np.asarray(_CASE_DAYS)[kind].T
    opened_day = business_day(first_day(month) + draws.integers("case.day", 0, 24, *key))
    opened = instant(draws, "case.at", opened_day, *key)
    first = opened + draws.integers("case.response", 1, 60, *key) * 1800 * SECOND
    resolved = opened + draws.integers("case.length", low, high, *key) * DAY
    resolved = np.maximum(resolved, first) + 3 * 3600 * SECOND
    informed = resolved + draws.integers("case.informed", 0, 6, *key) * DAY
    informed = np.where(draws.chance("case.is_informed", 0.85, *key), informed, NULL)
    again = resolved + draws.integers("case.again", 2, 30, *key) * DAY
    again = np.where(draws.chance("case.is_again", 0.04, *key), again, NULL)
    grave = np.where(np.isin(kind, (2, 3)), 1 + draws.integers("case.grave", 0, 2, *key), 2)
    severity = np.select([kind == 0, kind == 1, kind >= 4], [1, 2 + key[1] % 2, 3], grave)
    lender = (kind == 3) & draws.chance("case.lender", 0.6, *key)
    fairness = (kind <= 1) & draws.chance("case.fairness", 0.08, *key)
    table = {
        "case_id": identifier("S", (client, 6), (month, 3), (kind, 1)),
        "client_id": crm_id(client),
        "kind": label(CASE_KINDS, kind),
        "initiator": label(("client", "lender"), lender.astype(np.int64)),
        "severity": severity,
        "channel": label(CHANNELS, draws.choose("case.channel", (1, 5, 3, 0, 0, 2), *key)),
        "product_family": label(FAMILIES, draws.choose("case.family", (6, 1, 1, 1, 1), *key)),
        "is_fair_treatment": fairness.astype(np.int64),
        "opened_at": opened,
        "first_response_at": hide_after(first, now),
        "resolved_at": hide_after(resolved, now),
        "client_informed_at": hide_after(informed, now),
        "reopened_at": hide_after(again, now),
        "root_cause": label(
            _CAUSES, draws.integers("case.cause", 0, len(_CAUSES), *key), missing=resolved > now
        ),
    }
    return take(table, opened <= now)


def opportunities(world: World) -> Table:
    draws, now = world.draws, world.span.now
    rate = np.asarray(_OPPORTUNITIES)[world.relationship]
    hit = world.here() & draws.chance("deal", rate, world.clients[:, None], world.span.months)
    client, place = np.nonzero(hit)
    month = place + world.span.start
    key = (client, month)
    relationship = world.relationship[client, place].astype(np.int64)
    day = business_day(first_day(month) + draws.integers("deal.day", 0, 24, *key))
    opened = instant(draws, "deal.at", day, *key)
    length = draws.integers("deal.length", 30, 300, *key)
    closed = opened + length * DAY
    is_closed = closed <= now
    won = draws.chance("deal.won", pick(_WON, relationship), *key)
    progress = np.clip((now - opened) // DAY * 4 // length, 0, 3)
    stage = np.where(is_closed, np.where(won, 4, 5), progress)
    # The expected date slips once, half-way.
    slip = draws.integers("deal.slip", 0, 60, *key) * (progress >= 2)
    family = draws.choose("deal.family", (5, 1, 2, 2, 1, 1, 1, 1), *key)
    scale = draws.integers("deal.amount", 5, 90, *key)
    amount = np.maximum(world.revenue[client] * scale // 1000, 1) * 1_000_000
    table = {
        "opportunity_id": identifier("O", (client, 6), (month, 3)),
        "client_id": crm_id(client),
        "product_family": label(FAMILIES, family),
        "stage": label(STAGES, stage),
        "amount": amount,
        "currency": label(CURRENCIES, np.zeros(len(client), np.int64)),
        "win_probability": pick(_WIN, stage),
        "opened_at": opened,
        "expected_close_date": day + length - 20 + slip,
        "closed_at": np.where(is_closed, closed, NULL),
        "is_won": np.where(is_closed, won.astype(np.int64), NULL),
    }
    return take(table, opened <= now)
