"""A first load from a database streams straight into history: nothing is written twice."""

from __future__ import annotations

import psycopg

from rapport.landing.reports import TableCounts
from rapport.landing.row_rules import rules_of
from rapport.landing.statements import landing, money, rows
from rapport.sources.connectors import Snapshot, Target
from rapport.sources.table_contract import TableContract


class _NotClean(Exception):
    """Some rows need the work table: the attempt is rolled back."""


def land_first(
    connection: psycopg.Connection, table: TableContract, snapshot: Snapshot, batch: int
) -> TableCounts | None:
    """Copy into an empty history and judge the rows there; call it in the table's transaction.

    Returns:
        The counts, or None with nothing written: the table has a history, the source delivers
        text, or a row repeats a key or breaks a rule. Then the work table sorts it out.
    """
    if snapshot.delivers != "typed" or rows(connection, f"select from {landing(table)} limit 1"):
        return None
    broken = " or ".join(rule.breaks for rule in rules_of(table))
    try:
        with connection.transaction():
            target = Target(landing(table), {"_from_batch": batch})
            read = snapshot.copy(table, connection, target).rows
            if rows(connection, f"select from {landing(table)} as w where {broken} limit 1"):
                raise _NotClean
            sums = money(connection, table, landing(table))
    except (psycopg.errors.UniqueViolation, _NotClean):
        return None
    moved = {"read": sums, "landed": sums} if table.control_amount else {}
    return TableCounts(table=table.name, read=read, landed=read, money=moved)
