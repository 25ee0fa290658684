"""Releases as people handle them: list, publish, roll back, abandon, prune."""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

import psycopg
from psycopg.rows import class_row

from rapport.errors import RapportError
from rapport.publishing.context import release_context_by_id
from rapport.publishing.ledger import sign
from rapport.settings import Settings
from rapport.warehouse import dsn

log = logging.getLogger(__name__)

ENDED = ("published", "refused", "abandoned", "pruned", "reproduced")


@dataclass(frozen=True)
class Release:
    """One row of `rapport releases`; ``is_current`` tells what readers of the date see now.

    ``needs_restatement``: an earlier date that it read has been published anew since.
    """

    release_id: int
    as_of_date: date
    status: str
    is_current: bool
    edition: int | None
    opened_at: datetime
    decided_at: datetime | None
    rows: int
    run_key: str
    tree_hash: str
    reason: str | None
    needs_restatement: bool = False

    def as_json(self) -> dict[str, Any]:
        return {
            name: value.isoformat() if isinstance(value, date) else value
            for name, value in asdict(self).items()
        }


class PublishRefused(RapportError):
    """The database refused to publish; ``reasons`` say why, readers keep what they had."""

    def __init__(self, release_id: int, reasons: list[str]) -> None:
        listed = "".join(f"\n  - {reason}" for reason in reasons)
        super().__init__(
            f"Release {release_id} is not published / 版本 {release_id} 未发布. "
            f"Readers keep the last good release. Reasons:{listed}",
            next_step=f"Read the page of `rapport report {release_id}`, mend the cause, run again.",
        )
        self.reasons = reasons


_LIST = """
    select r.release_id, r.as_of_date, r.status, p.release_id is not null as is_current,
      p.from_edition as edition, r.opened_at, r.decided_at,
      coalesce((select sum(m.row_count)::bigint from ctl.store_mart as m
        where m.release_id = r.release_id), 0) as rows,
      r.run_key, r.tree_hash, r.reason, coalesce(s.needs_restatement, false) as needs_restatement
    from ctl.release as r
    left join ctl.restatement as s on s.release_id = r.release_id
    left join ctl.pointer as p
      on p.release_id = r.release_id and p.to_edition = 9223372036854775807
    order by r.release_id desc
"""


def list_releases(settings: Settings) -> list[Release]:
    """All releases, the newest first."""
    with (
        dsn.connect(dsn.role_dsn(settings, "auditor")) as connection,
        connection.cursor(row_factory=class_row(Release)) as cursor,
    ):
        return cursor.execute(_LIST.encode()).fetchall()


def publish(settings: Settings, release_id: int, actor: str) -> int:
    """Store the sealed candidate and ask the database to publish it; the edition readers see now.

    Raises:
        PublishRefused: with the reasons; the refusal is in the ledger, readers see no change.
    """
    with dsn.connect(dsn.role_dsn(settings, "publisher"), application_name="rapport publish") as c:
        status = c.execute(
            "select status from ctl.release where release_id = %s", [release_id]
        ).fetchone()
        if status and status[0] in ("sealed", "staged"):
            c.execute("select ctl.stage(%s)", [release_id])
            c.commit()
        decision = _decision(c, "select ctl.publish(%s, %s)", [release_id, actor])
    _sign(settings)
    if decision["decision"] != "published":
        raise PublishRefused(release_id, decision["reasons"])
    return int(decision["edition"])


def rollback(settings: Settings, release_id: int, *, actor: str, reason: str) -> int:
    """Let readers of its date see an earlier release again; the new edition.

    Raises:
        RapportError: when the release was never published, was pruned, or is current already.
    """
    with dsn.connect(dsn.role_dsn(settings, "publisher"), application_name="rapport rollback") as c:
        decision = _decision(c, "select ctl.rollback(%s, %s, %s)", [release_id, actor, reason])
    _sign(settings)
    if decision["decision"] != "rolled_back":
        raise RapportError(
            "; ".join(decision["reasons"]) + ".", next_step="See `rapport releases`."
        )
    return int(decision["edition"])


def fail_release(settings: Settings, run_key: str, reason: str, *, status: str = "failed") -> None:
    """Mark the release of a run as ended without publishing; its slot may be lent again."""
    with dsn.connect(dsn.role_dsn(settings, "transformer")) as connection:
        connection.execute(
            "select ctl.fail_release(release_id, %s, %s) from ctl.release where run_key = %s",
            [reason, status, run_key],
        )


def abandon(settings: Settings, release_id: int, *, reason: str) -> None:
    """End a release that will not be finished; its build slot may be lent again.

    Raises:
        RapportError: when there is none, or it has ended already.
    """
    with dsn.connect(dsn.role_dsn(settings, "transformer")) as connection:
        release = release_context_by_id(connection, release_id)
        if release.status in ENDED:
            raise RapportError(f"Release {release_id} is {release.status} already.")
        connection.execute("select ctl.fail_release(%s, %s, 'abandoned')", [release_id, reason])


def prune(settings: Settings) -> list[int]:
    """Remove stored releases beyond the retention; the numbers of those removed."""
    with dsn.connect(dsn.role_dsn(settings, "publisher"), application_name="rapport prune") as c:
        return list(_decision(c, "select ctl.prune(%s)", [settings.keep_releases])["pruned"])


def _sign(settings: Settings) -> None:
    try:
        sign(settings)
    except RapportError as error:
        # The decision stands and is in the ledger; the next head that is signed covers it.
        log.warning("The head of the ledger is not signed: %s", error)


def _decision(connection: psycopg.Connection, query: str, values: list[Any]) -> dict[str, Any]:
    row = connection.execute(query.encode(), values).fetchone()
    assert row is not None
    connection.commit()
    return dict(row[0])
