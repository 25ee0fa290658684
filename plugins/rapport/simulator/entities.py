"""All entities of one world, in the canonical layout."""

from __future__ import annotations

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
    raw = {**_relationship_side(world), **_loan_side(world), **_reference(world, count)}
    return world, {name: arrow_table(name, raw.pop(name)) for name in canonical()}


def _relationship_side(world: World) -> dict[str, Table]:
    return {
        "clients": clients.clients_table(world),
        "client_matches": clients.client_matches(world),
        "client_links": clients.client_links(world),
        "contacts": clients.contacts(world),
        "interactions": service.interactions(world),
        "cases": service.cases(world),
        "opportunities": service.opportunities(world),
        "survey_invitations": surveys.survey_invitations(world),
        "survey_answers": surveys.survey_answers(world),
        "external_debts": products.external_debts(world),
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
        "applications": loan_tables.applications_table(world, asked),
        "facilities": loan_tables.facilities(world, lent),
        "loans": loan_tables.loans_table(
            world, lent, outcome.closed, outcome.written_off, maturity
        ),
        "loan_terms": risk.loan_terms(world, life, outcome),
        "instalments": balances.instalments(world, life),
        "transactions": payments.transactions(world, life, outcome.cash),
        "loan_balances": balances.loan_balances(life, months),
        "risk_events": risk.risk_events(world, life),
        "ratings": risk.ratings(world),
        "modifications": risk.modifications(world, life),
        "application_events": process.application_events(world, asked),
        "financial_statements": statements.financial_statements(world),
        "covenant_tests": statements.covenant_tests(world, life),
        "projects": projects.projects(world, life),
        "project_cashflows": projects.project_cashflows(world, life),
        "concessions": products.concessions(world, life),
        "product_holdings": products.product_holdings(world, lent),
        "product_usage": products.product_usage(world, lent),
    }


def _reference(world: World, count: int) -> dict[str, Table]:
    return {
        "fx_rates": reference.fx_rates(world),
        "calendar": reference.calendar(world),
        "lender_capital": reference.lender_capital(world, count),
        "cost_rates": reference.cost_rates(world),
    }
