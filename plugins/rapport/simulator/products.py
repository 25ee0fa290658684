"""Product holdings and their use, price concessions, and debts at other banks."""

from __future__ import annotations

import numpy as np

from rapport.simulator.book import DIFFICULTY, Book
from rapport.simulator.clients import crm_id, has_loan_record
from rapport.simulator.dates import (
    NEVER,
    NULL,
    add_months,
    first_day,
    hide_after,
    last_day,
    month_number,
)
from rapport.simulator.draws import pick
from rapport.simulator.frames import Table, identifier, label, stack, take
from rapport.simulator.lending import Loans
from rapport.simulator.service import FAMILIES
from rapport.simulator.world import (
    CORPORATE,
    CURED_DEFAULT,
    CURRENCIES,
    MASTER_SERVANT,
    PROJECT_COMPANY,
    RESCHEDULED,
    SME,
    World,
)

_OTHER = 2  # position of the first family outside lending and project finance
# By relationship: least and most families besides lending, and yearly revenue of one of them in
# millionths of the client's own revenue.
_FAMILIES = ((3, 5), (1, 1), (1, 2), (0, 1))
_REVENUE = (700, 300, 80, 200)
CLASSES = ("NORMAL", "SPECIAL_MENTION", "SUBSTANDARD", "DOUBTFUL", "LOSS")
CONCESSIONS = ("rate", "fee", "covenant_waiver", "policy_exception", "extra_service")


def _holdings(world: World, loans: Loans) -> Table:
    """Client, family, first and last month (``NEVER`` while open), opening day."""
    draws, span, i = world.draws, world.span, world.clients
    here = world.here()
    low, high = np.asarray(_FAMILIES).T
    extra = draws.integers("families.extra", 0, 3, i)[:, None]
    target = np.minimum(low[world.relationship] + extra, high[world.relationship])
    families = len(FAMILIES) - _OTHER
    order = np.argsort([draws.bits("family.order", i, f) for f in range(families)], axis=0)
    tables = []
    for turn in range(families):
        holds = here & (target > turn)
        keep = np.flatnonzero(holds.any(axis=1))
        first = holds[keep].argmax(axis=1)
        after = ~holds[keep] & (np.arange(holds.shape[1]) > first[:, None])
        last = np.where(after.any(axis=1), span.start + after.argmax(axis=1), NEVER)
        begin = first + span.start
        tenure = np.maximum(begin - world.onboarded_month[keep] - 1, 0)
        back = draws.integers("family.back", 0, np.where(first == 0, tenure, 0) + 1, keep, turn)
        day = first_day(begin - back) + draws.integers("family.day", 0, 28, keep, turn)
        tables.append(
            {"client": keep, "family": order[turn][keep] + _OTHER, "day": day, "last": last}
        )
    borrower, index = np.unique(loans.client, return_index=True)
    lending = (world.kind[borrower] == PROJECT_COMPANY).astype(np.int64)
    day = np.minimum.reduceat(loans.disbursed, index) if loans.count else loans.disbursed
    ends = np.full(len(borrower), NEVER)
    tables.append({"client": borrower, "family": lending, "day": day, "last": ends})
    table = stack(tables)
    return take(table, table["day"] <= span.last_day)


def product_holdings(world: World, loans: Loans) -> Table:
    rows = _holdings(world, loans)
    last = rows["last"]
    closed = np.where(last < NEVER, first_day(np.where(last < NEVER, last, 0)) + 9, NULL)
    return {
        "holding_id": identifier("H", (rows["client"], 6), (rows["family"], 1)),
        "client_id": crm_id(rows["client"]),
        "product_family": label(FAMILIES, rows["family"]),
        "opened_date": rows["day"],
        "closed_date": hide_after(closed, world.span.last_day),
    }


def product_usage(world: World, loans: Loans) -> Table:
    """Monthly revenue of holdings outside lending; a few months without any use."""
    draws, span = world.draws, world.span
    rows = _holdings(world, loans)
    rows = take(rows, rows["family"] >= _OTHER)
    months = span.months
    opened = month_number(rows["day"])[:, None]
    live = (months >= opened) & (months < rows["last"][:, None])
    at, place = np.nonzero(live)
    client, family, month = rows["client"][at], rows["family"][at], place + span.start
    key = (client, family, month)
    used = draws.chance("used", 0.93, *key)
    keep = np.flatnonzero(used)
    at, client, family, month = at[keep], client[keep], family[keep], month[keep]
    key = (client, family, month)
    rate = pick(_REVENUE, world.relationship_in(client, month))
    factor = draws.integers("usage", 60, 150, *key)
    # 10,000 CNY a year · millionths · per cent, to cents a month.
    cents = world.revenue[client] * rate * factor // 1_200
    day = first_day(month) + draws.integers("used.day", 0, 28, *key)
    return {
        "holding_id": identifier("H", (client, 6), (family, 1)),
        "month": first_day(month),
        "revenue_amount": cents,
        "currency": label(CURRENCIES, np.zeros(len(client), np.int64)),
        "last_used_date": np.maximum(day, rows["day"][at]),
    }


def concessions(world: World, book: Book) -> Table:
    """Price concessions per loan and year; the master-servant client gets one on every loan."""
    draws, loans, end = world.draws, book.loans, world.span.last_day
    i = np.arange(loans.count)
    life = loans.n * loans.period
    parts = []
    for year in range((world.span.end - world.span.start) // 12 + 1):
        day = add_months(loans.disbursed, 12 * year)
        servant = world.relationship_in(loans.client, month_number(day)) == MASTER_SERVANT
        live = (12 * year < life) & (day < book.stop_day) & (day <= end)
        favour = draws.chance("favour", 0.03, loans.key, year)
        keep = np.flatnonzero(live & (servant | favour))
        left = np.maximum(life[keep] - 12 * year, 1)
        basis = np.where(servant[keep], draws.integers("favour.size", 170, 260, loans.key[keep]), 6)
        cost = loans.principal[keep] // 10_000 * basis * left // life[keep]
        n = len(keep)
        kind = np.where(
            servant[keep], 0, 1 + 3 * draws.integers("favour.kind", 0, 2, loans.key[keep])
        )
        parts.append(
            {"loan": i[keep], "day": day[keep], "kind": kind, "cost": cost,
             "turn": np.full(n, year), "hard": np.zeros(n, np.int64)}
        )  # fmt: skip
    hard = np.flatnonzero((book.change == DIFFICULTY) & (book.changed_day <= end))
    cut = (loans.rate - book.new_rate)[hard]
    parts.append(
        {"loan": hard, "day": book.changed_day[hard], "kind": np.zeros(len(hard), np.int64),
         "cost": loans.principal[hard] // 1_000_000 * cut, "turn": np.full(len(hard), 99),
         "hard": np.ones(len(hard), np.int64)}
    )  # fmt: skip
    rows = stack(parts)
    loan = rows["loan"]
    client, month = loans.client[loan], loans.month[loan]
    return {
        "concession_id": identifier("G", (client, 6), (month, 3), (rows["turn"], 2)),
        "client_id": crm_id(client),
        "loan_id": identifier("loans:LN", (client, 6), (month, 3)),
        "kind": label(CONCESSIONS, rows["kind"]),
        "cost_amount": rows["cost"],
        "currency": label(CURRENCIES, loans.currency[loan]),
        "approved_by": label(
            ("RM", "BRANCH", "REGION", "HEAD_OFFICE", None),
            draws.choose("approved_by", (2, 4, 3, 1, 0.3), loans.key[loan], rows["turn"]),
        ),
        "granted_date": rows["day"],
        "valid_to": add_months(rows["day"], 12),
        "is_financial_difficulty": rows["hard"],
    }


def external_debts(world: World) -> Table:
    """Credit-bureau reports at quarter ends for corporates and SMEs."""
    draws, span = world.draws, world.span
    quarters = span.months[(span.months % 3) == 2]
    asked = np.isin(world.kind, (CORPORATE, SME)) & has_loan_record(world)
    hit = world.here()[:, quarters - span.start] & asked[:, None]
    client, place = np.nonzero(hit)
    month = quarters[place]
    total = world.revenue[client] * draws.integers("bureau", 80, 400, client) // 1000
    total = total * draws.integers("bureau.step", 90, 111, client, month) // 100
    since = month - world.distress_month[client]
    bad = (world.distress[client] >= CURED_DEFAULT) & (since > 3)
    share = np.where(bad, draws.integers("bureau.overdue", 0, 45, client), 0)
    weak = (world.distress[client] >= RESCHEDULED) & (since > 0)
    worst = np.select([bad & (since > 12), bad, weak], [3, 2, 1], 0)
    return {
        "client_id": crm_id(client),
        "as_of": last_day(month),
        "total_debt_amount": total * 1_000_000,
        "overdue_90_amount": total * 10_000 * share,
        "currency": label(CURRENCIES, np.zeros(len(client), np.int64)),
        "worst_class": label(CLASSES, worst),
    }
