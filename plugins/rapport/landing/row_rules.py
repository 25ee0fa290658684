"""Rules over the typed rows of a read: what breaks one leaves ``work`` for the quarantine."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

import psycopg

from rapport.landing.statements import (
    amount,
    currency,
    key_json,
    names,
    plus,
    row_json,
    rows,
    run,
)
from rapport.landing.work_tables import locator
from rapport.sources.connectors import Delivers
from rapport.sources.table_contract import TableContract
from rapport.warehouse.ddl import literal, quoted

_INFINITE = ("date", "timestamp", "timestamptz")


class Rule(NamedTuple):
    """A row rule: SQL that is true for a row that breaks it, and SQL for the message."""

    name: str
    breaks: str
    message: str


class Dropped(NamedTuple):
    """Rows left out because another row of the same read stands for them."""

    number: int
    money: dict[str, Decimal]


def rules_of(table: TableContract) -> list[Rule]:
    """All row rules of a table, in the order in which the first broken one names the row."""
    rules = [
        Rule("key_is_null", f"w.{quoted(k)} is null", literal(f"key column {k} is empty"))
        for k in table.key
    ]
    for column in table.columns:
        name = quoted(column.name)
        if column.required and column.name not in table.key:
            message = literal(f"{column.name} is required and empty")
            rules.append(Rule(f"required:{column.name}", f"w.{name} is null", message))
        if column.type.startswith("numeric"):
            message = literal(f"{column.name} is not a number (NaN)")
            rules.append(Rule(f"finite:{column.name}", f"w.{name} = 'NaN'::numeric", message))
        elif column.type in _INFINITE:
            message = literal(f"{column.name} is infinite")
            rules.append(Rule(f"finite:{column.name}", f"not isfinite(w.{name})", message))
    for column_name, values in table.allowed.items():
        shown = f"{column_name} is not one of {', '.join(values)}: "
        listed = ", ".join(literal(v) for v in values)
        text = f"w.{quoted(column_name)}::text"
        message = f"{literal(shown)} || left({text}, 80)"
        rules.append(Rule(f"allowed:{column_name}", f"{text} not in ({listed})", message))
    for check, condition in table.checks.items():
        message = literal(f"check {check} is false: {condition}")
        rules.append(Rule(f"check:{check}", f"({condition}) is false", message))
    return rules


def flag_broken_rows(connection: psycopg.Connection, table: TableContract) -> None:
    """Make ``flagged`` (ref, rule, message) in one scan over ``work``."""
    rules = rules_of(table)
    first = " ".join(f"when {r.breaks} then {literal(r.name)}" for r in rules)
    messages = ", ".join(f"case when {r.breaks} then {r.message} end" for r in rules)
    run(
        connection,
        f"create temporary table flagged on commit drop as select w.ctid as ref,"
        f" case {first} end as rule, concat_ws('; ', {messages}) as message"
        f" from work as w where {' or '.join(r.breaks for r in rules)}",
    )


def settle_repeated_keys(
    connection: psycopg.Connection, table: TableContract
) -> tuple[Dropped, Dropped]:
    """Deal with keys that come more than once: (deduplicated, superseded) rows leave ``work``.

    Equal rows count once. Different rows of one key are all flagged, unless the contract names a
    column that orders them: then the newest stands and the others are superseded.
    """
    nothing = Dropped(0, {})
    if not _find_repeated(connection, table):
        return nothing, nothing
    superseded = nothing
    if table.order_by is not None:
        column = quoted(table.order_by)
        superseded = _drop(
            connection,
            table,
            f"select w.ctid from work as w join repeated as r on {_same_key(table, 'r')}"
            f" where w.{column} is distinct from r.newest",
        )
    payload = f"row({names(table.columns, 'w')})"
    key = names(table.key, "w")
    run(
        connection,
        "create temporary table groups on commit drop as"
        f" select {key}, count(distinct {payload}) as payloads, min(w.ctid) as kept"
        f" from work as w join repeated as r on {_same_key(table, 'r')} group by {key}",
    )
    run(
        connection,
        "insert into flagged select w.ctid, 'conflicting_key',"
        " 'the same key comes with different values in one read'"
        f" from work as w join groups as g on {_same_key(table, 'g')} where g.payloads > 1"
        " and not exists (select from flagged as f where f.ref = w.ctid)",
    )
    deduplicated = _drop(
        connection,
        table,
        f"select w.ctid from work as w join groups as g on {_same_key(table, 'g')}"
        " where g.payloads = 1 and w.ctid <> g.kept"
        " and not exists (select from flagged as f where f.ref = w.ctid)",
    )
    return deduplicated, superseded


def refuse_flagged(connection: psycopg.Connection, table: TableContract, delivers: Delivers) -> int:
    """Move the flagged rows from ``work`` to ``refused``; number of rows."""
    return run(
        connection,
        "with gone as (delete from work as w using flagged as f where w.ctid = f.ref"
        " returning w.*, f.rule as _rule, f.message as _message)"
        f" insert into refused select g._rule, g._message, {key_json(table, 'g')},"
        f" {locator(delivers, 'g')}, {row_json(table, 'g')},"
        f" {amount(table, 'g')}, {currency(table, 'g')} from gone as g",
    )


def _find_repeated(connection: psycopg.Connection, table: TableContract) -> int:
    newest = f", max({quoted(table.order_by)}) as newest" if table.order_by else ""
    present = " and ".join(f"{quoted(k)} is not null" for k in table.key)
    return run(
        connection,
        f"create temporary table repeated on commit drop as select {names(table.key)}{newest}"
        f" from work where {present} group by {names(table.key)} having count(*) > 1",
    )


def _same_key(table: TableContract, alias: str) -> str:
    return " and ".join(f"w.{quoted(k)} = {alias}.{quoted(k)}" for k in table.key)


def _drop(connection: psycopg.Connection, table: TableContract, refs: str) -> Dropped:
    found = rows(
        connection,
        f"with gone as (delete from work as w where w.ctid in ({refs})"
        f" returning {currency(table, 'w')} as code, {amount(table, 'w')} as total)"
        " select code, count(*), sum(total) from gone group by code",
    )
    count = 0
    money: dict[str, Decimal] = {}
    for code, number, total in found:
        count += number
        if table.control_amount is not None and total is not None:
            money = plus(money, {code: total})
    return Dropped(count, money)
