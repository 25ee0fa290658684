"""What extraction has on record, for the commands: watermarks, drift, quarantine, approvals."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from rapport.errors import RapportError
from rapport.settings import Settings
from rapport.warehouse import dsn

Record = dict[str, Any]
_WATERMARK = """
select
  w.source || '.' || w.table_name as table_name, w.low, w.full_read_at, w.compared_at, w.batch_seq,
  (
    select string_agg(distinct a.message, '; ') from ctl.source_alert as a
    where a.batch_seq = w.batch_seq and starts_with(a.message, w.source || '.' || w.table_name)
  ) as alerts
from ctl.current_watermark as w
where w.source = %s and (%s::text is null or w.table_name = %s) order by 1
"""
_DRIFT = """
select d.source || '.' || d.table_name as table_name, d.kind, d.message, d.mode, d.is_stopping,
  d.batch_seq, d.seen_at
from ctl.drift as d where %s::text is null or d.source = %s order by d.drift_id desc limit %s
"""
_QUARANTINE_TABLES = """
select s.source, t.name as table_name
from ctl.source as s cross join unnest(s.table_names) as t (name)
where (%s::text is null or s.source = %s) and (%s::text is null or t.name = %s)
  and to_regclass(format('quarantine.%%I', s.source || '__' || t.name)) is not null
order by 1, 2
"""


def split_name(name: str) -> tuple[str, str]:
    """``source.table`` -> both.

    Raises:
        RapportError: when the name has another form.
    """
    source, point, table = name.partition(".")
    if not (source and point and table):
        raise RapportError(f"{name!r} is no table.", next_step="Write it as SOURCE.TABLE.")
    return source, table


def watermarks(settings: Settings, source: str, table: str | None = None) -> list[Record]:
    """Watermarks in force, with the alerts of their batch."""
    return _fetch(settings, "auditor", _WATERMARK, [source, table, table])


def reset_watermark(settings: Settings, name: str, *, actor: str, reason: str) -> None:
    """Forget the watermark of a table, so that its next read is a full one.

    Raises:
        RapportError: when the table has none.
    """
    query = "select ctl.reset_watermark(%s, %s, %s, %s) as number"
    (found,) = _fetch(settings, "loader", query, [*split_name(name), actor, reason])
    if not found["number"]:
        raise RapportError(
            f"{name} has no watermark.",
            next_step="Only tables with cursor_safety open_transactions or overlap have one.",
        )


def drift(settings: Settings, source: str | None = None, limit: int = 50) -> list[Record]:
    """Recorded changes of source tables, newest first."""
    return _fetch(settings, "auditor", _DRIFT, [source, source, limit])


def approve(
    settings: Settings, name: str, *, kind: str, actor: str, reason: str, until: datetime
) -> int:
    """Let the guard of a table pass once; number of the approval.

    Raises:
        RapportError: when there is no such table, no reason, or the time has passed.
    """
    query = "select ctl.approve(%s, %s, %s, %s, %s, %s) as number"
    values = [*split_name(name), kind, actor, reason, until]
    try:
        (made,) = _fetch(settings, "publisher", query, values)
    except psycopg.errors.CheckViolation as error:
        raise RapportError(
            "The approval is not recorded: a reason, a name, a known kind and a time to come are"
            " needed.",
            next_step="Kinds: mass_delete, small_extract, drift.",
        ) from error
    except psycopg.errors.NoDataFound as error:
        raise RapportError(
            f"There is no table {name}.", next_step="See `rapport doctor`."
        ) from error
    return int(made["number"])


def quarantined(settings: Settings, source: str | None, table: str | None) -> list[Record]:
    """Number of quarantined rows by table, status and rule, with an id to look at."""
    result: list[Record] = []
    for found in _fetch(settings, "auditor", _QUARANTINE_TABLES, [source, source, table, table]):
        relation = sql.Identifier("quarantine", f"{found['source']}__{found['table_name']}")
        query = sql.SQL(
            "select {} as table_name, status, rule, count(*) as number,"
            " max(quarantine_id) as newest from {}"
            " group by 2, 3 order by status <> 'open', 4 desc, 3"
        ).format(sql.Literal(f"{found['source']}.{found['table_name']}"), relation)
        result += _fetch(settings, "auditor", query)
    return result


def quarantined_row(settings: Settings, name: str, number: int) -> Record:
    """All that is kept of one quarantined row.

    Raises:
        RapportError: when there is none of that number.
    """
    query = sql.SQL("select * from {} where quarantine_id = %s").format(
        sql.Identifier("quarantine", "__".join(split_name(name)))
    )
    try:
        found = _fetch(settings, "loader", query, [number])
    except psycopg.errors.UndefinedTable as error:
        raise RapportError(
            f"There is no table {name}.", next_step="See `rapport doctor`."
        ) from error
    if not found:
        raise RapportError(f"{name} has no quarantined row {number}.")
    return found[0]


def _unknown(name: str) -> RapportError:
    return RapportError(f"There is no table {name}.", next_step="See `rapport doctor`.")


def in_a_week() -> datetime:
    """How long an approval counts unless said otherwise."""
    return datetime.now(UTC) + timedelta(days=7)


def _fetch(
    settings: Settings, role: str, query: str | sql.Composed, values: Sequence[object] = ()
) -> list[Record]:
    connection = dsn.connect(dsn.role_dsn(settings, role), application_name="rapport records")
    with connection, connection.cursor(row_factory=dict_row) as cursor:
        statement = query.encode() if isinstance(query, str) else query
        return cursor.execute(statement, values).fetchall()
