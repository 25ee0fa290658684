"""Read dbt's manifest and run results, and hold a build to what it was asked to do."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rapport.transform.errors import TransformError

_GOOD = {"success", "pass", "warn", "no-op"}


@dataclass(frozen=True)
class NodeResult:
    """How one model, seed or test came out; ``seconds`` of wall time, ``failures`` of a test."""

    unique_id: str
    name: str
    resource_type: str
    status: str
    seconds: float
    message: str
    failures: int | None
    compiled_path: str | None


def read_json(path: Path) -> dict[str, Any]:
    """Content of an artefact.

    Raises:
        TransformError: when dbt did not write it.
    """
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError) as error:
        raise TransformError(f"dbt left no readable {path.name}: {error}") from error
    return content


def node_results(run_results: Mapping[str, Any], manifest: Mapping[str, Any]) -> list[NodeResult]:
    """Results in the order dbt finished them."""
    found = []
    for result in run_results["results"]:
        node = manifest["nodes"].get(result["unique_id"], {})
        found.append(
            NodeResult(
                unique_id=result["unique_id"],
                name=node.get("name", result["unique_id"]),
                resource_type=node.get("resource_type", "node"),
                status=result["status"],
                seconds=float(result["execution_time"]),
                message=str(result.get("message") or "").strip(),
                failures=result.get("failures"),
                compiled_path=node.get("compiled_path") or node.get("original_file_path"),
            )
        )
    return found


def expected_nodes(manifest: Mapping[str, Any], tags: Iterable[str]) -> set[str]:
    """Ids of the nodes that a build of these tags must run.

    Models and seeds by tag (ephemeral ones leave nothing); tests as dbt's indirect selection
    `buildable` picks them: one parent built, every other one built or needed for it.
    """
    wanted = set(tags)
    nodes = manifest["nodes"]
    tagged = {
        i
        for i, n in nodes.items()
        if n["resource_type"] in ("model", "seed", "snapshot") and wanted.intersection(n["tags"])
    }
    ancestors = _ancestors(tagged, manifest["parent_map"])
    built = {i for i in tagged if nodes[i]["config"].get("materialized") != "ephemeral"}
    tests = {
        i
        for i, n in nodes.items()
        if n["resource_type"] == "test"
        and tagged.intersection(n["depends_on"]["nodes"])
        and set(n["depends_on"]["nodes"]) <= tagged | ancestors
    }
    return built | tests


def _ancestors(ids: set[str], parents: Mapping[str, list[str]]) -> set[str]:
    seen: set[str] = set()
    waiting = list(ids)
    while waiting:
        for parent in parents.get(waiting.pop(), []):
            if parent not in seen:
                seen.add(parent)
                waiting.append(parent)
    return seen


def check_complete(results: Iterable[NodeResult], expected: set[str]) -> None:
    """Every expected node ran and came out well.

    Raises:
        TransformError: naming what failed first, or what did not run.
    """
    found = list(results)
    bad = [r for r in found if r.status not in _GOOD]
    causes = [r for r in bad if r.status != "skipped"] or bad
    if causes:
        raise TransformError(_story(causes, len(bad)), next_step=_where(causes[0]))
    missing = sorted(expected - {r.unique_id for r in found})
    if missing:
        raise TransformError(
            f"dbt ended well but did not run {len(missing)} of the selected nodes: "
            + ", ".join(missing[:5]),
            next_step="Remove the target folder of the slot (dbt's parse state) and run again.",
        )


def _story(causes: list[NodeResult], count: int) -> str:
    first = causes[0]
    text = f"{first.resource_type} {first.name}: {first.message or first.status}"
    if first.failures:
        text += f" ({first.failures} failing rows)"
    if others := [r.name for r in causes[1:6]]:
        text += f". Failed as well: {', '.join(others)}"
    return f"{text}. {count} node(s) failed or were skipped."


def _where(result: NodeResult) -> str | None:
    return f"See the SQL in {result.compiled_path}." if result.compiled_path else None
