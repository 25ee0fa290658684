"""Overrides: a named person lets a named expectation fail; the database records and applies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import psycopg
from psycopg.rows import class_row

from rapport.errors import RapportError
from rapport.settings import Settings
from rapport.warehouse import dsn


@dataclass(frozen=True)
class Override:
    """A recorded override; for one release, one batch, or (neither) all until it expires."""

    override_id: int
    stage: str
    object: str
    rule: str
    release_id: int | None
    batch_seq: int | None
    reason: str
    approved_by: str
    approved_at: datetime
    expires_at: datetime
    state: str


@dataclass(frozen=True)
class Failure:
    """An expectation that failed and is not let through."""

    stage: str
    object: str
    rule: str
    release_id: int | None
    batch_seq: int | None
    observed: str | None
    unexpected_count: int | None


def add(
    settings: Settings,
    *,
    stage: str,
    object_name: str,
    rule: str,
    reason: str,
    approved_by: str,
    expires_at: datetime,
    release_id: int | None = None,
    batch_seq: int | None = None,
) -> int:
    """Record an override; its number.

    Raises:
        RapportError: when a reason, a person or an end within a year is missing, or the release,
            the batch or the table judged does not exist.
    """
    with _approver(settings) as connection:
        try:
            row = connection.execute(
                "select ctl.add_override(%s, %s, %s, %s, %s, %s, %s, %s)",
                [stage, object_name, rule, release_id, batch_seq, reason, approved_by, expires_at],
            ).fetchone()
        except psycopg.errors.InvalidParameterValue as error:
            raise RapportError(
                f"The override is not recorded: {error.diag.message_primary}.",
                next_step=error.diag.message_hint or "See `rapport override add --help`.",
            ) from error
        except psycopg.errors.IntegrityError as error:
            raise RapportError(
                f"The override is not recorded: {error.diag.message_primary}.",
                next_step="Give a reason of ten characters or more, the name of a person, and a"
                " release (staging, marts) or a batch (landing) that exists, or neither.",
            ) from error
    assert row is not None
    return int(row[0])


def revoke(settings: Settings, override_id: int, *, revoked_by: str, reason: str) -> None:
    """End an override now; decisions already taken stand.

    Raises:
        RapportError: when there is none in force with this number.
    """
    with _approver(settings) as connection:
        try:
            connection.execute(
                "select ctl.revoke_override(%s, %s, %s)", [override_id, revoked_by, reason]
            )
        except psycopg.errors.InvalidParameterValue as error:
            raise RapportError(
                f"Nothing is revoked: {error.diag.message_primary}.",
                next_step="See `rapport override list`.",
            ) from error


def list_overrides(settings: Settings) -> list[Override]:
    """All overrides, the newest first; ``state`` is in force, expired or revoked."""
    query = """
        select override_id, stage, object, rule, release_id, batch_seq, reason, approved_by,
          approved_at, expires_at,
          case when revoked_at is not null then 'revoked'
            when expires_at <= now() then 'expired' else 'in force' end as state
        from ctl.override order by override_id desc"""
    with (
        dsn.connect(dsn.role_dsn(settings, "auditor")) as connection,
        connection.cursor(row_factory=class_row(Override)) as cursor,
    ):
        return cursor.execute(query.encode()).fetchall()


def open_failures(settings: Settings, run_key: str) -> list[Failure]:
    """What stops a run's release or undecided batches and no override lets through.

    Critical failures, and warnings where the deployment says that they need an override.
    """
    query = """
        select f.stage, f.object, f.rule, f.release_id, f.batch_seq, f.observed, f.unexpected_count
        from ctl.failure as f
        left join ctl.release as r on r.release_id = f.release_id
        left join ctl.batch as b on b.batch_seq = f.batch_seq and b.status = 'complete'
        left join ctl.code_version as c on c.tree_hash = coalesce(r.tree_hash, b.tree_hash)
        where (f.severity = 'critical' or c.warnings_need_override) and f.override_id is null
          and (r.run_key = %(run_key)s or b.run_key = %(run_key)s)
        order by f.stage, f.object, f.rule"""
    with (
        dsn.connect(dsn.role_dsn(settings, "auditor")) as connection,
        connection.cursor(row_factory=class_row(Failure)) as cursor,
    ):
        return cursor.execute(query.encode(), {"run_key": run_key}).fetchall()


def waived_validations(settings: Settings, validations: Sequence[int]) -> set[int]:
    """Those runs of suites whose every critical failure is let through by an override in force."""
    query = (
        "select validation_id from ctl.failure where validation_id = any(%s)"
        " and severity = 'critical' group by 1 having bool_and(override_id is not null)"
    )
    with dsn.connect(dsn.role_dsn(settings, "validator")) as connection:
        return {number for (number,) in connection.execute(query, [list(validations)]).fetchall()}


def _approver(settings: Settings) -> psycopg.Connection:
    return dsn.connect(dsn.role_dsn(settings, "approver"), application_name="rapport override")
