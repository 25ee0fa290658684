"""What a build needs to know of its release."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

import psycopg

from rapport.errors import RapportError


@dataclass(frozen=True)
class ReleaseContext:
    """A release as frozen: date, slot schema, and per source the last batch that counts (0: none).

    ``coverage`` maps source and entity to complete, partial or none; ``as_of_batches`` holds per
    source the last batch that had landed when the as_of_date ended (0: none).
    """

    release_id: int
    as_of_date: date
    status: str
    run_key: str
    tree_hash: str
    slot: str | None
    ceilings: dict[str, int]
    previous_release_id: int | None
    coverage: dict[str, dict[str, str]] = field(default_factory=dict)
    as_of_batches: dict[str, int] = field(default_factory=dict)


def release_context(connection: psycopg.Connection, run_key: str) -> ReleaseContext:
    """The release of a run.

    Raises:
        RapportError: when the run has not opened one.
    """
    return _read(connection, "r.run_key = %s", run_key, f"Run {run_key!r} has no release")


def release_context_by_id(connection: psycopg.Connection, release_id: int) -> ReleaseContext:
    """The release with this number.

    Raises:
        RapportError: when there is none.
    """
    return _read(connection, "r.release_id = %s", release_id, f"There is no release {release_id}")


def _read(
    connection: psycopg.Connection, condition: str, value: str | int, missing: str
) -> ReleaseContext:
    query = f"""
        select r.release_id, r.as_of_date, r.status, r.run_key, r.tree_hash, s.slot,
          coalesce((select jsonb_object_agg(i.source, i.batch_seq)
            from ctl.release_input as i where i.release_id = r.release_id), '{{}}'),
          r.previous_release_id,
          coalesce((select jsonb_object_agg(i.source, i.coverage)
            from ctl.release_input as i where i.release_id = r.release_id), '{{}}'),
          coalesce((select jsonb_object_agg(i.source, i.as_of_batch)
            from ctl.release_input as i where i.release_id = r.release_id), '{{}}')
        from ctl.release as r left join ctl.slot as s on s.release_id = r.release_id
        where {condition}"""
    row = connection.execute(query.encode(), [value]).fetchone()
    if row is None:
        raise RapportError(f"{missing}.", next_step="See `rapport releases`.")
    return ReleaseContext(*row)
