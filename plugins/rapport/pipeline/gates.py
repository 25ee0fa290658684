"""The gates of a run: check what a step made, record the evidence, stop on what is critical."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from rapport.errors import RapportError
from rapport.pipeline.access import connect, enabled_contracts, release_of_run
from rapport.settings import Settings
from rapport.warehouse import dsn

if TYPE_CHECKING:
    from rapport.quality.model import Outcome

log = logging.getLogger(__name__)


def validate_landing(settings: Settings, run_key: str, *, ask_later: bool = False) -> list[Outcome]:
    """Check the undecided batches of the enabled sources and accept those that pass.

    These are the ones this run has extracted, and any that `rapport extract` left behind.
    With ``ask_later`` failures of this run's batches are left to a person, if one may let them
    through at all (see `rapport.publishing.overrides`).

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
    asked: list[Outcome] = []
    refused: list[str] = []
    with connect(settings, "validator") as connection:
        batches = connection.execute(
            "select batch_seq, source, run_key = %(run)s from ctl.batch where status = 'complete'"
            " and (run_key = %(run)s or source = any(%(sources)s)) order by batch_seq",
            {"run": run_key, "sources": sorted(contracts)},
        ).fetchall()
        connection.commit()
        for batch_seq, source, is_mine in batches:
            mine = [s for s in suites if s.stage == "landing" and _concerns(s.object, source)]
            judged = validate(
                settings,
                mine,
                validator_dsn=dsn.role_dsn(settings, "validator"),
                batch_seq=batch_seq,
            )
            outcomes += judged
            left = [o for o in judged if ask_later and is_mine and _is_for_a_person(o)]
            asked += left
            row = connection.execute("select ctl.accept_batch(%s)", [batch_seq]).fetchone()
            connection.commit()
            assert row is not None
            if row[0]["decision"] != "accepted" and not left:
                refused.append(f"batch {batch_seq} of {source}: {'; '.join(row[0]['reasons'])}")
    _raise_on_failure(settings, [o for o in outcomes if o not in asked])
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
    with connect(settings, "validator") as connection:
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


def validate_staging(settings: Settings, run_key: str, *, ask_later: bool = False) -> list[Outcome]:
    """Check the canonical tables and the freshness of the inputs.

    Raises:
        GateFailed: naming table, rule, count and keys.
    """
    return validate_release(settings, run_key, "staging", ask_later)


def validate_release(
    settings: Settings, run_key: str, stage: str, ask_later: bool
) -> list[Outcome]:
    from rapport.quality.runner import validate
    from rapport.quality.suites import load_suites

    release = release_of_run(settings, run_key)
    suites = [s for s in load_suites(settings, enabled_contracts(settings)) if s.stage == stage]
    outcomes = validate(
        settings,
        suites,
        validator_dsn=dsn.role_dsn(settings, "validator"),
        schema=release.slot,
        release_id=release.release_id,
    )
    _raise_on_failure(settings, [o for o in outcomes if not (ask_later and _is_for_a_person(o))])
    return outcomes


def _is_for_a_person(outcome: Outcome) -> bool:
    """Whether all that is wrong are rules that were evaluated: nothing else can be let through."""
    from rapport.quality.model import UNEVALUATED

    found = [*outcome.failures, *outcome.warnings]
    evaluated = all(not str(item.observed).startswith(UNEVALUATED) for item in found)
    return bool(found) and evaluated and not outcome.is_empty_unasked


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
