"""Run suites in the database and keep the evidence."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import psycopg

from rapport.errors import RapportError
from rapport.quality.engine import Engine
from rapport.quality.errors import GateFailed
from rapport.quality.findings import finding
from rapport.quality.model import Finding, Outcome, Suite
from rapport.quality.targets import Scope, Target, batch_scope, release_scope
from rapport.settings import Settings
from rapport.warehouse.dsn import connect

_APPLICATION = "rapport validate"


def validate(
    settings: Settings,
    suites: Sequence[Suite],
    *,
    validator_dsn: str,
    batch_seq: int | None = None,
    release_id: int | None = None,
    schema: str | None = None,
) -> list[Outcome]:
    """Run suites over one batch, or over one release built in ``schema``, and record evidence.

    The outcome of every suite is recorded through ``ctl.record_validation`` before this returns;
    nothing is raised for a failed expectation (see :func:`require_passed`).

    Raises:
        RapportError: when the suites are not those of the batch or release, or it does not exist.
    """
    scope = _scope(suites, validator_dsn, batch_seq, release_id, schema)
    workers = max(1, min(os.cpu_count() or 1, len(suites)))
    engine = Engine(validator_dsn, workers=workers)
    try:
        with ThreadPoolExecutor(workers, thread_name_prefix="gate") as pool:
            return list(pool.map(lambda suite: _judge(engine, suite, scope, validator_dsn), suites))
    finally:
        engine.close()


def require_passed(outcomes: Sequence[Outcome]) -> None:
    """Stop the run if a critical expectation failed.

    Raises:
        GateFailed: names suite, table, rule, count and sample keys of everything that failed.
    """
    failed = [outcome for outcome in outcomes if not outcome.is_passed]
    if failed:
        raise GateFailed(failed)


def _scope(
    suites: Sequence[Suite],
    dsn: str,
    batch_seq: int | None,
    release_id: int | None,
    schema: str | None,
) -> Scope:
    if not suites:
        raise RapportError(
            "There is no suite to run: no suite means no evidence, not a pass.",
            next_step="Look at expectations/ and RAPPORT_PROJECT_PATH/expectations.",
        )
    if (batch_seq is None) == (release_id is None or schema is None):
        raise ValueError("give either batch_seq, or release_id and schema")
    with connect(dsn, application_name=_APPLICATION) as connection:
        if batch_seq is not None:
            scope = batch_scope(connection, batch_seq)
        else:
            scope = release_scope(connection, int(release_id or 0), str(schema))
    for suite in suites:
        _check_belongs(suite, scope)
    return scope


def _check_belongs(suite: Suite, scope: Scope) -> None:
    """Rows of another source or stage would be no rows at all, and pass where that is allowed."""
    if scope.batch_seq is None:
        if suite.stage == "landing":
            raise RapportError(f"Suite landing/{suite.suite} judges batches, not releases.")
        return
    source = str(scope.source)
    if suite.stage != "landing" or not (
        suite.object == source or suite.object.startswith(f"{source}__")
    ):
        raise RapportError(
            f"Batch {scope.batch_seq} is one of {source}; "
            f"suite {suite.stage}/{suite.suite} for {suite.object} cannot judge it."
        )


def _judge(engine: Engine, suite: Suite, scope: Scope, dsn: str) -> Outcome:
    target = scope.target(suite)
    verdicts = engine.run(suite, target, scope)
    with connect(dsn, application_name=_APPLICATION, autocommit=True) as connection:
        rows = _count(connection, target)
        findings = tuple(
            finding(connection, suite, target, scope, expectation, verdict, rows)
            for expectation, verdict in zip(suite.expectations, verdicts, strict=True)
        )
        outcome = Outcome(suite, target.name, rows or 0, findings)
        return replace(outcome, validation_id=_record(connection, outcome, scope))


def _count(connection: psycopg.Connection, target: Target) -> int | None:
    """Rows under judgement; None when the table cannot be read, which is not the same as empty."""
    try:
        row = connection.execute(f"select count(*) from {target.relation()} as judged").fetchone()
    except psycopg.Error:
        return None
    return int(row[0]) if row else None


def _record(connection: psycopg.Connection, outcome: Outcome, scope: Scope) -> int:
    suite = outcome.suite
    evidence = {
        "stage": suite.stage,
        "suite": suite.suite,
        "object": suite.object,
        "suite_hash": suite.suite_hash,
        "batch_seq": scope.batch_seq,
        "release_id": scope.release_id,
        "rows_evaluated": outcome.rows_evaluated,
        "results": [_result(f) for f in outcome.findings],
    }
    row = connection.execute(
        "select ctl.record_validation(%s::jsonb)",
        [json.dumps(evidence, ensure_ascii=False, default=str)],
    ).fetchone()
    return int(row[0]) if row else 0


def _result(found: Finding) -> dict[str, Any]:
    expectation = found.expectation
    return {
        "expectation_type": expectation.type,
        "column_name": expectation.column,
        "kwargs": {"rule": expectation.rule, **expectation.kwargs},
        "severity": expectation.severity,
        "is_passed": found.is_passed,
        "observed": found.observed,
        "unexpected_count": found.unexpected_count,
        "reason": str(expectation.reason),
        "detail_query": found.detail_query,
        "failed_keys": [dict(key) for key in found.failed_keys],
    }


__all__ = ["require_passed", "validate"]
