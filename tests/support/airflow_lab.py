"""An Airflow of the tests alone: own folder and metadata, imported only when a test asks."""

# ruff: noqa: TID251 -- the tests of the DAGs share it

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from airflow.dag_processing.dagbag import DagBag

DAGS = Path(__file__).resolve().parents[2] / "dags"


@pytest.fixture(scope="session")
def airflow_home(
    clean_environment: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Folder of Airflow; it reads these variables when it is first imported."""
    folder = tmp_path_factory.mktemp("airflow")
    for name, value in {
        "AIRFLOW_HOME": str(folder),
        "AIRFLOW__CORE__DAGS_FOLDER": str(DAGS),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(folder / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{folder / 'airflow.db'}",
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(folder / "logs"),
    }.items():
        clean_environment.setenv(name, value)
    return folder


@pytest.fixture(scope="session")
def bag(airflow_home: Path) -> DagBag:
    """All DAGs of the folder, as the DAG processor finds them."""
    from airflow.dag_processing.dagbag import DagBag

    return DagBag(dag_folder=DAGS)


@pytest.fixture(scope="session")
def airflow_metadata(airflow_home: Path) -> None:
    """A migrated metadata database, for tests that run a DAG."""
    from airflow.utils.db import initdb

    initdb()
