"""Project companies: the project and its half-yearly cash-flow forecasts."""

from __future__ import annotations

import numpy as np

from rapport.simulator.book import Book
from rapport.simulator.clients import crm_id, loan_client_id
from rapport.simulator.dates import NULL, add_months, last_day, month_number
from rapport.simulator.draws import Ints
from rapport.simulator.frames import Table, identifier, label, stack, take
from rapport.simulator.world import CURRENCIES, MILD, PROJECT_COMPANY, World

PHASES = ("construction", "operation")
SCENARIOS = ("base", "downside")
_YEARS = 12


def _first_loans(world: World, book: Book) -> Ints:
    """Position of the first loan of each project company that has one."""
    client, index = np.unique(book.loans.client, return_index=True)
    keep: Ints = index[world.kind[client] == PROJECT_COMPANY]
    return keep


def _completion(world: World, client: Ints, start: Ints) -> Ints:
    return add_months(start, 12 + world.draws.integers("construction", 0, 18, client))


def projects(world: World, book: Book) -> Table:
    first = _first_loans(world, book)
    client, start = book.loans.client[first], book.loans.disbursed[first]
    done = _completion(world, client, start)
    sponsor = np.maximum(client - 1 - world.draws.integers("sponsor", 0, 30, client), 0)
    return {
        "project_id": identifier("PJ", (client, 6)),
        "client_id": loan_client_id(client),
        "sponsor": crm_id(sponsor),
        "phase": label(PHASES, (done <= world.span.last_day).astype(np.int64)),
        "start_date": start,
        "completion_date": done,
        "end_date": add_months(start, 240),
    }


def project_cashflows(world: World, book: Book) -> Table:
    """Each June and December, for the twelve calendar years from then on, two scenarios."""
    span = world.span
    first = _first_loans(world, book)
    halves = span.months[span.months % 6 == 5]
    at, place = np.nonzero(last_day(halves)[None, :] > book.loans.disbursed[first][:, None])
    parts = [
        _forecast(world, book, first[at], halves[place], scenario, year)
        for scenario in range(2)
        for year in range(_YEARS)
    ]
    table = stack(parts)
    return take(table, table["cash_available_amount"] != NULL)


def _forecast(world: World, book: Book, loan: Ints, month: Ints, scenario: int, year: int) -> Table:
    """The year'th calendar year after the forecast. Debt runs down evenly after construction."""
    draws, loans = world.draws, book.loans
    client, principal, rate = loans.client[loan], loans.principal[loan], loans.rate[loan]
    period_end = last_day((month // 12 + year) * 12 + 11)
    life = loans.n[loan] * 3
    passed = month_number(period_end) - month_number(loans.disbursed[loan])
    before = np.clip(life - np.maximum(passed - 12, 0), 0, life)
    after = np.clip(life - passed, 0, life)
    opening = principal // life * before
    service = opening - principal // life * after + opening // 1_000_000 * rate
    hurt = (world.distress[client] > MILD) & (month >= world.distress_month[client])
    cover = np.where(
        hurt, draws.integers("dscr.low", 60, 105, client), draws.integers("dscr", 118, 190, client)
    )
    cover = cover + draws.integers("dscr.year", -6, 7, client, month, year)
    cover = cover * (100 - 18 * scenario) // 100
    completed = month_number(_completion(world, client, loans.disbursed[loan]))
    building = month_number(period_end) < completed
    cash = np.where(building, 0, service // 100 * cover)
    return {
        "project_id": identifier("PJ", (client, 6)),
        "scenario": label(SCENARIOS, np.full(len(loan), scenario)),
        "forecast_date": last_day(month),
        "period_end": period_end,
        "cash_available_amount": np.where(service > 0, cash, NULL),
        "debt_service_amount": service,
        "debt_outstanding_amount": opening,
        "debt_rate": rate * 100,
        "currency": label(CURRENCIES, loans.currency[loan]),
    }
