"""What every DAG of the house must be, and that none fails to import."""

from __future__ import annotations

import ast
import re
import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from airflow.dag_processing.dagbag import DagBag
    from airflow.sdk import DAG

FOLDER = Path(__file__).resolve().parents[2] / "dags"
FILES = sorted(FOLDER.glob("*.py"))
DAG_IDS = ("maintain_warehouse", "publish_client_marts")
# Seconds to import, megabytes to hold: the DAG processor would pay for them every few seconds.
HEAVY = ("great_expectations", "dbt", "pandas", "numpy", "pyarrow", "rapport.pipeline")


@pytest.fixture(params=DAG_IDS)
def a_dag(bag: DagBag, request: pytest.FixtureRequest) -> DAG:
    return bag.dags[request.param]


def test_the_folder_holds_exactly_these_dags_and_all_import(bag: DagBag) -> None:
    assert not bag.import_errors
    assert sorted(bag.dags) == sorted(DAG_IDS)


def test_a_dag_is_named_as_its_file_and_by_verb_and_object(a_dag: DAG) -> None:
    assert Path(a_dag.fileloc).stem == a_dag.dag_id
    assert re.fullmatch(r"[a-z]+(_[a-z]+)+", a_dag.dag_id)
    assert not a_dag.dag_id.startswith("dbt_"), "dbt would import the file as a plugin of its own"


def test_a_dag_explains_itself(a_dag: DAG) -> None:
    source = ast.parse(Path(a_dag.fileloc).read_text("utf-8"))
    manual = (ast.get_docstring(source, clean=False) or "").strip()
    assert (a_dag.doc_md or "").strip() == manual, "the docstring of the file is the manual"
    assert len(manual) > 500
    assert "does not" in manual, "a manual says what the job does not do"
    assert a_dag.description
    assert all(task.doc_md for task in a_dag.tasks)


def test_a_dag_has_owner_tags_and_one_active_run(a_dag: DAG) -> None:
    assert {task.owner for task in a_dag.tasks} == {"rapport"}
    assert "rapport" in a_dag.tags
    assert a_dag.max_active_runs == 1
    assert a_dag.catchup is False
    assert a_dag.dagrun_timeout


def test_every_task_retries_with_growing_pauses_and_has_an_own_time_limit(a_dag: DAG) -> None:
    for task in a_dag.tasks:
        assert task.retries >= 1, task.task_id
        assert task.retry_exponential_backoff, task.task_id
        assert task.max_retry_delay <= timedelta(hours=1), task.task_id
        assert timedelta() < task.execution_timeout < a_dag.dagrun_timeout, task.task_id
        assert task.on_failure_callback, task.task_id


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_dag_file_is_wiring_only(path: Path) -> None:
    text = path.read_text("utf-8")
    assert len(text.splitlines()) <= 120
    imported = {
        name
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in (
            [node.module] if isinstance(node, ast.ImportFrom) else [a.name for a in node.names]
        )
    }
    assert imported <= {"airflow.sdk", "rapport.orchestration"}, imported


def test_parsing_the_dags_does_not_load_heavy_packages(airflow_home: Path) -> None:
    import json
    import os
    import subprocess

    program = (
        "import json, runpy, sys, time; t = time.monotonic()\n"
        "import airflow.sdk; t1 = time.monotonic()\n"
        f"[runpy.run_path(p) for p in {[str(p) for p in FILES]!r}]\n"
        "print(json.dumps([sorted(sys.modules), time.monotonic() - t1]))"
    )
    environment = os.environ | {"PYTHONPATH": str(FOLDER.parent / "plugins")}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    modules, seconds = json.loads(done.stdout.splitlines()[-1])
    print(f"parsing the DAG folder took {seconds:.2f} s beyond importing Airflow")
    assert not [name for name in HEAVY if name in modules]
