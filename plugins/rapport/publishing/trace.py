"""What stands behind one published row: models, landed tables, batches, files, gates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import class_row, dict_row

from rapport.errors import RapportError
from rapport.settings import Settings
from rapport.warehouse import dsn


@dataclass(frozen=True)
class File:
    """A file that a batch was read from."""

    batch_seq: int
    path: str
    sha256: str
    row_count: int


@dataclass(frozen=True)
class Input:
    """A landed table: ``batches`` (number, rows) brought what the release sees of it.

    ``narrowed_by`` is the column by which only the rows of this client, loan … are counted; None:
    the table has no such column, and all its rows count.
    """

    table: str
    ceiling: int
    narrowed_by: str | None
    batches: tuple[tuple[int, int], ...]
    files: tuple[File, ...]


@dataclass(frozen=True)
class Gate:
    """The latest run of a suite: how many rules, how many failed, how many were let through."""

    stage: str
    object: str
    suite: str
    batch_seq: int | None
    rules: int
    failed: int
    waived: int


@dataclass(frozen=True)
class Trace:
    """One row of a mart and all that stands behind it."""

    mart: str
    release_id: int
    as_of_date: date
    tree_hash: str
    row: dict[str, Any]
    models: tuple[dict[str, Any], ...]
    seeds: tuple[str, ...]
    inputs: tuple[Input, ...]
    gates: tuple[Gate, ...]


def trace(
    settings: Settings,
    mart: str,
    key: Sequence[str],
    *,
    as_of: date | None = None,
    release: int | None = None,
) -> Trace:
    """Follow one row of a mart back.

    Args:
        key: values of the mart's key columns in their order, without as_of_date.
        as_of: a published date (default: the newest).
        release: a stored release instead of the one readers of the date see.

    Raises:
        RapportError: when there is no such mart, release or row.
    """
    with dsn.connect(dsn.role_dsn(settings, "auditor"), application_name="rapport trace") as c:
        found = _release(c, as_of, release)
        registered = c.execute(
            "select key_columns, lineage from ctl.registered_mart"
            " where tree_hash = %s and mart = %s",
            [found["tree_hash"], mart],
        ).fetchone()
        if registered is None:
            raise RapportError(f"Release {found['release_id']} has no mart {mart!r}.")
        row = _row(c, mart, registered[0], key, found["release_id"])
        lineage = registered[1]
        inputs = tuple(_inputs(c, lineage.get("sources", []), found["release_id"], row))
        return Trace(
            mart,
            found["release_id"],
            found["as_of_date"],
            found["tree_hash"],
            row,
            tuple(lineage.get("models", [])),
            tuple(lineage.get("seeds", [])),
            inputs,
            tuple(_gates(c, found["release_id"], lineage, inputs)),
        )


def _release(
    connection: psycopg.Connection, as_of: date | None, release: int | None
) -> dict[str, Any]:
    query = """
        select r.release_id, r.as_of_date, r.tree_hash from ctl.release as r
        where case when %(release)s::bigint is not null then r.release_id = %(release)s
          else r.release_id in (
            select v.release_id from ctl.visible as v
            where v.as_of_date = %(as_of)s or %(as_of)s::date is null
          ) end
        order by r.as_of_date desc limit 1"""
    with connection.cursor(row_factory=dict_row) as cursor:
        found = cursor.execute(query.encode(), {"release": release, "as_of": as_of}).fetchone()
    if found is None:
        raise RapportError("There is no such release.", next_step="See `rapport releases`.")
    return found


def _row(
    connection: psycopg.Connection, mart: str, keys: list[str], key: Sequence[str], release: int
) -> dict[str, Any]:
    wanted = [name for name in keys if name != "as_of_date"]
    if len(key) != len(wanted):
        raise RapportError(
            f"The key of {mart} is {', '.join(wanted)}.", next_step="Give one value for each."
        )
    query = sql.SQL("select * from store.{} where release_id = %s and {}").format(
        sql.Identifier(mart),
        sql.SQL(" and ").join(
            sql.SQL("{}::text = %s").format(sql.Identifier(name)) for name in wanted
        ),
    )
    with connection.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(query, [release, *key]).fetchone()
    if row is None:
        raise RapportError(
            f"Release {release} has no row {', '.join(key)} in {mart}.",
            next_step="Keys are written `<source>:<native key>`; a pruned release holds no rows.",
        )
    return row


def _inputs(
    connection: psycopg.Connection,
    tables: Sequence[str],
    release: int,
    row: dict[str, Any],
) -> list[Input]:
    ceilings: dict[str, int] = dict(
        connection.execute(
            "select source, batch_seq from ctl.release_input where release_id = %s", [release]
        ).fetchall()
    )
    found = []
    for name in tables:
        source, _, table = name.partition(".")
        if not ceilings.get(source):
            continue
        native = {
            column: value.removeprefix(f"{source}:")
            for column, value in row.items()
            if isinstance(value, str) and value.startswith(f"{source}:")
        }
        rows = connection.execute(
            "select batch_seq, row_count, narrowed_by from ctl.trace_batches(%s, %s, %s, %s, %s)",
            [release, source, table, list(native), list(native.values())],
        ).fetchall()
        batches = tuple((batch, count) for batch, count, _ in rows)
        files = _files(connection, table, [batch for batch, _ in batches])
        narrowed = rows[0][2] if rows else None
        found.append(Input(name, ceilings[source], narrowed, batches, files))
    return found


def _files(connection: psycopg.Connection, table: str, batches: list[int]) -> tuple[File, ...]:
    with connection.cursor(row_factory=class_row(File)) as cursor:
        return tuple(
            cursor.execute(
                "select batch_seq, path, sha256, row_count from ctl.input_file"
                " where table_name = %s and batch_seq = any(%s) order by 1, 2",
                [table, batches],
            )
        )


_GATES = """
    select v.stage, v.object, v.suite, v.batch_seq, v.run_count as rules,
      (select count(*) from ctl.failure as f
       where f.validation_id = v.validation_id) as failed,
      (select count(*) from ctl.applied_override as a
       where a.validation_id = v.validation_id) as waived
    from ctl.validation as v
    where (
      v.release_id = %(release)s and v.object = any(%(objects)s)
      or v.batch_seq = any(%(batches)s) and v.object = any(%(landed)s)
    ) and not exists (
      select from ctl.validation as l
      where l.stage = v.stage and l.suite = v.suite and l.object = v.object
        and l.batch_seq is not distinct from v.batch_seq
        and l.release_id is not distinct from v.release_id and l.validation_id > v.validation_id
    )
    order by array_position(array['landing', 'staging', 'marts'], v.stage), 2, 4, 3"""


def _gates(
    connection: psycopg.Connection, release: int, lineage: dict[str, Any], inputs: Sequence[Input]
) -> list[Gate]:
    landed = {item.table.replace(".", "__", 1) for item in inputs}
    landed |= {item.table.partition(".")[0] for item in inputs}
    values = {
        "release": release,
        "objects": [model["name"] for model in lineage.get("models", [])] + ["release_input"],
        "batches": sorted({batch for item in inputs for batch, _ in item.batches}),
        "landed": sorted(landed),
    }
    with connection.cursor(row_factory=class_row(Gate)) as cursor:
        return cursor.execute(_GATES.encode(), values).fetchall()
