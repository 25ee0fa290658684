"""What stands behind each mart, from dbt's manifest: models, seeds, landed tables."""

from __future__ import annotations

from typing import Any

from rapport.settings import Settings
from rapport.transform.manifest import manifest


def mart_lineage(settings: Settings) -> dict[str, dict[str, Any]]:
    """Per mart ``{"models": [{"name", "path", "parents"}], "seeds": [...], "sources": [...]}``.

    Models stand in building order, the mart last; sources are ``<source>.<table>``.
    """
    tree = manifest(settings)
    nodes = tree["nodes"]
    return {
        node["name"]: _behind(tree, unique_id)
        for unique_id, node in nodes.items()
        if node["resource_type"] == "model" and "marts" in node["fqn"][1:2]
    }


def _behind(tree: dict[str, Any], mart: str) -> dict[str, Any]:
    order: list[str] = []
    _visit(tree["parent_map"], mart, order, set())
    nodes, sources = tree["nodes"], tree["sources"]
    return {
        "models": [
            {
                "name": nodes[i]["name"],
                "path": nodes[i]["original_file_path"],
                "parents": sorted(_name(tree, p) for p in tree["parent_map"].get(i, [])),
            }
            for i in order
            if i.startswith("model.")
        ],
        "seeds": sorted(nodes[i]["name"] for i in order if i.startswith("seed.")),
        "sources": sorted(_name(tree, i) for i in order if i in sources),
    }


def _visit(parents: dict[str, list[str]], node: str, order: list[str], seen: set[str]) -> None:
    if node in seen:
        return
    seen.add(node)
    for parent in sorted(parents.get(node, [])):
        _visit(parents, parent, order, seen)
    order.append(node)


def _name(tree: dict[str, Any], unique_id: str) -> str:
    if source := tree["sources"].get(unique_id):
        return f"{source['source_name']}.{source['name']}"
    return str(tree["nodes"][unique_id]["name"])
