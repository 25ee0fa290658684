"""A warehouse for landing alone: migrated once, copied for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from rapport.local.postgres import EmbeddedPostgres
from support.landing_lab import LandingLab, landing_lab, landing_template


@pytest.fixture(scope="session")
def template(server: EmbeddedPostgres) -> Iterator[str]:
    with landing_template(server) as name:
        yield name


@pytest.fixture
def lab(
    server: EmbeddedPostgres, template: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[LandingLab]:
    with landing_lab(server, template, tmp_path, monkeypatch) as made:
        yield made
