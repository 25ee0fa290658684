"""Clients, contacts, links and the loan system's own client master."""

from __future__ import annotations

import numpy as np

from rapport.simulator.dates import NEVER, NULL, add_months, first_day, hide_after
from rapport.simulator.draws import Bools, Ints, pick
from rapport.simulator.frames import Table, blank, identifier, join, label, take
from rapport.simulator.world import (
    CLIENT_TYPES,
    CORPORATE,
    INDIVIDUAL,
    PROJECT_COMPANY,
    World,
    first_month,
)

INDUSTRIES = ("C26", "C34", "C38", "D44", "E48", "F51", "G54", "H61", "I65", "K70", "M73", "N77")
REGIONS = ("BJ", "SH", "GD", "JS", "ZJ", "SC", "HB", "SD")
_REGION_WORDS = ("北京", "上海", "广东", "江苏", "浙江", "Sichuan", "Hubei", "Shandong")
_WORDS = (
    "恒泰", "华瑞", "中盛", "鼎新", "安达", "金桥", "宏远", "嘉禾", "东方", "长青",
    "Evergreen", "Northstar", "Harmony", "Goldbridge", "Pioneer", "Summit", "Blueriver", "Union",
)  # fmt: skip
_TRADES = (
    "化工", "机械", "电气", "电力", "建设", "商贸",
    "Logistics", "Hotels", "Software", "Property", "Research", "Environment",
)  # fmt: skip
_SUFFIX = ("股份有限公司", "有限公司", "项目有限公司", "个体工商户")


def crm_id(clients: Ints, missing: Bools | None = None) -> object:
    return identifier("C", (clients, 6), missing=missing)


def loan_client_number(clients: Ints) -> Ints:
    """The loan system numbers its clients in its own way (a bijection on seven digits)."""
    return (clients * 7919 + 104_729) % 10_000_000


def loan_client_id(clients: Ints) -> object:
    return identifier("K", (loan_client_number(clients), 7))


def parent(world: World) -> Ints:
    """Position of the parent company, or −1. Parents come earlier, so groups are trees."""
    i = world.clients
    up = i - 1 - world.draws.integers("parent.step", 0, 4, i)
    has = world.draws.chance("parent", 0.16, i) & (up >= 0) & (world.kind != INDIVIDUAL)
    result: Ints = np.where(has & (world.kind[np.maximum(up, 0)] == CORPORATE), up, -1)
    return result


def legal_number(world: World, clients: Ints) -> Ints:
    return world.draws.integers("legal_id", 10**14, 10**15, clients)


def has_loan_record(world: World) -> Bools:
    """Borrowers, and half of those who never borrowed, are known to the loan system."""
    result: Bools = ~world.never_borrows | world.draws.chance("loan_record", 0.5, world.clients)
    return result


def match_kind(world: World) -> Ints:
    """0 by reference, 1 explicit match, 2 by legal id only, 3 not matchable."""
    return world.draws.choose("match", (0.90, 0.05, 0.03, 0.02), world.clients)


def _names(world: World) -> object:
    i, draws = world.clients, world.draws
    renamed = draws.chance("rename", 0.0015, i[:, None], world.span.months[None, :]).sum(axis=1)
    return join(
        label(_REGION_WORDS, world.region),
        label(_WORDS, draws.integers("name", 0, len(_WORDS), i, renamed)),
        label(_TRADES, world.industry),
        label(_SUFFIX, world.kind),
    )


def clients_table(world: World) -> Table:
    i, draws, span = world.clients, world.draws, world.span
    up = parent(world)
    # The relationship manager changes now and then; growth makes last year's revenue.
    moves = draws.chance("rm_move", 0.008, i[:, None], span.months[None, :]).sum(axis=1)
    years = (span.end - span.start + i % 12) // 12
    growth = 100 + draws.integers("growth", -4, 9, i) * years
    # Reviewed every two years on the anniversary, one in ten clients late.
    age = np.maximum(span.end - world.onboarded_month, 0)
    late = draws.integers("kyc.late", 2, 9, i) * draws.chance("kyc.is_late", 0.1, i)
    review = add_months(world.onboarded_day, 24 * (np.maximum(age - late, 0) // 24 + 1))
    closed = np.where(world.closed_month < NEVER, first_day(world.closed_month % NEVER) + 14, NULL)
    return {
        "client_id": crm_id(i),
        "name": _names(world),
        "legal_id": identifier("91", (legal_number(world, i), 15)),
        "client_type": label(CLIENT_TYPES, world.kind),
        "industry_code": label(INDUSTRIES, world.industry),
        "region": label(REGIONS, world.region),
        "parent_client_id": crm_id(np.maximum(up, 0), missing=up < 0),
        "relationship_manager_id": identifier("RM", (draws.integers("rm", 1, 41, i, moves), 3)),
        "onboarded_date": world.onboarded_day,
        "closed_date": hide_after(closed, span.last_day),
        "annual_revenue_amount": world.revenue * growth * 10_000,
        "currency": label(("CNY",), np.zeros(world.n, dtype=np.int64)),
        "kyc_review_due_date": review,
    }


def loan_clients(world: World) -> Table:
    i = world.clients
    how = match_kind(world)
    unknown = world.draws.integers("other_legal_id", 10**14, 10**15, i)
    legal = np.where((how == 0) | (how == 2), legal_number(world, i), unknown)
    table = {
        "client_id": loan_client_id(i),
        "crm_reference": crm_id(i, missing=how != 0),
        "name": _names(world),
        "legal_id": blank(identifier("91", (legal, 15)), how == 1),
        "client_type": label(CLIENT_TYPES, world.kind),
        "industry_code": label(INDUSTRIES, world.industry),
        "region": label(REGIONS, world.region),
        "onboarded_date": world.onboarded_day,
    }
    return take(table, has_loan_record(world))


def client_matches(world: World) -> Table:
    i = world.clients
    keep = np.flatnonzero((match_kind(world) == 1) & has_loan_record(world))
    n = len(keep)
    return {
        "crm_client_id": crm_id(i[keep]),
        "loan_client_id": identifier("loans:K", (loan_client_number(keep), 7)),
        "matched_by": label(("reviewed",), np.zeros(n, dtype=np.int64)),
        "confidence": world.draws.integers("confidence", 9000, 10_001, keep),
        "valid_from": world.onboarded_day[keep],
        "valid_to": np.full(n, NULL),
    }


def client_links(world: World) -> Table:
    """Control, economic dependence, guarantees and sponsors, always towards an earlier client."""
    draws, i = world.draws, world.clients
    chance = np.asarray((0.05, 0.04, 0.03, 0.0))  # control, guarantee, dependence, sponsor
    source, target, kind = [], [], []
    for turn in range(4):
        up = i - 1 - draws.integers("link.step", 0, 30, i, turn)
        hit = draws.chance("link", chance[turn], i, turn) & (world.kind != INDIVIDUAL)
        if turn == 3:
            hit = world.kind == PROJECT_COMPANY
        keep = np.flatnonzero(hit & (up >= 0))
        source.append(up[keep])
        target.append(keep)
        kind.append(np.full(len(keep), turn))
    a, b, code = np.concatenate(source), np.concatenate(target), np.concatenate(kind)
    start = np.maximum(world.onboarded_day[a], world.onboarded_day[b])
    low = pick((300_000, 0, 300_000, 200_000), code)
    high = pick((1_000_001, 1, 950_000, 1_000_001), code)
    share = draws.integers("link.share", low, high, b, code)
    ends = add_months(start, draws.integers("link.ends", 24, 96, b, code))
    ends = np.where(draws.chance("link.ended", 0.1, b, code), ends, NULL)
    table = {
        "from_client_id": crm_id(a),
        "to_client_id": crm_id(b),
        "link_type": label(("control", "guarantee", "economic_dependence", "sponsor"), code),
        "share_ratio": np.where(code == 1, NULL, share),
        "valid_from": start,
        "valid_to": hide_after(ends, world.span.last_day),
    }
    return take(table, start <= world.span.last_day)


def contact_keys(world: World) -> tuple[Ints, Ints]:
    """Client and number of each contact: one to five, fewer for small clients."""
    most = pick((6, 4, 4, 2), world.kind)
    count = world.draws.integers("contacts", pick((2, 1, 1, 1), world.kind), most, world.clients)
    client = np.repeat(world.clients, count)
    number = np.arange(len(client)) - np.repeat(np.cumsum(count) - count, count)
    return client, number


def contact_ref(clients: Ints, numbers: Ints, missing: Bools | None = None) -> object:
    return identifier("P", (clients, 6), (numbers, 1), missing=missing)


def has_consent(world: World, clients: Ints, numbers: Ints) -> Bools:
    return world.draws.chance("consent", 0.88, clients, numbers)


def left_month(world: World, clients: Ints, numbers: Ints) -> Ints:
    """When a contact person left; the first one of a client stays."""
    gone = world.draws.chance(
        "left", 0.006, clients[:, None], numbers[:, None], world.span.months[None, :]
    )
    return first_month(gone & (numbers > 0)[:, None], world.span)


def contacts(world: World) -> Table:
    client, number = contact_keys(world)
    start = world.onboarded_day[client]
    role = np.where(number == 0, 0, world.draws.integers("role", 0, 4, client, number))
    left = left_month(world, client, number)
    end = np.where(left < NEVER, first_day(np.where(left < NEVER, left, 0)) + 13, NULL)
    return {
        "contact_ref": contact_ref(client, number),
        "client_id": crm_id(client),
        "role": label(("finance_director", "treasurer", "accountant", "managing_director"), role),
        "is_decision_maker": (role % 3 == 0).astype(np.int64),
        "survey_consent": has_consent(world, client, number).astype(np.int64),
        "valid_from": start,
        "valid_to": hide_after(end, world.span.last_day),
    }
