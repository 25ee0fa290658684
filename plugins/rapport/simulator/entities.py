"""All entities of one world, in the canonical layout."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa

from rapport.simulator import (
    balances,
    book,
    clients,
    lending,
    loan_tables,
    payments,
    process,
    products,
    projects,
    reference,
    risk,
    service,
    statements,
    surveys,
)
from rapport.simulator import world as latent
from rapport.simulator.draws import Draws
from rapport.simulator.frames import Table, arrow_table, canonical
from rapport.simulator.world import Span, World


def create(count: int, span: Span, seed: int) -> tuple[World, dict[str, pa.Table]]:
    """The latent world and its tables, entity -> rows sorted by key."""
    world = latent.create(count, span, Draws(seed))
    made: dict[str, pa.Table] = {}
    for part in (_relationship_side, _loan_side, _reference):
        # Each table is typed before the next one is made: the raw columns are the larger half.
        made.update((name, arrow_table(name, table())) for name, table in part(world).items())
    return world, {name: made[name] for name in canonical()}


def _relationship_side(world: World) -> dict[str, Callable[[], Table]]:
    return {
        "clients": lambda: clients.clients_table(world),
        "client_matches": lambda: clients.client_matches(world),
        "client_links": lambda: clients.client_links(world),
        "contacts": lambda: clients.contacts(world),
        "interactions": lambda: service.interactions(world),
        "cases": lambda: service.cases(world),
        "opportunities": lambda: service.opportunities(world),
        "survey_invitations": lambda: surveys.survey_invitations(world),
        "survey_answers": lambda: surveys.survey_answers(world),
        "external_debts": lambda: products.external_debts(world),
    }


def _loan_side(world: World) -> dict[str, Callable[[], Table]]:
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
        "loan_clients": lambda: clients.loan_clients(world),
        "applications": lambda: loan_tables.applications_table(world, asked),
        "facilities": lambda: loan_tables.facilities(world, lent),
        "loans": lambda: loan_tables.loans_table(
            world, lent, outcome.closed, outcome.written_off, maturity
        ),
        "loan_terms": lambda: risk.loan_terms(world, life, outcome),
        "instalments": lambda: balances.instalments(world, life),
        "transactions": lambda: payments.transactions(world, life, outcome.cash),
        "loan_balances": lambda: balances.loan_balances(life, months),
        "risk_events": lambda: risk.risk_events(world, life),
        "ratings": lambda: risk.ratings(world),
        "modifications": lambda: risk.modifications(world, life),
        "application_events": lambda: process.application_events(world, asked),
        "financial_statements": lambda: statements.financial_statements(world),
        "covenant_tests": lambda: statements.covenant_tests(world, life),
        "projects": lambda: projects.projects(world, life),
        "project_cashflows": lambda: projects.project_cashflows(world, life),
        "concessions": lambda: products.concessions(world, life),
        "product_holdings": lambda: products.product_holdings(world, lent),
        "product_usage": lambda: products.product_usage(world, lent),
    }


def _reference(world: World) -> dict[str, Callable[[], Table]]:
    return {
        "fx_rates": lambda: reference.fx_rates(world),
        "calendar": lambda: reference.calendar(world),
        "lender_capital": lambda: reference.lender_capital(world),
        "cost_rates": lambda: reference.cost_rates(world),
    }
