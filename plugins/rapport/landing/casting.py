"""Text from files becomes typed rows here, in the database; what does not fit is refused."""

from __future__ import annotations

from typing import NamedTuple

import psycopg

from rapport.landing.formats import Reading, reading
from rapport.landing.statements import LOCATORS, names, rows, run
from rapport.landing.work_tables import RAW, WORK, locator
from rapport.sources.table_contract import Column, TableContract
from rapport.warehouse.ddl import literal, quoted

DIGEST = "@digest"
"""``from: "@digest"``: a key for rows without one, of the listed values and a running number."""


class _Read(NamedTuple):
    """One column over ``prepared as p``: where its text stands, and its reading."""

    column: Column
    reading: Reading

    @property
    def text(self) -> str:
        return f"p.{quoted(self.column.name)}"

    @property
    def is_valid(self) -> str:
        return f"({self.text} is null or {self.reading.valid.replace('{v}', self.text)})"

    @property
    def complaint(self) -> str:
        formats = self.column.formats
        shape = f" ({' or '.join(formats)})" if formats else ""
        ends = f" cannot be read as {self.column.type}{shape}"
        starts = f"{self.column.name}: "
        return f"{literal(starts)} || quote_literal(left({self.text}, 80)) || {literal(ends)}"

    @property
    def value(self) -> str:
        return self.reading.value.replace("{v}", self.text)


def cast_rows(connection: psycopg.Connection, table: TableContract, time_zone: str) -> int:
    """Move ``raw`` to ``work``; rows with a value that is not of its type go to ``refused``.

    What was plainly of its type is in ``work`` already (``sources.connectors.text_copy``).

    Returns:
        Number of rows moved.
    """
    if not rows(connection, f"select from {RAW} limit 1"):
        return 0
    reads = [
        _Read(c, reading(c, f"r.{quoted(c.name)}", time_zone))
        for c in table.columns
        if c.source != DIGEST
    ]
    _fill_digests(connection, table)
    _prepare(connection, table, reads)
    if _refuse(connection, table, reads):
        run(connection, "delete from prepared as p using unfit as u where p.ctid = u.ref")
    values = {r.column.name: r.value for r in reads}
    selected = ", ".join(values.get(c.name, f"p.{quoted(c.name)}") for c in table.columns)
    locators = ", ".join(LOCATORS)
    return run(
        connection,
        f"insert into {WORK} ({names(table.columns)}, {locators})"
        f" select {selected}, {locators} from prepared as p",
    )


def _prepare(connection: psycopg.Connection, table: TableContract, reads: list[_Read]) -> None:
    texts = {r.column.name: r.reading.text for r in reads}
    columns = ", ".join(
        f"{texts.get(c.name, f'r.{quoted(c.name)}')} as {quoted(c.name)}" for c in table.columns
    )
    run(
        connection,
        f"create temporary table prepared on commit drop as"
        f" select {', '.join(LOCATORS)}, {columns}, r.ctid as _raw from {RAW} as r",
    )


def _refuse(connection: psycopg.Connection, table: TableContract, reads: list[_Read]) -> int:
    """Refuse the rows that do not fit, with raw values; make ``unfit`` (ref). Number of rows."""
    first = " ".join(
        f"when not {r.is_valid} then {literal('type:' + r.column.name)}" for r in reads
    )
    messages = ", ".join(f"case when not {r.is_valid} then {r.complaint} end" for r in reads)
    unfit = run(
        connection,
        "create temporary table unfit on commit drop as"
        f" select p.ctid as ref, case {first} end as rule, concat_ws('; ', {messages}) as message"
        " from prepared as p"
        f" where not ({' and '.join(r.is_valid for r in reads)})",
    )
    if unfit:
        run(
            connection,
            f"insert into refused select u.rule, u.message, {_key(table, reads)},"
            f" {locator('text', 'p')}, {_row(table)}, {_amount(table, reads)},"
            f" {_currency(table, reads)} from prepared as p join unfit as u on u.ref = p.ctid"
            f" join {RAW} as r on r.ctid = p._raw",
        )
    return unfit


def _typed(reads: list[_Read], name: str) -> str:
    """SQL for a column's typed value, NULL where its text does not fit."""
    for r in reads:
        if r.column.name == name:
            return f"case when {r.is_valid} then {r.value} end"
    return f"p.{quoted(name)}"


def _key(table: TableContract, reads: list[_Read]) -> str:
    """The key as jsonb; NULL when a part of it cannot be read, because the row may be any row."""
    fits = " and ".join(r.is_valid for r in reads if r.column.name in table.key) or "true"
    pairs = ", ".join(f"{literal(k)}, {_typed(reads, k)}" for k in table.key)
    return f"case when {fits} then jsonb_build_object({pairs}) end"


def _row(table: TableContract) -> str:
    """What was delivered, to the letter, so that it can be read again under another rule."""
    return f"to_jsonb(r) - array[{', '.join(literal(n) for n in LOCATORS)}]"


def _amount(table: TableContract, reads: list[_Read]) -> str:
    return "null" if table.control_amount is None else _typed(reads, table.control_amount)


def _currency(table: TableContract, reads: list[_Read]) -> str:
    declared = table.control_currency
    if declared is None:
        return "'XXX'"
    if any(c.name == declared for c in table.columns):
        return f"coalesce({_typed(reads, declared)}, 'XXX')"
    return literal(declared)


def _fill_digests(connection: psycopg.Connection, table: TableContract) -> None:
    digest = next((c for c in table.columns if c.source == DIGEST), None)
    if digest is None:
        return
    listed = names(tuple(c for c in table.columns if c.source != DIGEST))
    value = f"encode(sha256(convert_to(row({listed})::text, 'UTF8')), 'hex')"
    run(
        connection,
        f"update {RAW} as r set {quoted(digest.name)} = n.digest || '-' || n.number"
        " from (select ref, digest,"
        " row_number() over (partition by digest order by _file, _line) as number"
        f" from (select ctid as ref, _file, _line, {value} as digest from {RAW}) as d) as n"
        " where r.ctid = n.ref",
    )
