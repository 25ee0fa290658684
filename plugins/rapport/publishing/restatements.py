"""What later releases of a date changed of what had been published."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from psycopg.rows import class_row

from rapport.settings import Settings
from rapport.warehouse import dsn


@dataclass(frozen=True)
class Restatement:
    """Changed cells of one column, or rows added or removed, by one edition of a date."""

    as_of_date: date
    edition: int
    old_release_id: int
    release_id: int
    mart: str
    change: str
    column_name: str | None
    count: int
    difference: Decimal | None


def summary(settings: Settings, as_of: date | None = None) -> list[Restatement]:
    """Restatements by date, edition, mart and column; ``difference`` is the sum of new - old."""
    query = f"""
        select as_of_date, edition, old_release_id, release_id, mart, change, column_name,
          count(*) as count, sum(difference) as difference
        from mart.restatements where {_FILTER}
        group by 1, 2, 3, 4, 5, 6, 7 order by 1, 2, 5, 6, 7"""
    with (
        dsn.connect(dsn.role_dsn(settings, "auditor")) as connection,
        connection.cursor(row_factory=class_row(Restatement)) as cursor,
    ):
        return cursor.execute(query.encode(), {"as_of": as_of}).fetchall()


def cells(settings: Settings, as_of: date | None = None) -> Iterator[tuple[Any, ...]]:
    """Each change: date, edition, releases, mart, key, change, column, old, new, difference."""
    query = f"""
        select as_of_date, edition, old_release_id, release_id, mart, key_values::text, change,
          column_name, old_value, new_value, difference
        from mart.restatements where {_FILTER}
        order by as_of_date, edition, mart, key_values::text, column_name"""
    with dsn.connect(dsn.role_dsn(settings, "auditor")) as connection:
        yield from connection.cursor("cells").execute(query.encode(), {"as_of": as_of})


_FILTER = "(%(as_of)s::date is null or as_of_date = %(as_of)s)"
