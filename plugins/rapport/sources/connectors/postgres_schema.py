"""Columns of a PostgreSQL source, and which of its types fit which of a contract."""

from __future__ import annotations

import re

import psycopg

from rapport.sources.drift import SourceColumn
from rapport.sources.table_contract import Contract

# Exact conversions, made by the source: from -> to. Everything can become text.
_WIDENING = {
    "smallint": {"integer", "bigint", "numeric"},
    "integer": {"bigint", "numeric"},
    "bigint": {"numeric"},
    "real": {"numeric"},
    "double precision": {"numeric"},
    "timestamp without time zone": {"timestamptz"},
    "timestamp with time zone": set(),
    "date": {"timestamp"},
}
_SPELLING = {
    "timestamptz": "timestamp with time zone",
    "timestamp": "timestamp without time zone",
    "time": "time without time zone",
}


_COLUMNS = """
select
  a.attname,
  format_type(a.atttypid, a.atttypmod),
  not a.attnotnull,
  has_schema_privilege(n.oid, 'usage') and has_column_privilege(c.oid, a.attnum, 'select'),
  array(select e.enumlabel::text from pg_enum as e where e.enumtypid = a.atttypid order by 1)
from pg_class as c
join pg_namespace as n on n.oid = c.relnamespace
join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
where n.nspname = %s and c.relname = %s and c.relkind in ('r', 'p', 'v', 'm', 'f')
order by a.attnum
"""


def read_schema(
    connection: psycopg.Connection, contract: Contract
) -> dict[str, dict[str, SourceColumn]]:
    """By table of the contract, the columns its relation has now; none when it does not exist."""
    found = {}
    for name, table in contract.tables.items():
        rows = connection.execute(_COLUMNS, table.relation.split(".", 1)).fetchall()
        found[name] = {
            column: SourceColumn(type_, nullable, bool(readable), tuple(labels))
            for column, type_, nullable, readable, labels in rows
        }
    return found


def base_type(type_: str) -> str:
    """The type without its modifiers, in PostgreSQL's long spelling."""
    base = re.sub(r"\([^)]*\)", "", type_).strip()
    return _SPELLING.get(base, base)


def fits(source: str, wanted: str) -> bool:
    """Whether every value of a source type has an exact form in the contract's type."""
    base, target = base_type(source), base_type(wanted)
    if target == "text":
        return True
    if base == target == "numeric":
        return _numeric_fits(source, wanted)
    return base == target or wanted.split("(")[0] in _WIDENING.get(base, ())


def _numeric_fits(source: str, wanted: str) -> bool:
    have = re.search(r"\((\d+),(\d+)\)", source)
    want = re.search(r"\((\d+),(\d+)\)", wanted)
    if have is None or want is None:
        return True  # unbounded: what does not fit stops the copy with an error
    (p, s), (q, t) = ((int(m[1]), int(m[2])) for m in (have, want))
    return s <= t and p - s <= q - t
