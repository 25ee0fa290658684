"""All entities of one world, in the canonical layout."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from rapport.simulator import balances, book, clients, lending, payments, reference, risk
from rapport.simulator import world as latent
from rapport.simulator.draws import Draws
from rapport.simulator.frames import Table, arrow_table, canonical
from rapport.simulator.world import Span, World


def create(count: int, span: Span, seed: int) -> tuple[World, dict[str, pa.Table]]:
    """The latent world and its tables, entity -> rows sorted by key."""
    world = latent.create(count, span, Draws(seed))
    raw = {**_relationship_side(world), **_loan_side(world), **_reference(world, count)}
    return world, {name: arrow_table(name, raw[name]) for name in canonical() if name in raw}


def _relationship_side(world: World) -> dict[str, Table]:
    return {
        "clients": clients.clients_table(world),
        "client_matches": clients.client_matches(world),
        "client_links": clients.client_links(world),
        "contacts": clients.contacts(world),
    }


def _loan_side(world: World) -> dict[str, Table]:
    asked = lending.applications(world)
    lent = lending.loans(world, asked)
    life = book.create(world, lent)
    outcome = payments.create(world, life)
    months = balances.create(world, life, outcome)
    last_row = life.first.start + life.first.size - 1
    last_new = life.effective.start + life.effective.size - 1
    changed = life.changed_day <= world.span.last_day
    maturity = np.where(changed, life.effective.due[last_new], life.first.due[last_row])
    return {
        "loan_clients": clients.loan_clients(world),
        "applications": lending.applications_table(world, asked),
        "facilities": lending.facilities(world, lent),
        "loans": lending.loans_table(world, lent, outcome.closed, outcome.written_off, maturity),
        "loan_terms": risk.loan_terms(world, life, outcome),
        "instalments": balances.instalments(world, life),
        "transactions": payments.transactions(world, life, outcome.cash),
        "loan_balances": balances.loan_balances(life, months),
        "risk_events": risk.risk_events(world, life),
        "ratings": risk.ratings(world),
        "modifications": risk.modifications(world, life),
    }


def _reference(world: World, count: int) -> dict[str, Table]:
    return {
        "fx_rates": reference.fx_rates(world),
        "calendar": reference.calendar(world),
        "lender_capital": reference.lender_capital(world, count),
        "cost_rates": reference.cost_rates(world),
    }
