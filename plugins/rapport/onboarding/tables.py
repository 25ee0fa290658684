"""Judge what was found: columns of the contract, and what identifies a row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rapport.onboarding.folder import TableProfile
from rapport.onboarding.profiles import ColumnProfile, guess, key_of
from rapport.sources.table_contract import Column


@dataclass(frozen=True)
class NewTable:
    """A table as the contract will have it."""

    profile: TableProfile
    columns: list[Column]
    key: list[str]


def read_tables(profiles: Sequence[TableProfile]) -> list[NewTable]:
    """Judge types and keys of what was found."""
    tables = []
    for profile in profiles:
        columns = [_column(profile, p) for p in profile.columns]
        key = list(profile.key) or key_of(profile.columns, columns)
        tables.append(NewTable(profile, columns, key))
    return tables


def _column(table: TableProfile, profile: ColumnProfile) -> Column:
    if table.types is None:
        return guess(profile)
    kind = "text" if profile.is_person else table.types[profile.name]
    pii = "person" if profile.is_person else "none"
    return Column.model_validate(
        {"name": profile.name, "from": profile.source, "type": kind, "pii": pii, "null_values": ()}
    )
