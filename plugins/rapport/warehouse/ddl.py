"""Tables that follow from contracts: landing history, quarantine, release store, mart views."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

OPEN_END = 9223372036854775807
"""`_to_batch` of a current version: the largest bigint, so that one comparison finds it."""


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


@dataclass(frozen=True)
class LandingTable:
    """What the DDL needs of a contract table: ``columns`` are (name, type) pairs."""

    name: str
    columns: Sequence[tuple[str, str]]
    key: Sequence[str]


def landing_ddl(table: LandingTable, existing: Iterable[str] = ()) -> list[str]:
    """Statements for `landing.<name>` and `quarantine.<name>`.

    Args:
        existing: business columns the landing table already has; the missing ones are added,
            none is ever dropped, because history must stay readable.
    """
    have = set(existing)
    relation = f"landing.{quoted(table.name)}"
    if have:
        return [
            f"alter table {relation} add column {quoted(name)} {type_}{_collation(type_)}"
            for name, type_ in table.columns
            if name not in have
        ]
    columns = ",\n  ".join(
        f"{quoted(name)} {type_}{_collation(type_)}" for name, type_ in table.columns
    )
    key = ", ".join(quoted(name) for name in table.key)
    return [
        f"create table {relation} (\n  {columns},\n"
        "  _from_batch bigint not null,\n"
        f"  _to_batch bigint not null default {OPEN_END},\n"
        "  _is_deleted boolean not null default false,\n"
        "  _landed_at timestamptz not null default now(),\n"
        "  _closed_at timestamptz,\n"
        "  check (_from_batch < _to_batch)\n)",
        f"create unique index on {relation} ({key}) where _to_batch = {OPEN_END}",
        f"create index on {relation} (_from_batch)",
        f"create index on {relation} (_to_batch)",
        f"grant select, insert, update (_to_batch, _closed_at) on {relation} to rapport_loader",
        f"grant select on {relation} to rapport_transformer, rapport_validator",
        *_quarantine_ddl(table.name),
    ]


def _quarantine_ddl(name: str) -> list[str]:
    relation = f"quarantine.{quoted(name)}"
    return [
        f"create table {relation} (\n"
        "  quarantine_id bigint generated always as identity primary key,\n"
        "  batch_seq bigint not null references ctl.batch,\n"
        "  rule text not null,\n  message text not null,\n"
        "  key_values jsonb,\n  locator jsonb,\n  row_data jsonb,\n"
        "  quarantined_at timestamptz not null default now(),\n"
        "  status text not null default 'open',\n"
        "  settled_by_batch bigint references ctl.batch\n)",
        f"create index on {relation} (batch_seq)",
        f"create index on {relation} (settled_by_batch)",
        f"grant select, insert on {relation} to rapport_loader",
        # The auditor counts and locates; the rows themselves may hold what is not theirs to see.
        f"grant select (quarantine_id, batch_seq, rule, message, key_values, locator,"
        f" quarantined_at, status, settled_by_batch) on {relation} to auditor",
    ]


@dataclass(frozen=True)
class MartTable:
    """A mart as its dbt contract declares it: ``columns`` are (name, type, description)."""

    name: str
    description: str
    columns: Sequence[tuple[str, str, str]]
    key: Sequence[str]


def store_ddl(mart: MartTable, existing: Sequence[tuple[str, str]] = ()) -> list[str]:
    """Statements for `store.<mart>`; with ``existing`` columns only what is added."""
    relation = f"store.{quoted(mart.name)}"
    have = {name for name, _ in existing}
    if existing:
        return [
            f"alter table {relation} add column {quoted(name)} {type_}{_collation(type_)}"
            for name, type_, _ in mart.columns
            if name not in have
        ]
    columns = ",\n  ".join(
        f"{quoted(name)} {type_}{_collation(type_)}" for name, type_, _ in mart.columns
    )
    key = ", ".join(["release_id", *(quoted(name) for name in mart.key)])
    return [
        f"create table {relation} (\n  release_id bigint not null references ctl.release,\n"
        f"  {columns},\n  primary key ({key})\n)",
        f"grant select on {relation} to rapport_transformer, rapport_validator, auditor",
    ]


def view_ddl(mart: MartTable, order: Sequence[str]) -> list[str]:
    """Statements for the static view `mart.<mart>` over the releases this session reads.

    Args:
        order: column names as the store has them; a replaced view may only grow at its end.
    """
    view = f"mart.{quoted(mart.name)}"
    columns = ",\n  ".join(f"s.{quoted(name)}" for name in order)
    comments = [
        f"comment on column {view}.{quoted(name)} is {literal(text)}"
        for name, _, text in mart.columns
    ]
    return [
        f"create or replace view {view} as\nselect\n  s.release_id,\n"
        "  s.as_of_date = (select max(n.as_of_date) from ctl.visible as n) as is_latest,\n"
        f"  {columns}\n"
        f"from store.{quoted(mart.name)} as s\n"
        "join ctl.visible as v on v.release_id = s.release_id and v.as_of_date = s.as_of_date",
        f"grant select on {view} to bi_reader, auditor",
        f"comment on view {view} is {literal(mart.description)}",
        *comments,
        f"comment on column {view}.is_latest is 'True on the newest published date.'",
        f"comment on column {view}.release_id is 'The release this row was published in.'",
    ]


def _collation(type_: str) -> str:
    """Text compares by code point everywhere, whatever locale the server was made with."""
    return (
        ' collate "C"'
        if type_.split("(")[0].strip() in ("text", "varchar", "character varying")
        else ""
    )
