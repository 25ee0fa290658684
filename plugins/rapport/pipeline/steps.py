"""The steps of a run. Each may run twice or die anywhere: what it did stands in the warehouse.

A run is known by its ``run_key`` (Airflow's run id, or ``cli:<uuid>``); every step finds its
release by it, so nothing passes between steps but the key.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg

from rapport.errors import RapportError
from rapport.publishing import releases
from rapport.publishing.context import ReleaseContext, release_context
from rapport.settings import Settings
from rapport.warehouse import code_version, dsn

log = logging.getLogger(__name__)

if TYPE_CHECKING:
    from rapport.landing.reports import BatchReport
    from rapport.quality.model import Outcome
    from rapport.sources.contracts import Contract


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
    with _connect(settings, "transformer") as connection:
        try:
            with _told():
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


def enabled_contracts(settings: Settings) -> dict[str, Contract]:
    """The contracts of the sources that take part, by name."""
    from rapport.sources.contracts import enabled_sources, load_contracts

    contracts = load_contracts(settings)
    enabled = enabled_sources(settings, contracts)
    if not enabled:
        raise RapportError(
            "No source is enabled.",
            next_step="Set RAPPORT_FILES_DIR, or a RAPPORT_SOURCE_<NAME>_URL, or RAPPORT_SOURCES;"
            " the demo's sources come with `make run`.",
        )
    return {name: contracts[name] for name in enabled}


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


def validate_landing(settings: Settings, run_key: str, *, ask_later: bool = False) -> list[Outcome]:
    """Check the undecided batches of the enabled sources and accept those that pass.

    These are the ones this run has extracted, and any that `rapport extract` left behind.
    With ``ask_later`` a failure is left to a person (see `rapport.publishing.overrides`).

    Raises:
        GateFailed: naming table, rule, count and keys; the batch stays unseen and is undone
            before the next one of its source opens.
        RapportError: when the database does not accept a batch although its suites passed.
    """
    from rapport.quality.runner import validate
    from rapport.quality.suites import load_suites

    contracts = enabled_contracts(settings)
    suites = load_suites(settings, contracts)
    outcomes: list[Outcome] = []
    refused: list[str] = []
    with _connect(settings, "validator") as connection:
        batches = connection.execute(
            "select batch_seq, source from ctl.batch where status = 'complete'"
            " and (run_key = %s or source = any(%s)) order by batch_seq",
            [run_key, sorted(contracts)],
        ).fetchall()
        connection.commit()
        for batch_seq, source in batches:
            mine = [s for s in suites if s.stage == "landing" and _concerns(s.object, source)]
            outcomes += validate(
                settings,
                mine,
                validator_dsn=dsn.role_dsn(settings, "validator"),
                batch_seq=batch_seq,
            )
            row = connection.execute("select ctl.accept_batch(%s)", [batch_seq]).fetchone()
            connection.commit()
            assert row is not None
            if row[0]["decision"] != "accepted":
                refused.append(f"batch {batch_seq} of {source}: {'; '.join(row[0]['reasons'])}")
    if ask_later:
        return outcomes
    _raise_on_failure(settings, outcomes)
    if refused:
        raise RapportError(
            "The warehouse does not accept " + " | ".join(refused),
            next_step="Deploy this tree (`rapport deploy`) and run again from `extract`.",
        )
    return outcomes


def accept_batches(settings: Settings, run_key: str) -> None:
    """Accept the validated batches of this run, whose failures have been let through since.

    Raises:
        RapportError: when the database still objects.
    """
    with _connect(settings, "validator") as connection:
        answers = connection.execute(
            "select source, ctl.accept_batch(batch_seq) from ctl.batch"
            " where run_key = %s and status = 'complete' order by batch_seq",
            [run_key],
        ).fetchall()
    if refused := [f"{s}: {'; '.join(a['reasons'])}" for s, a in answers if a["reasons"]]:
        raise RapportError(
            "The warehouse does not accept " + " | ".join(refused),
            next_step="See `rapport override list`, then run again from `extract`.",
        )


def freeze_inputs(settings: Settings, run_key: str) -> ReleaseContext:
    """Fix by batch number what this release reads."""

    enabled = sorted(enabled_contracts(settings))
    with _connect(settings, "transformer") as connection:
        release = release_context(connection, run_key)
        with _told():
            connection.execute("select ctl.freeze_inputs(%s, %s)", [release.release_id, enabled])
        connection.commit()
        return release_context(connection, run_key)


def build_staging(settings: Settings, run_key: str) -> None:
    """Bring the frozen inputs to the canonical layout and seal the result."""
    _build(settings, run_key, "staging")
    with _connect(settings, "transformer") as connection:
        release = release_context(connection, run_key)
        connection.execute("select ctl.seal_staging(%s)", [release.release_id])


def validate_staging(settings: Settings, run_key: str, *, ask_later: bool = False) -> list[Outcome]:
    """Check the canonical tables and the freshness of the inputs.

    Raises:
        GateFailed: naming table, rule, count and keys.
    """
    return _validate_release(settings, run_key, "staging", ask_later)


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
    with _connect(settings, "transformer") as connection:
        release = release_context(connection, run_key)
        connection.execute("select ctl.seal_release(%s)", [release.release_id])
    return _validate_release(settings, run_key, "marts", ask_later)


def publish(settings: Settings, run_key: str, actor: str) -> int:
    """Store the release and let readers see it, if the database finds all evidence; the edition.

    Raises:
        PublishRefused: with the reasons.
    """
    return releases.publish(settings, _release(settings, run_key).release_id, actor)


def report(settings: Settings, run_key: str) -> Path:
    """Write the page of this release; its path."""
    from rapport.reporting.release_page import write

    release = _release(settings, run_key)
    return write(settings, release.release_id, dsn.role_dsn(settings, "auditor"))


def _build(settings: Settings, run_key: str, stage: str) -> None:
    from rapport.transform.dbt import build

    with _connect(settings, "transformer") as connection:
        release = release_context(connection, run_key)
        with _told():
            connection.execute("select ctl.prepare_build(%s, %s)", [release.release_id, stage])
    build(settings, release, [f"tag:{stage}"])


def _validate_release(
    settings: Settings, run_key: str, stage: str, ask_later: bool
) -> list[Outcome]:
    from rapport.quality.runner import validate
    from rapport.quality.suites import load_suites

    release = _release(settings, run_key)
    suites = [s for s in load_suites(settings, enabled_contracts(settings)) if s.stage == stage]
    outcomes = validate(
        settings,
        suites,
        validator_dsn=dsn.role_dsn(settings, "validator"),
        schema=release.slot,
        release_id=release.release_id,
    )
    if not ask_later:
        _raise_on_failure(settings, outcomes)
    return outcomes


def _raise_on_failure(settings: Settings, outcomes: list[Outcome]) -> None:
    from rapport.publishing.overrides import waived_validations
    from rapport.quality.errors import GateFailed

    failed = [outcome for outcome in outcomes if not outcome.is_passed]
    if not failed:
        return
    waived = waived_validations(settings, [o.validation_id for o in failed if o.validation_id])
    for outcome in failed:
        if outcome.validation_id in waived:
            log.warning("%s: let through by override", outcome.suite.object)
    if standing := [o for o in failed if o.validation_id not in waived or o.is_empty_unasked]:
        raise GateFailed(standing)


def _concerns(object_name: str, source: str) -> bool:
    return object_name == source or object_name.startswith(f"{source}__")


def _release(settings: Settings, run_key: str) -> ReleaseContext:
    with _connect(settings, "auditor") as connection:
        return release_context(connection, run_key)


@contextmanager
def _told() -> Iterator[None]:
    """What the database's own functions refuse, as the error a person reads."""
    try:
        yield
    except (psycopg.errors.RaiseException, psycopg.errors.ObjectInUse) as error:
        raise RapportError(
            str(error.diag.message_primary), next_step=error.diag.message_hint
        ) from error


def _connect(settings: Settings, role: str) -> psycopg.Connection:
    return dsn.connect(dsn.role_dsn(settings, role), application_name="rapport pipeline")
