"""Build a published release again from its frozen inputs, and compare it with what was stored."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import psycopg

from rapport.errors import RapportError
from rapport.pipeline import steps
from rapport.publishing.releases import fail_release
from rapport.settings import Settings
from rapport.warehouse import code_version, dsn


@dataclass(frozen=True)
class MartComparison:
    """One mart: rows and SHA-256 as stored and as built now; None where a column is gone."""

    mart: str
    rows: int
    sha256: str
    rows_now: int | None
    sha256_now: str | None
    is_identical: bool


@dataclass(frozen=True)
class Reproduction:
    """What came of it. ``differing_parts`` of the code version, empty when it is the same code."""

    original: int
    release_id: int
    is_identical: bool
    marts: tuple[MartComparison, ...]
    differing_parts: tuple[str, ...]


def reproduce(
    settings: Settings, original: int, *, on_step: Callable[[str], None] = lambda name: None
) -> Reproduction:
    """Rebuild a release in a slot of its own; nothing is stored or published.

    Raises:
        RapportError: when the release was never stored, or what it read has been removed.
    """
    key = f"reproduce:{original}:{uuid.uuid4()}"
    on_step("open_reproduction")
    release_id, parts = _open(settings, original, key)
    try:
        on_step("build_staging")
        steps.build_staging(settings, key)
        on_step("build_marts")
        steps.build_marts(settings, key)
        on_step("compare")
        answer = _conclude(settings, release_id)
    except Exception as error:
        fail_release(settings, key, f"{type(error).__name__}: {error}"[:4000])
        raise
    marts = tuple(MartComparison(**mart) for mart in answer["marts"])
    return Reproduction(original, release_id, answer["identical"], marts, parts)


def _open(settings: Settings, original: int, key: str) -> tuple[int, tuple[str, ...]]:
    version = code_version.tree_hash(settings)
    with _transformer(settings) as connection:
        try:
            row = connection.execute(
                "select ctl.open_reproduction(%s, %s, %s)", [original, key, version]
            ).fetchone()
        except psycopg.errors.ForeignKeyViolation as error:
            raise RapportError(
                f"Code version {version[:12]} of this tree is not deployed.",
                next_step="Run `rapport deploy`.",
            ) from error
        except (psycopg.errors.InvalidParameterValue, psycopg.errors.ObjectInUse) as error:
            raise RapportError(
                f"{error.diag.message_primary}.", next_step=error.diag.message_hint
            ) from error
        parts = connection.execute(
            "select c.parts from ctl.release as r join ctl.code_version as c using (tree_hash)"
            " where r.release_id = %s",
            [original],
        ).fetchone()
    assert row is not None
    assert parts is not None
    now = code_version.parts(settings)
    differing = {n for n in now.keys() | parts[0].keys() if now.get(n) != parts[0].get(n)}
    return int(row[0]), tuple(sorted(differing))


def _conclude(settings: Settings, release_id: int) -> dict[str, Any]:
    with _transformer(settings) as connection:
        connection.execute("select ctl.seal_release(%s)", [release_id])
        row = connection.execute("select ctl.conclude_reproduction(%s)", [release_id]).fetchone()
    assert row is not None
    return dict(row[0])


def _transformer(settings: Settings) -> psycopg.Connection:
    return dsn.connect(dsn.role_dsn(settings, "transformer"), application_name="rapport reproduce")
