"""Faults: one PostgreSQL for the session, a fresh copy of the warehouse and the source per test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from rapport.local.postgres import EmbeddedPostgres
from support.landing_lab import LandingLab, landing_lab, landing_template
from support.source_lab import SourceLab, source_lab


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


@pytest.fixture
def source(
    server: EmbeddedPostgres, lab: LandingLab, monkeypatch: pytest.MonkeyPatch
) -> Iterator[SourceLab]:
    with source_lab(server, lab, monkeypatch) as made:
        yield made
