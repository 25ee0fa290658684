"""A page per mart for its readers, written from dbt's manifest so that it cannot drift."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

_HEAD = "<!-- Written by `rapport docs` from the dbt YAML; edit that, not this page. -->"
Node = Mapping[str, Any]


def pages(manifest: Mapping[str, Any]) -> dict[str, str]:
    """Markdown by file name: one page per mart of the shipped project, and their index."""
    marts = sorted(_marts(manifest), key=lambda node: str(node["alias"]))
    found = {f"{node['alias']}.md": _page(node, manifest) for node in marts}
    return {**found, "README.md": _index(marts)}


def _marts(manifest: Mapping[str, Any]) -> Iterable[Node]:
    for node in manifest["nodes"].values():
        if node["resource_type"] == "model" and node["fqn"][1:2] == ["marts"]:
            yield node


def _index(marts: Iterable[Node]) -> str:
    rows = [f"| [{n['alias']}]({n['alias']}.md) | {_cell(n['description'])} |" for n in marts]
    return "\n".join([_HEAD, "# Marts", "", "| mart | holds |", "|---|---|", *rows, ""])


def _page(mart: Node, manifest: Mapping[str, Any]) -> str:
    key = next(c["columns"] for c in mart["constraints"] if c["type"] == "primary_key")
    formulas, inputs = _lineage(str(mart["unique_id"]), manifest)
    lines = [
        _HEAD,
        f"# mart.{mart['alias']}",
        "",
        str(mart["description"]).strip(),
        "",
        f"Grain: {', '.join(f'`{column}`' for column in key)}.",
        "`is_latest` of the view marks the newest date.",
        "",
        "## Columns and formulas",
        "",
        "| column | type | meaning |",
        "|---|---|---|",
    ]
    for column in mart["columns"].values():
        meaning = _cell(column["description"])
        lines.append(f"| `{column['name']}` | {column['data_type']} | {meaning} |")
    lines += _section("Computed in", [_told(node) for node in formulas])
    lines += _section("Read from", [_told(node) for node in inputs])
    lines += _section("Edge cases that are tested", _edge_cases([mart, *formulas], manifest))
    return "\n".join([*lines, ""])


def _lineage(mart_id: str, manifest: Mapping[str, Any]) -> tuple[list[Node], list[Node]]:
    """Intermediate models up to the next mart, staging entity or seed; and those."""
    nodes, parents = manifest["nodes"], manifest["parent_map"]
    seen: set[str] = set()
    waiting = [mart_id]
    while waiting:
        for parent in parents.get(waiting.pop(), []):
            if parent in seen or parent not in nodes:
                continue
            seen.add(parent)
            if nodes[parent]["fqn"][1] == "intermediate":
                waiting.append(parent)
    reached = sorted((nodes[i] for i in seen), key=lambda node: str(node["name"]))
    formulas = [node for node in reached if node["fqn"][1] == "intermediate"]
    return formulas, [node for node in reached if node["fqn"][1] != "intermediate"]


def _edge_cases(models: Iterable[Node], manifest: Mapping[str, Any]) -> list[str]:
    names = {str(model["name"]) for model in models}
    tests = [test for test in manifest["unit_tests"].values() if test["model"] in names]
    return [
        f"{test['name'].replace('_', ' ')}: {_cell(test['description'])}"
        for test in sorted(tests, key=lambda test: (test["model"], test["name"]))
    ]


def _told(node: Node) -> str:
    return f"`{node['name']}`: {_cell(node['description'])}"


def _section(title: str, items: list[str]) -> list[str]:
    return ["", f"## {title}", "", *(f"- {item}" for item in items)] if items else []


def _cell(text: object) -> str:
    return " ".join(str(text or "").split()).replace("|", "\\|")
