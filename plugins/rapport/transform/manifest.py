"""What the dbt project promises its readers: the marts with columns, types, meaning and key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rapport.settings import Settings
from rapport.transform.artefacts import read_json
from rapport.transform.dbt import broken_run, run_dbt
from rapport.transform.environment import parse_environment
from rapport.transform.errors import TransformError
from rapport.transform.project import project_folder
from rapport.warehouse.code_version import tree_hash


@dataclass(frozen=True)
class MartContract:
    """A mart: ``columns`` are (name, PostgreSQL type, description), ``key`` the key's names."""

    name: str
    columns: tuple[tuple[str, str, str], ...]
    key: tuple[str, ...]
    description: str


def mart_contracts(settings: Settings) -> list[MartContract]:
    """Contracts of all marts, by name, as dbt parses them now.

    Raises:
        TransformError: when the project does not parse, or a mart lacks a key or a description.
    """
    nodes = manifest(settings)["nodes"].values()
    marts = [n for n in nodes if n["resource_type"] == "model" and "marts" in n["fqn"][1:2]]
    return sorted((_contract(node) for node in marts), key=lambda mart: mart.name)


def manifest(settings: Settings) -> dict[str, Any]:
    """dbt's manifest of this tree; parsed once per tree hash."""
    target = settings.state / "dbt" / "parse"
    path, mark = target / "manifest.json", target / "tree_hash"
    version = tree_hash(settings)
    if not (path.is_file() and mark.is_file() and mark.read_text(encoding="utf-8") == version):
        _parse(settings, target)
        mark.write_text(version, encoding="utf-8")
    return read_json(path)


def _parse(settings: Settings, target: Path) -> None:
    environment = parse_environment(settings)
    folder = project_folder(settings)
    finished = run_dbt(["parse"], folder=folder, target=target, environment=environment)
    if finished.returncode:
        raise broken_run(finished, target)


def _contract(node: Mapping[str, Any]) -> MartContract:
    name = node["alias"]
    key = next((c["columns"] for c in node["constraints"] if c["type"] == "primary_key"), None)
    if not key:
        raise TransformError(f"Mart {name} declares no primary key.")
    columns = tuple(
        (c["name"], str(c["data_type"]), c["description"].strip()) for c in node["columns"].values()
    )
    if bare := [column for column, _, text in columns if not text]:
        raise TransformError(f"Mart {name}: column {bare[0]} has no description.")
    return MartContract(name, columns, tuple(key), node["description"].strip())
