"""From a verdict to a finding: figures a person can read, and the rows that failed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import psycopg
from psycopg.rows import dict_row

from rapport.quality.engine import Verdict
from rapport.quality.model import UNEVALUATED, Expectation, Finding, Suite
from rapport.quality.targets import Scope, Target, quoted

SAMPLE = 10
# Types that say something about a table without rows; the others have nothing to compute from.
_PYTHON_DATE = re.compile(r"datetime\.date\((\d+), (\d+), (\d+)\)")
_MEANINGFUL_WHEN_EMPTY = ("expect_table_", "unexpected_rows", "expect_column_values_")


def finding(
    connection: psycopg.Connection,
    suite: Suite,
    target: Target,
    scope: Scope,
    expectation: Expectation,
    verdict: Verdict,
    rows: int | None,
) -> Finding:
    """Turn one verdict into a finding; failures get a count, sample keys and a query.

    ``rows`` is the number of rows judged, None when the table could not be read at all.
    """
    if rows is None:
        why = verdict.error or "the table cannot be read"
        return Finding(expectation, False, f"{UNEVALUATED}: {why}")
    if rows == 0 and not suite.allow_empty:
        return Finding(expectation, False, "no rows: nothing was checked", None)
    if rows == 0 and not expectation.type.startswith(_MEANINGFUL_WHEN_EMPTY):
        return Finding(expectation, True, "no rows, as allowed")
    if verdict.error is not None:
        return Finding(expectation, False, f"{UNEVALUATED}: {verdict.error}")
    query = _query(suite, target, scope, expectation, verdict)
    if verdict.is_passed:
        return Finding(expectation, True, _observed(verdict), _count(expectation, verdict))
    count = _count(expectation, verdict)
    keys: tuple[Mapping[str, Any], ...] = ()
    if _finds_rows(expectation, verdict):
        count, keys = _sample(connection, suite, expectation, query, count)
    observed = f"found: {count}" if expectation.is_sql else _observed(verdict)
    return Finding(expectation, False, observed, count, keys, query)


def _observed(verdict: Verdict) -> str:
    result = verdict.result
    if "unexpected_count" in result:
        total = result.get("element_count") or 0
        if not total:
            return "no rows, as allowed"
        return f"{result['unexpected_count']} of {total} rows"
    value = result.get("observed_value")
    if value is None:
        return "no value: the column is NULL in every row"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _count(expectation: Expectation, verdict: Verdict) -> int | None:
    if expectation.is_sql:
        return 0 if verdict.is_passed else None
    value = verdict.result.get("unexpected_count")
    return None if value is None else int(value)


def _finds_rows(expectation: Expectation, verdict: Verdict) -> bool:
    return expectation.is_sql or "unexpected_index_query" in verdict.result


def _query(
    suite: Suite, target: Target, scope: Scope, expectation: Expectation, verdict: Verdict
) -> str:
    if expectation.is_sql:
        text = scope.expand(expectation.kwargs["unexpected_rows_query"], suite)
        return _one_line(text.replace("{batch}", target.relation()))
    found = verdict.result.get("unexpected_index_query")
    if isinstance(found, str):
        return _one_line(_restricted(found, target))
    column = expectation.column
    figures = "count(*)"
    if column:
        name = quoted(column)
        figures += f", count({name}), min({name}), max({name})"
    return f"select {figures} from {target.relation()} as judged"


def _restricted(query: str, target: Target) -> str:
    """The library leaves the row condition out of this query; put it back, and make it SQL."""
    # A date stands there as Python writes it.
    query = _PYTHON_DATE.sub(
        lambda found: f"date '{date(*map(int, found.groups())).isoformat()}'", query
    )
    table = rf'FROM\s+"?{re.escape(target.schema)}"?\."?{re.escape(target.table)}"?'
    return re.sub(table, f"FROM {target.relation()} as judged", query, count=1).rstrip("; \n")


def _one_line(text: str) -> str:
    return " ".join(text.split()).rstrip("; ")


def _sample(
    connection: psycopg.Connection,
    suite: Suite,
    expectation: Expectation,
    query: str,
    count: int | None,
) -> tuple[int | None, tuple[Mapping[str, Any], ...]]:
    """Number of failing rows and up to ten of them; never raises, the verdict stands anyway."""
    try:
        with connection.transaction(), connection.cursor(row_factory=dict_row) as cursor:
            if count is None:
                cursor.execute(f"select count(*) as n from ({query}) as failing")
                count = int(cursor.fetchone()["n"])  # type: ignore[index]
            cursor.execute(f"select * from ({query}) as failing limit {SAMPLE}")
            return count, tuple(_shown(row, suite, expectation) for row in cursor)
    except psycopg.Error:
        return count, ()


def _shown(row: Mapping[str, Any], suite: Suite, expectation: Expectation) -> dict[str, Any]:
    """What a rule's own SQL selects; else key, figures and dates: other texts may name a person."""
    return {
        column: str(value) if isinstance(value, Decimal | date | datetime) else value
        for column, value in row.items()
        if expectation.is_sql or column in suite.key or not isinstance(value, str | dict | list)
    }
