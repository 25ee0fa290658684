"""Write a first contract, staging models to fill in and a landing suite into the user's project."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from rapport.errors import RapportError
from rapport.onboarding.profiles import ColumnProfile, is_money
from rapport.onboarding.suite import suite_text
from rapport.onboarding.tables import NewTable
from rapport.sources.canonical import entities
from rapport.sources.table_contract import Column


def write_project(
    project: Path, source: str, head: dict[str, str], tables: Sequence[NewTable]
) -> list[Path]:
    """Write all files; none that is there already is touched.

    Raises:
        RapportError: when one of the files exists.
    """
    staging = project / "models" / "staging" / source
    files = {
        project / "contracts" / f"{source}.yml": _contract(source, head, tables),
        staging / f"_{source}__sources.yml": _sources(source, tables),
        project / "expectations" / "landing" / f"{source}.yml": suite_text(source, tables),
    }
    # Not .sql yet: a model of that name is taken for delivered.
    for entity in ("clients", "loans"):
        name = f"stg_{source}__{entity}.sql.todo"
        files[staging / name] = _model(source, entity, tables)
    there = [path for path in files if path.exists()]
    if there:
        raise RapportError(
            f"{there[0]} is there already.", next_step="Remove it first, or take another name."
        )
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return list(files)


def _contract(source: str, head: dict[str, str], tables: Sequence[NewTable]) -> str:
    lines = [
        f"# {source}: written by `rapport init-source` from what the values look like. To check:",
        "# types and formats (is 01/02 the first of February?), keys, `pii: person` (columns with",
        "# data of people must have it, or go), coverage. What is not listed is never read.",
        f"source: {source}",
        *(f"{k}: {v}" for k, v in head.items()),
        "required: true",
        "max_staleness_hours: 72",
        "layout: models",
        "coverage: {}  # for example {loans: complete}, once a staging model delivers the entity",
        "tables:",
    ]
    for table in tables:
        lines += _table(table)
    return "\n".join(lines) + "\n"


def _table(table: NewTable) -> list[str]:
    from_digest = not table.key
    lines = [f"  {table.profile.name}:"]
    lines += [f"    {k}: {_inline(v)}" for k, v in table.profile.origin.items()]
    key = table.key or ["row_ref"]
    lines.append(f"    key: {_inline(key)}" + ("  # no column is unique" if from_digest else ""))
    amount = next((c.name for c in table.columns if is_money(c)), None)
    if amount:
        lines.append(f"    control_amount: {amount}")
        lines.append("    # control_currency: EUR   # a column or an ISO code")
    lines.append("    columns:")
    if from_digest:
        lines.append('      row_ref: {type: text, from: "@digest"}')
    for column, profile in zip(table.columns, table.profile.columns, strict=True):
        lines.append(f"      {column.name}: {_inline(_body(column, profile, table.key))}")
    return lines


def _body(column: Column, profile: ColumnProfile, key: Sequence[str]) -> dict[str, Any]:
    body: dict[str, Any] = {"type": column.type}
    if column.source != column.name:
        body["from"] = column.source
    if column.format:
        body["format"] = column.format
    if set(column.null_values) - {""}:
        body["null_values"] = list(column.null_values)
    for name in ("thousands", "pii"):
        if (value := getattr(column, name)) not in (None, "none"):
            body[name] = value
    if column.decimal != ".":
        body["decimal"] = column.decimal
    if column.normalise is not None:
        body["normalise"] = {"remove": list(column.normalise.remove)}
    if profile.is_full and not profile.null_texts and column.name not in key:
        body["required"] = True
    return body


def _sources(source: str, tables: Sequence[NewTable]) -> str:
    lines = [
        "version: 2",
        "",
        "sources:",
        f"  - name: {source}",
        "    schema: landing",
        "    tables:",
    ]
    for table in tables:
        name = table.profile.name
        lines.append(f"      - {{name: {name}, identifier: {source}__{name}}}")
    return "\n".join(lines) + "\n"


def _model(source: str, entity: str, tables: Sequence[NewTable]) -> str:
    table = tables[0]
    lines = [
        f"-- To fill in: which columns of {source} make the canonical entity {entity}. Then rename",
        "-- the file to end in .sql, declare its coverage in the contract, run `rapport deploy`.",
        f"with {table.profile.name} as (",
        f"    {{{{ landed('{source}', '{table.profile.name}') }}}}",
        "),",
        "",
        f"stg_{source}__{entity} as (",
        "    select",
    ]
    named = {c.name for c in table.columns}
    columns = entities()[entity].columns
    for number, column in enumerate(columns):
        comma = "," if number < len(columns) - 1 else ""
        if column.name in named:
            lines.append(f"        {column.name}{comma}")
        else:
            lines.append(f"        cast(null as {column.type}) as {column.name}{comma}")
    lines += [
        f"    from {table.profile.name}",
        ")",
        "",
        f"select * from stg_{source}__{entity}",
        "",
    ]
    return "\n".join(lines)


def _inline(value: object) -> str:
    text = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=10_000)
    return text.removesuffix("\n").removesuffix("\n...")
