"""What changed in each mart since an earlier release: keys added, removed, with other values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

_Cursor = psycopg.Cursor[dict[str, Any]]

# The last published release of the same date; else the one of the nearest earlier date.
_BASE = """
select r.release_id, r.as_of_date, r.as_of_date = %(as_of)s as is_same_date
from ctl.release as r
where r.release_id <> %(release)s and r.as_of_date <= %(as_of)s
  and (r.as_of_date < %(as_of)s or r.release_id < %(release)s)
  and exists (select from ctl.edition as e where e.release_id = r.release_id)
  and exists (select from ctl.store_mart as s where s.release_id = r.release_id)
order by r.as_of_date desc, r.release_id desc limit 1
"""


@dataclass(frozen=True)
class MartChange:
    """Row counts before and after; ``added``… are None where a mart has no key to compare by."""

    mart: str
    rows_before: int | None
    rows_after: int
    is_identical: bool
    added: int | None = None
    removed: int | None = None
    changed: int | None = None


def comparison_base(cursor: _Cursor, release: Mapping[str, Any]) -> dict[str, Any] | None:
    """The release to compare with, or None when this is the first."""
    values = {"release": release["release_id"], "as_of": release["as_of_date"]}
    return cursor.execute(_BASE.encode(), values).fetchone()


def compare(
    cursor: _Cursor, release: Mapping[str, Any], base: Mapping[str, Any], mart: Mapping[str, Any]
) -> MartChange:
    """Compare one stored mart with the same mart of ``base``."""
    name, after = mart["mart"], mart["row_count"]
    before = cursor.execute(
        b"select row_count, content_hash from ctl.store_mart where release_id = %s and mart = %s",
        [base["release_id"], name],
    ).fetchone()
    if before is None:
        return MartChange(name, None, after, False, added=after)
    if before["content_hash"] == mart["content_hash"]:
        return MartChange(name, before["row_count"], after, True, 0, 0, 0)
    counted = _count(cursor, release, base["release_id"], name)
    return MartChange(name, before["row_count"], after, False, *counted)


def _count(
    cursor: _Cursor, release: Mapping[str, Any], base_id: int, mart: str
) -> tuple[int | None, int | None, int | None]:
    registered = cursor.execute(
        b"select column_names, key_columns from ctl.registered_mart"
        b" where tree_hash = %s and mart = %s",
        [release["tree_hash"], mart],
    ).fetchone()
    # The date differs between two month-ends and says nothing about the client.
    key = [c for c in registered["key_columns"] if c != "as_of_date"] if registered else []
    if registered is None or not key:
        return None, None, None
    values = [c for c in registered["column_names"] if c not in ("as_of_date", *key)]
    query = sql.SQL(
        "with a as (select true as is_there, t.* from store.{mart} as t where release_id = {new}),"
        " b as (select true as is_there, t.* from store.{mart} as t where release_id = {old})"
        " select count(*) filter (where b.is_there is null) as added,"
        " count(*) filter (where a.is_there is null) as removed,"
        " count(*) filter (where a.is_there and b.is_there"
        " and row({mine}) is distinct from row({theirs})) as changed"
        " from a full join b on {same}"
    ).format(
        mart=sql.Identifier(mart),
        new=sql.Literal(release["release_id"]),
        old=sql.Literal(base_id),
        mine=_listed("a", values),
        theirs=_listed("b", values),
        same=sql.SQL(" and ").join(
            sql.SQL("a.{c} = b.{c}").format(c=sql.Identifier(c)) for c in key
        ),
    )
    row = cursor.execute(query).fetchone()
    return (row["added"], row["removed"], row["changed"]) if row else (None, None, None)


def _listed(alias: str, columns: list[str]) -> sql.Composable:
    return sql.SQL(", ").join(sql.Identifier(alias, c) for c in columns)
