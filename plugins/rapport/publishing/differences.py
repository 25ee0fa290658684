"""What differs between two releases, mart by mart."""

from __future__ import annotations

from dataclasses import dataclass

import psycopg
from psycopg import sql

from rapport.errors import RapportError
from rapport.settings import Settings
from rapport.warehouse import dsn


@dataclass(frozen=True)
class MartDifference:
    """Rows of one mart by key: only in the first, only in the second, in both with other content.

    ``changed_columns`` counts changed cells by column, the most first.
    """

    mart: str
    rows_first: int
    rows_second: int
    removed: int
    added: int
    changed: int
    changed_columns: tuple[tuple[str, int], ...]


def diff(settings: Settings, first: int, second: int) -> list[MartDifference]:
    """Compare two stored releases; across dates, keys are compared without as_of_date.

    Raises:
        RapportError: when one of them is not stored (never staged, or pruned).
    """
    with dsn.connect(dsn.role_dsn(settings, "auditor"), application_name="rapport diff") as c:
        stored = {release: _stored_marts(c, release) for release in (first, second)}
        for release, marts in stored.items():
            if not marts:
                raise RapportError(
                    f"Release {release} is not stored.",
                    next_step="See `rapport releases`; pruned and refused ones hold no rows.",
                )
        common = sorted(stored[first].keys() & stored[second].keys())
        return [_mart_difference(c, mart, first, second, stored) for mart in common]


def _stored_marts(connection: psycopg.Connection, release: int) -> dict[str, int]:
    rows = connection.execute(
        "select m.mart, m.row_count from ctl.store_mart as m"
        " join ctl.release as r using (release_id) where release_id = %s and r.status <> 'pruned'",
        [release],
    )
    return dict(rows.fetchall())


def _mart_difference(
    connection: psycopg.Connection,
    mart: str,
    first: int,
    second: int,
    stored: dict[int, dict[str, int]],
) -> MartDifference:
    key, columns = _columns(connection, mart, first, second)
    changed = {
        c: sql.SQL("a.{0} is distinct from b.{0}").format(sql.Identifier(c)) for c in columns
    }
    query = sql.SQL(
        "with a as (select *, true as in_a from store.{mart} where release_id = {first}),"
        " b as (select *, true as in_b from store.{mart} where release_id = {second})"
        " select count(*) filter (where b.in_b is null), count(*) filter (where a.in_a is null),"
        " count(*) filter (where a.in_a and b.in_b and ({any_change})){counts}"
        " from a full join b on {join}"
    ).format(
        mart=sql.Identifier(mart),
        first=sql.Literal(first),
        second=sql.Literal(second),
        any_change=sql.SQL(" or ").join(changed.values()) if changed else sql.SQL("false"),
        counts=sql.SQL("").join(
            sql.SQL(", count(*) filter (where a.in_a and b.in_b and {})").format(test)
            for test in changed.values()
        ),
        join=sql.SQL(" and ").join(
            sql.SQL("a.{0} = b.{0}").format(sql.Identifier(name)) for name in key
        ),
    )
    row = connection.execute(query).fetchone()
    assert row is not None
    cells = sorted(
        ((name, n) for name, n in zip(changed, row[3:], strict=True) if n),
        key=lambda item: -item[1],
    )
    return MartDifference(
        mart, stored[first][mart], stored[second][mart], row[0], row[1], row[2], tuple(cells)
    )


def _columns(
    connection: psycopg.Connection, mart: str, first: int, second: int
) -> tuple[list[str], list[str]]:
    """Key columns to join on and the other columns both code versions have."""
    rows = connection.execute(
        "select m.key_columns, m.column_names, r.as_of_date from ctl.release as r"
        " join ctl.registered_mart as m on m.tree_hash = r.tree_hash and m.mart = %s"
        " where r.release_id in (%s, %s) order by r.release_id = %s desc",
        [mart, first, second, first],
    ).fetchall()
    key: list[str] = list(rows[0][0])
    if len({row[2] for row in rows}) > 1:
        key.remove("as_of_date")
    common = [c for c in rows[0][1] if all(c in row[1] for row in rows)]
    return key, [c for c in common if c not in key and c != "as_of_date"]
