"""A whole run in this process, step after step (the CLI's way; Airflow has its own)."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from pathlib import Path

from rapport.pipeline import steps
from rapport.pipeline.ending import end_failed_run, find_release
from rapport.settings import Settings

log = logging.getLogger(__name__)

OnStep = Callable[[str], None]


@dataclass(frozen=True)
class RunResult:
    """A published run: its key, the release and edition readers see now, and the report page."""

    run_key: str
    release_id: int
    edition: int
    report: Path


def run(
    settings: Settings,
    as_of: date,
    *,
    extract: Sequence[str] | None = None,
    known_at: datetime | None = None,
    on_step: OnStep = lambda name: None,
    run_key: str | None = None,
) -> RunResult:
    """Extract, validate, build, validate, publish, report.

    Args:
        extract: sources to read now (default: all enabled; none when ``known_at`` is past).
        known_at: use only batches complete by this instant; nothing is extracted then.
        on_step: told the name of each step as it begins.

    Raises:
        RapportError: from the step that failed; its release is marked failed, and readers keep
            the last published one.
    """
    key = run_key or f"cli:{uuid.uuid4()}"
    step = "open_release"
    on_step(step)
    try:
        release_id = steps.open_release(settings, as_of, key, known_at)
        for step, action in _steps(settings, key, extract, known_at):
            on_step(step)
            action()
        step = "publish"
        on_step(step)
        edition = steps.publish(settings, key, actor="cli")
    except Exception as error:
        end_failed_run(settings, key, as_of, step, error)
        _report_failure(settings, key)
        raise
    on_step("report")
    return RunResult(key, release_id, edition, steps.report(settings, key))


def _report_failure(settings: Settings, key: str) -> None:
    # The page of a failed run is a help, not a duty: what failed must be what the caller sees.
    if find_release(settings, key) is None:
        return
    try:
        steps.report(settings, key)
    except Exception:
        log.exception("The page of run %s could not be written.", key)


def _steps(
    settings: Settings, key: str, extract: Sequence[str] | None, known_at: datetime | None
) -> Iterator[tuple[str, Callable[[], object]]]:
    if known_at is None:
        for source in extract if extract is not None else sorted(steps.enabled_contracts(settings)):
            yield f"extract {source}", partial(steps.extract, settings, source, key)
        yield "validate_landing", lambda: steps.validate_landing(settings, key)
    yield "freeze_inputs", lambda: steps.freeze_inputs(settings, key)
    yield "build_staging", lambda: steps.build_staging(settings, key)
    yield "validate_staging", lambda: steps.validate_staging(settings, key)
    yield "build_marts", lambda: steps.build_marts(settings, key)
    yield "seal_and_validate_marts", lambda: steps.seal_and_validate_marts(settings, key)
