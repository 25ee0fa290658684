"""Load the contracts: the shipped ones and the user's own, resolved by the canonical layout."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

from rapport import settings as settings_module
from rapport.errors import RapportError
from rapport.settings import Settings
from rapport.sources.canonical import FLAGS, Entity, entities, split_column
from rapport.sources.documents import Document, Path_, read_document
from rapport.sources.table_contract import Column, Contract, TableContract
from rapport.warehouse.dsn import has_source_dsn

__all__ = [
    "Column",
    "Contract",
    "TableContract",
    "canonical_sources",
    "enabled_sources",
    "load_contracts",
    "parse_contract",
    "source_location",
]

# Keys that a source may set once for all its tables.
_SHARED = (
    *("file", "optional", "encoding", "delimiter", "drift", "absent_columns"),
    *("cursor_safety", "cursor", "overlap", "clock_allowance", "alert_open_after"),
    *("full_read_every", "compare_every"),
)
_COLUMN_SHARED = ("time_zone", "null_values", "decimal", "thousands")


def load_contracts(settings: Settings) -> dict[str, Contract]:
    """All known contracts by source name; a user's contract of the same name replaces ours.

    Raises:
        RapportError: naming file, line and key of every problem found in a contract.
    """
    contracts: dict[str, Contract] = {}
    with as_file(files("rapport.sources") / "contracts") as shipped:
        _load_folder(shipped, "", contracts)
    if settings.project_path:
        _load_folder(settings.project_path / "contracts", "contracts/", contracts)
    return contracts


def parse_contract(path: Path, name: str | None = None) -> Contract:
    """Read and resolve one contract file; ``name`` is how errors call it."""
    document = read_document(path, name or path.name)
    data = dict(document.data)
    source = str(data.get("source", ""))
    if source != path.stem:
        raise document.error(("source",), f"must be {path.stem!r}, the name of the file")
    schema = str(data.pop("schema", "public"))
    shared = {k: data.pop(k) for k in _SHARED if k in data}
    column_shared = {k: data.pop(k) for k in _COLUMN_SHARED if k in data}
    if data.get("connector") == "sqlalchemy":
        # A database says NULL itself: its empty text is an empty text.
        column_shared.setdefault("null_values", [])
    tables = data.pop("tables", None)
    if not isinstance(tables, dict) or not tables:
        raise document.error(("tables",), "at least one table is needed")
    resolved: dict[str, TableContract] = {}
    for table, body in tables.items():
        at = ("tables", table)
        if not isinstance(body, dict):
            raise document.error(at, "must be a mapping, for example {like: clients}")
        values = _resolve(document, at, table, {**shared, **body}, column_shared)
        values |= {"source": source, "name": table}
        values.setdefault("relation", f"{schema}.{table}")
        resolved[table] = document.validate(TableContract, values, at)
        _require_file(document, at, data.get("connector"), resolved[table])
    for entity in data.get("coverage") or {}:
        if entity not in entities():
            raise document.error(("coverage", entity), "is not a canonical entity")
    return document.validate(Contract, {**data, "tables": resolved})


def enabled_sources(settings: Settings, contracts: Mapping[str, Contract]) -> list[str]:
    """Names of the sources in use: RAPPORT_SOURCES, else all that have an address or a folder."""
    if settings.sources is not None:
        for name in settings.sources:
            if name not in contracts:
                raise RapportError(
                    f"RAPPORT_SOURCES names {name!r}, which has no contract.",
                    next_step=f"Known sources: {', '.join(sorted(contracts))}.",
                )
        return sorted(settings.sources)
    return sorted(name for name, c in contracts.items() if _is_configured(settings, c))


def canonical_sources(
    contracts: Mapping[str, Contract], settings: Settings | None = None
) -> dict[str, dict[str, list[str]]]:
    """Which sources deliver each entity: straight from landing (``layout``) or by own ``models``.

    A model is ``models/staging/<source>/stg_<source>__<entity>.sql`` in the dbt project or in
    RAPPORT_PROJECT_PATH.
    """
    current = settings or settings_module.load()
    roots = [current.root / "dbt_project" / "models"]
    if current.project_path:
        roots.append(current.project_path / "models")
    result: dict[str, dict[str, list[str]]] = {}
    for entity in entities():
        layout = [
            name
            for name, contract in sorted(contracts.items())
            if contract.layout == "canonical"
            and any(t.entity == entity and t.name == entity for t in contract.tables.values())
        ]
        others = [name for name in sorted(contracts) if name not in layout]
        models = [name for name in others if _has_model(roots, name, entity)]
        result[entity] = {"layout": layout, "models": models}
    return result


def source_location(settings: Settings, contract: Contract) -> str | None:
    """Folder (absolute path) or URL of a files source with its variables filled in; None while
    one is unset.
    """

    def value(match: re.Match[str]) -> str:
        name = match.group(1)
        own = getattr(settings, name.removeprefix("RAPPORT_").lower(), None)
        found = own if name.startswith("RAPPORT_") and own is not None else os.environ.get(name)
        if not found:
            raise LookupError(name)
        return str(found)

    try:
        location = re.sub(r"\$\{(\w+)\}", value, contract.folder or "")
    except LookupError:
        return None
    return location if "://" in location else str(Path(location).expanduser().absolute())


def _load_folder(folder: Path, prefix: str, contracts: dict[str, Contract]) -> None:
    for path in sorted(folder.glob("*.yml")) if folder.is_dir() else []:
        contract = parse_contract(path, f"{prefix}{path.name}")
        contracts[contract.source] = contract


def _is_configured(settings: Settings, contract: Contract) -> bool:
    if contract.connector == "files":
        return source_location(settings, contract) is not None
    return has_source_dsn(settings, contract.connection or contract.source)


def _has_model(roots: Iterable[Path], source: str, entity: str) -> bool:
    name = f"staging/{source}/stg_{source}__{entity}.sql"
    return any((root / name).is_file() for root in roots)


def _require_file(document: Document, at: Path_, connector: object, table: TableContract) -> None:
    if connector == "files" and not table.file:
        raise document.error(at, "a table of a files source needs `file`")
    if connector == "files" and table.is_incremental:
        raise document.error(at, "files are read whole: cursor_safety must be full")


def _resolve(
    document: Document, at: Path_, table: str, body: dict[str, Any], shared: dict[str, Any]
) -> dict[str, Any]:
    entity = _entity(document, at, body.pop("like", None))
    given = body.get("columns") or {}
    columns: dict[str, dict[str, Any]] = {}
    if entity is not None:
        columns = {c.name: _canonical_column(entity, c.name) for c in entity.columns}
        body["entity"] = entity.name
        body.setdefault("key", list(entity.key))
        body["allowed"] = {**entity.allowed, **(body.get("allowed") or {})}
        body["checks"] = {**entity.checks, **(body.get("checks") or {})}
    for name in body.pop("omit", None) or []:
        if columns.pop(name, None) is None:
            raise document.error((*at, "omit"), f"{name!r} is not a column of the entity")
    for name, value in given.items():
        path = (*at, "columns", name)
        columns[name] = {**columns.get(name, {}), **_column_body(document, path, value)}
    built = []
    for name, values in columns.items():
        column = {"from": name, **shared, **values, "name": name}
        built.append(document.validate(Column, column, (*at, "columns", name)))
    if "control_amount" in body and any(c.name == "currency" for c in built):
        body.setdefault("control_currency", "currency")
    if "file" in body:
        body["file"] = str(body["file"]).format(entity=entity.name if entity else table)
    return {**body, "columns": tuple(built)}


def _entity(document: Document, at: Path_, name: object) -> Entity | None:
    if name is None:
        return None
    if name not in entities():
        raise document.error((*at, "like"), f"there is no canonical entity {name!r}")
    return entities()[str(name)]


def _canonical_column(entity: Entity, name: str) -> dict[str, Any]:
    column = entity.column(name)
    return {
        "type": column.type,
        "required": column.required,
        "pii": "person" if column.is_person else "none",
        "is_id": column.is_id,
    }


def _column_body(document: Document, path: Path_, value: object) -> dict[str, Any]:
    if isinstance(value, dict):
        return value
    type_, flags = split_column(str(value))
    if unknown := flags - FLAGS:
        raise document.error(path, f"unknown flag {sorted(unknown)[0]!r}")
    pii = {"pii": "person"} if "person" in flags else {}
    return {"type": type_, "required": "required" in flags, "is_id": "id" in flags, **pii}
