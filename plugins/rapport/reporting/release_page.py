"""One self-contained, offline HTML page per release, also for one that was not published."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import jinja2

from rapport.publishing import differences
from rapport.publishing.differences import MartDifference
from rapport.quality.errors import detail_command
from rapport.reporting import changes, evidence, wording
from rapport.reporting.evidence import Evidence
from rapport.settings import Settings
from rapport.warehouse.dsn import connect


def write(settings: Settings, release_id: int, auditor_dsn: str) -> Path:
    """Write ``release_<id>.html`` into the reports folder and return its path.

    The file appears whole or not at all; an older page of the same release is replaced.

    Raises:
        RapportError: when there is no such release or the warehouse does not answer.
    """
    with connect(auditor_dsn, application_name="rapport report") as connection:
        found = evidence.read(connection, release_id)
    since = differences.diff(settings, found.base["release_id"], release_id) if found.base else []
    settings.reports.mkdir(parents=True, exist_ok=True)
    path = settings.reports / f"release_{release_id}.html"
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(render(found, since, settings.business_time_zone), encoding="utf-8")
    temporary.replace(path)
    return path


def render(found: Evidence, since: Sequence[MartDifference] = (), time_zone: str = "UTC") -> str:
    """The page as text; everything that comes from data is escaped."""
    tone, english, chinese = wording.decision(found.release["status"], bool(found.failures))
    return (
        _environment()
        .get_template("release.html.j2")
        .render(
            e=found,
            r=found.release,
            tone=tone,
            decision_en=english,
            decision_zh=chinese,
            marts=changes.beside(found.marts, found.base_marts, since),
            money=wording.money_lines(found.counts),
            time_zone=time_zone,
        )
    )


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("rapport.reporting"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "number": wording.number,
        "moment": wording.moment,
        "threshold": wording.threshold,
        "rule": wording.rule,
        "key_text": wording.key_text,
        "command": detail_command,
    }
    environment.globals |= {"stage_words": wording.stage, "identity": wording.IDENTITY}
    return environment
