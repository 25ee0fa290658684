"""A first load that is clean streams straight into history: nothing is written twice."""

from __future__ import annotations

import psycopg

from rapport.landing.reports import TableCounts
from rapport.landing.row_rules import rules_of
from rapport.landing.statements import amount, currency, landing, rows
from rapport.sources.connectors import Delivery, NotPlain, Snapshot, Target
from rapport.sources.table_contract import TableContract


def land_first(
    connection: psycopg.Connection, table: TableContract, snapshot: Snapshot, batch: int
) -> tuple[TableCounts, Delivery] | None:
    """Copy into an empty history and judge the rows there; call it in the table's transaction.

    Returns:
        The counts and what was delivered, or None with nothing written: the table has a history, or
        a row cannot be read plainly, repeats a key or breaks a rule. Then the work table sorts
        it out.
    """
    if rows(connection, f"select from {landing(table)} limit 1"):
        return None
    broken = " or ".join(rule.breaks for rule in rules_of(table))
    try:
        with connection.transaction():
            target = Target(landing(table), {"_from_batch": batch})
            delivery = snapshot.copy(table, connection, target)
            read = delivery.rows
            # One scan for both: the rules, and the control sums by currency.
            found = rows(
                connection,
                f"select {currency(table, 'w')}, sum({amount(table, 'w')}), bool_or({broken})"
                f" from {landing(table)} as w group by 1",
            )
            if any(is_broken for _, _, is_broken in found):
                raise NotPlain
            sums = {code: total for code, total, _ in found if total is not None}
    except (psycopg.errors.UniqueViolation, NotPlain):
        return None
    moved = {"read": sums, "landed": sums} if table.control_amount else {}
    return TableCounts(table=table.name, read=read, landed=read, money=moved), delivery
