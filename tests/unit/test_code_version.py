"""The code version changes with everything that can change a figure, and with nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from rapport.settings import Settings
from rapport.warehouse.code_version import parts, tree_hash


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    for folder in ("plugins/rapport", "dbt_project/seeds", "expectations/marts", "dags"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "dbt_project/seeds/limits.csv").write_text("limit\n1\n")
    (tmp_path / "requirements.lock").write_text("x==1")
    return Settings(root=tmp_path)


def test_what_tools_leave_behind_does_not_count(settings: Settings) -> None:
    before = tree_hash(settings)
    (settings.root / "dbt_project/target").mkdir()
    (settings.root / "dbt_project/target/manifest.json").write_text("{}")
    (settings.root / "plugins/rapport/__pycache__").mkdir()
    (settings.root / "plugins/rapport/__pycache__/x.cpython-311.pyc").write_text("")
    assert tree_hash(settings) == before


@pytest.mark.parametrize(
    ("path", "part"),
    [
        ("plugins/rapport/new.py", "package"),
        ("dbt_project/seeds/limits.csv", "dbt"),
        ("expectations/marts/clients.yml", "expectations"),
        ("requirements.lock", "lock"),
    ],
)
def test_a_changed_file_changes_its_part_and_the_whole(
    settings: Settings, path: str, part: str
) -> None:
    before, whole = parts(settings), tree_hash(settings)
    (settings.root / path).write_text("limit\n2\n")
    after = parts(settings)
    assert {name for name in after if after[name] != before[name]} == {part}
    assert tree_hash(settings) != whole


def test_a_setting_that_changes_figures_changes_the_version(settings: Settings) -> None:
    other = settings.model_copy(update={"reporting_currency": "EUR"})
    assert tree_hash(other) != tree_hash(settings)


def test_a_users_project_belongs_to_the_version(settings: Settings, tmp_path: Path) -> None:
    own = tmp_path / "own"
    (own / "contracts").mkdir(parents=True)
    (own / "contracts/mine.yml").write_text("source: mine")
    assert "project" in parts(settings.model_copy(update={"project_path": own}))
