"""Columns of a file are found by their names, never by their places."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

from rapport.errors import RapportError
from rapport.sources.connectors.csv_records import Record
from rapport.sources.table_contract import Column, TableContract


def match_header(
    table: TableContract, name: str, header: Record | None
) -> tuple[list[Column], list[int]]:
    """Columns of the contract that a file has, with their positions, matched by name.

    Raises:
        RapportError: for a header that is missing, unreadable, or not the contract's.
    """
    if header is None or header.broken:
        why = "is empty" if header is None else f"has no readable header ({header.broken})"
        raise RapportError(f"{name} {why}.", next_step="A header with column names is needed.")
    found = [field.strip() for field in header.fields]
    wanted = [c for c in table.columns if not c.source.startswith("@")]
    names = {c.name: _name_in(c, found) for c in wanted}
    must = table.absent_columns == "error"
    problems = []
    for c in wanted:
        name_there = names[c.name]
        if name_there and found.count(name_there) > 1:
            problems.append(f"column {name_there!r} comes {found.count(name_there)} times")
        if (must or c.required or c.name in table.key) and name_there is None:
            problems.append(f"column {c.source!r} is missing")
    unknown = [f for f in found if f not in names.values()]
    if table.drift == "freeze":
        problems += [f"column {f!r} is not in the contract" for f in unknown]
    elif not must:
        absent = [c.source for c in wanted if names[c.name] is None]
        problems += _misspelt(absent, unknown)
    if problems:
        raise RapportError(
            f"{name}: {'; '.join(problems)}. The header has: {', '.join(found)}.",
            next_step=f"Mend the file or the contract {table.source}.yml.",
        )
    present = [c for c in wanted if names[c.name] is not None]
    return present, [found.index(names[c.name] or "") for c in present]


def _name_in(column: Column, found: Sequence[str]) -> str | None:
    """The name of a column in a header: as declared, else one that the contract allows as well."""
    return next((name for name in (column.source, *column.also) if name in found), None)


def _misspelt(absent: Sequence[str], unknown: Sequence[str]) -> list[str]:
    """A column may be left out, but not under a name that was probably meant to be it."""
    return [
        f"column {name!r} is not in the contract; is {column!r} meant?"
        for column in absent
        for name in get_close_matches(column, unknown, n=1, cutoff=0.7)
    ]
