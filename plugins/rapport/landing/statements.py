"""Small pieces of SQL that the landing steps share."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import psycopg

from rapport.sources.table_contract import Column, TableContract
from rapport.warehouse.ddl import literal, quoted

LOCATORS = ("_file", "_line", "_byte_from", "_byte_to")


def run(connection: psycopg.Connection, statement: str) -> int:
    """Execute a statement without parameters (a contract's SQL may hold %); rows affected."""
    return connection.execute(statement.encode()).rowcount


def rows(connection: psycopg.Connection, query: str) -> list[tuple[Any, ...]]:
    return connection.execute(query.encode()).fetchall()


def names(columns: tuple[Column, ...] | tuple[str, ...], alias: str = "") -> str:
    """``a."x", a."y"``"""
    prefix = f"{alias}." if alias else ""
    return ", ".join(prefix + quoted(c if isinstance(c, str) else c.name) for c in columns)


def landing(table: TableContract) -> str:
    return f"landing.{quoted(table.landing_name)}"


def key_json(table: TableContract, alias: str) -> str:
    """The key as jsonb, from typed columns, so that equal keys are equal documents."""
    pairs = ", ".join(f"{literal(k)}, {alias}.{quoted(k)}" for k in table.key)
    return f"jsonb_build_object({pairs})"


def row_json(table: TableContract, alias: str) -> str:
    pairs = [f"{literal(c.name)}, {alias}.{quoted(c.name)}" for c in table.columns]
    # jsonb_build_object takes at most 100 arguments.
    parts = [", ".join(pairs[i : i + 50]) for i in range(0, len(pairs), 50)]
    return " || ".join(f"jsonb_build_object({part})" for part in parts)


def amount(table: TableContract, alias: str) -> str:
    if table.control_amount is None:
        return "null::numeric"
    value = f"{alias}.{quoted(table.control_amount)}"
    # NaN is refused later; until then it must not spoil a sum.
    return f"nullif({value}, 'NaN'::numeric)"


def currency(table: TableContract, alias: str) -> str:
    """The currency of a row's control amount; XXX is ISO 4217 for none."""
    declared = table.control_currency
    if declared is None:
        return "'XXX'"
    if any(c.name == declared for c in table.columns):
        return f"coalesce({alias}.{quoted(declared)}, 'XXX')"
    return literal(declared)


def money(
    connection: psycopg.Connection, table: TableContract, relation: str, where: str = "true"
) -> dict[str, Decimal]:
    """Exact control sums by currency of a relation with the contract's columns."""
    if table.control_amount is None:
        return {}
    found = rows(
        connection,
        f"select {currency(table, 't')}, sum({amount(table, 't')}) from {relation} as t"
        f" where {where} group by 1",
    )
    return {code: total for code, total in found if total is not None}


def refused_money(connection: psycopg.Connection, table: TableContract) -> dict[str, Decimal]:
    """Exact control sums by currency of what is refused so far."""
    if table.control_amount is None:
        return {}
    found = rows(connection, "select currency, sum(amount) from refused group by 1")
    return {code: total for code, total in found if total is not None}


def plus(left: dict[str, Decimal], right: dict[str, Decimal]) -> dict[str, Decimal]:
    return {c: left.get(c, Decimal(0)) + right.get(c, Decimal(0)) for c in {*left, *right}}


def minus(left: dict[str, Decimal], right: dict[str, Decimal]) -> dict[str, Decimal]:
    return plus(left, {code: -total for code, total in right.items()})
