"""The steps of a run. Each may run twice or die anywhere: what it did stands in the warehouse.

A run is known by its ``run_key`` (Airflow's run id, or ``cli:<uuid>``); every step finds its
release by it, so nothing passes between steps but the key.
"""

from __future__ import annotations

import logging
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg

from rapport.errors import RapportError
from rapport.pipeline.access import connect, enabled_contracts, release_of_run, told
from rapport.pipeline.gates import (
    accept_batches,
    validate_landing,
    validate_release,
    validate_staging,
)
from rapport.publishing import releases
from rapport.publishing.context import ReleaseContext, release_context
from rapport.settings import Settings
from rapport.warehouse import code_version, dsn

__all__ = [
    "accept_batches",
    "build_marts",
    "build_staging",
    "enabled_contracts",
    "extract",
    "freeze_inputs",
    "open_release",
    "publish",
    "report",
    "seal_and_validate_marts",
    "validate_landing",
    "validate_staging",
]

log = logging.getLogger(__name__)

if TYPE_CHECKING:
    from rapport.landing.reports import BatchReport
    from rapport.quality.model import Outcome


def open_release(
    settings: Settings, as_of: date, run_key: str, known_at: datetime | None = None
) -> int:
    """Open (or find again) the release of this run; its number.

    Raises:
        RapportError: when the code of this tree is not deployed, or no build slot is free.
    """
    from psycopg.types.json import Jsonb

    if as_of > date.today():
        raise RapportError(
            f"as_of_date {as_of} lies in the future.", next_step="Give a date up to today."
        )
    version = code_version.tree_hash(settings)
    parameters = {
        "business_time_zone": settings.business_time_zone,
        "reporting_currency": settings.reporting_currency,
    }
    with connect(settings, "transformer") as connection:
        try:
            with told():
                row = connection.execute(
                    "select ctl.open_release(%s, %s, %s, %s, %s)",
                    [as_of, run_key, version, known_at, Jsonb(parameters)],
                ).fetchone()
        except psycopg.errors.ForeignKeyViolation as error:
            raise RapportError(
                f"Code version {version[:12]} of this tree is not deployed.",
                next_step="Run `rapport deploy`.",
            ) from error
    assert row is not None
    return int(row[0])


def extract(settings: Settings, source: str, run_key: str) -> BatchReport | None:
    """Land what changed in one source since the last accepted batch.

    An optional source that cannot be read is left out with a warning (None); the release then
    uses its last accepted batch, as old as that may be, and the freshness gate judges it.

    Raises:
        RapportError: when a required source cannot be read or landed.
    """
    from rapport.landing.batches import extract_source

    contracts = enabled_contracts(settings)
    if source not in contracts:
        raise RapportError(
            f"Source {source!r} is not enabled.",
            next_step=f"Enabled are: {', '.join(sorted(contracts))}.",
        )
    try:
        return extract_source(
            contracts[source],
            settings,
            loader_dsn=dsn.role_dsn(settings, "loader"),
            run_key=run_key,
            tree_hash=code_version.tree_hash(settings),
        )
    except RapportError as error:
        if contracts[source].required:
            raise
        log.warning("Optional source %s is left out of this run: %s", source, error)
        return None


def freeze_inputs(settings: Settings, run_key: str) -> ReleaseContext:
    """Fix by batch number what this release reads."""

    enabled = sorted(enabled_contracts(settings))
    with connect(settings, "transformer") as connection:
        release = release_context(connection, run_key)
        with told():
            connection.execute("select ctl.freeze_inputs(%s, %s)", [release.release_id, enabled])
        connection.commit()
        return release_context(connection, run_key)


def build_staging(settings: Settings, run_key: str) -> None:
    """Bring the frozen inputs to the canonical layout and seal the result."""
    _build(settings, run_key, "staging")
    with connect(settings, "transformer") as connection:
        release = release_context(connection, run_key)
        connection.execute("select ctl.seal_staging(%s)", [release.release_id])


def build_marts(settings: Settings, run_key: str) -> None:
    """Build intermediate models and marts, with their data tests."""
    _build(settings, run_key, "marts")


def seal_and_validate_marts(
    settings: Settings, run_key: str, *, ask_later: bool = False
) -> list[Outcome]:
    """Take the candidate from the role that built it, then check it.

    Raises:
        GateFailed: naming table, rule, count and keys.
    """
    with connect(settings, "transformer") as connection:
        release = release_context(connection, run_key)
        connection.execute("select ctl.seal_release(%s)", [release.release_id])
    return validate_release(settings, run_key, "marts", ask_later)


def publish(settings: Settings, run_key: str, actor: str) -> int:
    """Store the release and let readers see it, if the database finds all evidence; the edition.

    Raises:
        PublishRefused: with the reasons.
    """
    return releases.publish(settings, release_of_run(settings, run_key).release_id, actor)


def report(settings: Settings, run_key: str) -> Path:
    """Write the page of this release; its path."""
    from rapport.reporting.release_page import write

    release = release_of_run(settings, run_key)
    return write(settings, release.release_id, dsn.role_dsn(settings, "auditor"))


def _build(settings: Settings, run_key: str, stage: str) -> None:
    from rapport.transform.dbt import build

    with connect(settings, "transformer") as connection:
        release = release_context(connection, run_key)
        with told():
            connection.execute("select ctl.prepare_build(%s, %s)", [release.release_id, stage])
    build(settings, release, [f"tag:{stage}"])
