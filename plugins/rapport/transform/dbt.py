"""Run `dbt build` for a release in a process of its own, and judge it by its artefacts."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rapport.publishing.context import ReleaseContext
from rapport.settings import Settings
from rapport.transform.artefacts import (
    NodeResult,
    check_complete,
    expected_nodes,
    node_results,
    read_json,
)
from rapport.transform.environment import build_environment
from rapport.transform.errors import TransformError
from rapport.transform.project import project_folder


@dataclass(frozen=True)
class BuildResult:
    """What a build did, node by node."""

    nodes: tuple[NodeResult, ...]

    @property
    def seconds(self) -> float:
        """Time spent in nodes, summed over threads."""
        return sum(node.seconds for node in self.nodes)


def build(settings: Settings, context: ReleaseContext, select: Sequence[str]) -> BuildResult:
    """Build the selected tags (``tag:staging``, ``tag:marts``) into the slot of a release.

    Each slot keeps its own target folder, so that dbt parses only what changed.

    Raises:
        TransformError: when the release has no slot, or naming the first model, seed or test
            that failed, its message, failing rows and compiled SQL.
    """
    if not context.slot:
        raise TransformError(
            f"Release {context.release_id} holds no build slot any more.",
            next_step="Start a new run.",
        )
    folder = project_folder(settings)
    target = settings.state / "dbt" / context.slot
    (target / "run_results.json").unlink(missing_ok=True)
    command = ["build", "--select", *select]
    command += ["--exclude-resource-type", "unit_test", "--indirect-selection", "buildable"]
    environment = build_environment(settings, context)
    finished = run_dbt(command, folder=folder, target=target, environment=environment)
    if not (target / "run_results.json").is_file():
        raise broken_run(finished, target)
    manifest = read_json(target / "manifest.json")
    results = node_results(read_json(target / "run_results.json"), manifest)
    tags = [selector.removeprefix("tag:") for selector in select if selector.startswith("tag:")]
    check_complete(results, expected_nodes(manifest, tags))
    if finished.returncode:
        raise broken_run(finished, target)
    return BuildResult(tuple(results))


def run_dbt(
    command: Sequence[str], *, folder: Path, target: Path, environment: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run one dbt command with its own target and log folder; the caller judges the outcome."""
    target.mkdir(parents=True, exist_ok=True)
    places = ["--project-dir", folder, "--profiles-dir", folder]
    places += ["--target-path", target, "--log-path", target / "logs"]
    return subprocess.run(
        [sys.executable, "-m", "dbt.cli.main", *command, *map(str, places), "--no-use-colors"],
        env=dict(environment),
        cwd=target,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def broken_run(finished: subprocess.CompletedProcess[str], target: Path) -> TransformError:
    """The error of a dbt process that ended before it ran its nodes."""
    lines = [line for line in f"{finished.stdout}\n{finished.stderr}".splitlines() if line.strip()]
    tail = "\n".join(lines[-15:])
    return TransformError(
        f"dbt ended with code {finished.returncode}:\n{tail}",
        next_step=f"See {target / 'logs' / 'dbt.log'}.",
    )
