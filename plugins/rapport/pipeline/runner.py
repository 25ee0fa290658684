"""A whole run in this process, step after step (the CLI's way; Airflow has its own)."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from pathlib import Path

from rapport.pipeline import steps
from rapport.publishing.releases import fail_release
from rapport.settings import Settings

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
    on_step("open_release")
    release_id = steps.open_release(settings, as_of, key, known_at)
    try:
        for name, action in _steps(settings, key, extract, known_at):
            on_step(name)
            action()
        on_step("publish")
        edition = steps.publish(settings, key, actor="cli")
    except Exception as error:
        fail_release(settings, key, f"{type(error).__name__}: {error}"[:4000])
        steps.report(settings, key)
        raise
    on_step("report")
    return RunResult(key, release_id, edition, steps.report(settings, key))


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
