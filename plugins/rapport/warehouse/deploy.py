"""`rapport deploy`: register this code version and make the tables and views it needs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from rapport import __version__
from rapport.errors import RapportError
from rapport.settings import Settings
from rapport.warehouse import code_version, ddl, dsn, migrate, roles


@dataclass(frozen=True)
class Deployment:
    """What `deploy` did: the code version, and how many of each thing it holds."""

    tree_hash: str
    sources: int
    marts: int
    suites: int
    statements: int


def is_deployed(settings: Settings) -> bool:
    """Whether the warehouse is migrated and knows the code version of this tree."""
    with dsn.connect(dsn.role_dsn(settings, "admin")) as connection:
        if migrate.current_revision(connection) != migrate.head_revision():
            return False
        connection.execute(f"set role {roles.OWNER}".encode())
        query = "select from ctl.code_version where tree_hash = %s"
        row = connection.execute(query, [code_version.tree_hash(settings)]).fetchone()
        return row is not None


def deploy(settings: Settings) -> Deployment:
    """Register the tree, and make landing, quarantine, store, slots and mart views; repeatable.

    Everything happens in one transaction: a failed deployment changes nothing.

    Raises:
        RapportError: when the warehouse is not migrated, or a mart changes in a way that would
            break its readers (a column gone or retyped).
    """
    from rapport.quality.suites import load_suites
    from rapport.sources.contracts import load_contracts
    from rapport.transform.lineage import mart_lineage
    from rapport.transform.manifest import mart_contracts

    contracts = load_contracts(settings)
    suites = load_suites(settings, contracts)
    marts = [
        ddl.MartTable(m.name, m.description, m.columns, m.key) for m in mart_contracts(settings)
    ]
    lineage = mart_lineage(settings)
    version = code_version.tree_hash(settings)
    with dsn.connect(
        dsn.role_dsn(settings, "admin"), application_name="rapport deploy"
    ) as connection:
        if migrate.current_revision(connection) != migrate.head_revision():
            raise RapportError(
                "The warehouse is not at the schema of this package.",
                next_step="Run `rapport warehouse upgrade`, then `rapport deploy`.",
            )
        connection.execute(b"select pg_advisory_xact_lock(hashtext('rapport deploy'))")
        statements = _make_slots(connection, settings.slots)
        connection.execute(f"set local role {roles.OWNER}".encode())
        _register_version(connection, settings, version)
        for contract in contracts.values():
            _register_source(connection, contract)
            statements += _make_landing(connection, contract)
        for mart in marts:
            statements += _make_mart(connection, mart)
        _register_marts(connection, version, marts, lineage)
        _register_suites(connection, version, suites)
    return Deployment(version, len(contracts), len(marts), len(suites), statements)


def _execute_all(connection: psycopg.Connection, statements: Sequence[str]) -> int:
    for statement in statements:
        connection.execute(statement.encode())
    return len(statements)


def _make_slots(connection: psycopg.Connection, count: int) -> int:
    made = 0
    for number in range(1, count + 1):
        slot = f"build_{number}"
        made += _execute_all(
            connection,
            [
                f"create schema if not exists {slot} authorization {roles.OWNER}",
                f"set local role {roles.OWNER}",
                f"grant usage on schema {slot} to rapport_validator, auditor",
                f"insert into ctl.slot (slot) values ('{slot}') on conflict do nothing",
                "reset role",
            ],
        )
    return made


def _register_version(connection: psycopg.Connection, settings: Settings, version: str) -> None:
    hashes = code_version.parts(settings)
    connection.execute(
        "insert into ctl.code_version"
        " (tree_hash, parts, lock_hash, package_version, warnings_need_override)"
        " values (%s, %s, %s, %s, %s) on conflict do nothing",
        [version, Jsonb(hashes), hashes["lock"], __version__, settings.warnings_need_override],
    )


def _register_source(connection: psycopg.Connection, contract: object) -> None:
    from rapport.sources.contracts import Contract

    assert isinstance(contract, Contract)
    connection.execute(
        "insert into ctl.source (source, contract_hash, is_required, max_staleness_hours,"
        " table_names, coverage, layout) values (%s, %s, %s, %s, %s, %s, %s)"
        " on conflict (source) do update set layout = excluded.layout,"
        " contract_hash = excluded.contract_hash, is_required = excluded.is_required,"
        " max_staleness_hours = excluded.max_staleness_hours,"
        " table_names = excluded.table_names, coverage = excluded.coverage, updated_at = now()",
        [
            contract.source,
            contract.hash,
            contract.required,
            contract.max_staleness_hours,
            sorted(contract.tables),
            Jsonb(dict(contract.coverage)),
            contract.layout,
        ],
    )


def _make_landing(connection: psycopg.Connection, contract: object) -> int:
    from rapport.sources.contracts import Contract

    assert isinstance(contract, Contract)
    made = 0
    for name, table in contract.tables.items():
        columns = [(column.name, column.type) for column in table.columns]
        landing = ddl.LandingTable(f"{contract.source}__{name}", columns, list(table.key))
        existing = dict(_columns(connection, "landing", landing.name))
        _refuse_retyping(connection, f"landing.{landing.name}", columns, existing)
        made += _execute_all(connection, ddl.landing_ddl(landing, existing))
    return made


def _make_mart(connection: psycopg.Connection, mart: ddl.MartTable) -> int:
    existing = _store_columns(connection, mart.name)
    declared = [(name, type_) for name, type_, _ in mart.columns]
    gone = sorted(dict(existing).keys() - dict(declared).keys())
    if gone:
        raise RapportError(
            f"Mart {mart.name} loses {', '.join(gone)}; readers of mart.{mart.name} would break.",
            next_step="Keep the column, or give the changed mart a new name.",
        )
    _refuse_retyping(connection, f"mart {mart.name}", declared, dict(existing))
    made = _execute_all(connection, ddl.store_ddl(mart, existing))
    order = [name for name, _ in _store_columns(connection, mart.name)]
    return made + _execute_all(connection, ddl.view_ddl(mart, order))


def _store_columns(connection: psycopg.Connection, mart: str) -> list[tuple[str, str]]:
    return [(n, t) for n, t in _columns(connection, "store", mart) if n != "release_id"]


def _refuse_retyping(
    connection: psycopg.Connection,
    what: str,
    declared: Sequence[tuple[str, str]],
    existing: dict[str, str],
) -> None:
    """Kept history and old releases stay readable only while a column keeps its type."""
    if not existing:
        return
    # A scratch table lets PostgreSQL spell the declared types its way: `int` and `integer` are one.
    columns = ", ".join(f"{ddl.quoted(name)} {type_}" for name, type_ in declared)
    connection.execute(f"create temporary table declared ({columns}) on commit drop".encode())
    for name, type_ in _columns(connection, "pg_temp", "declared"):
        if existing.get(name, type_) != type_:
            raise RapportError(
                f"{what}: column {name} is {existing[name]} and cannot become {type_};"
                " what is stored would no longer be what was delivered.",
                next_step="Keep the type, or give the column with the new type a new name.",
            )
    connection.execute(b"drop table pg_temp.declared")


def _columns(connection: psycopg.Connection, schema: str, table: str) -> list[tuple[str, str]]:
    """(name, type) of a table's columns in order, without the landing metadata; empty if absent."""
    return connection.execute(
        "select attname, format_type(atttypid, atttypmod) from pg_attribute"
        " where attrelid = to_regclass(format('%%I.%%I', %s::text, %s::text)) and attnum > 0"
        " and not attisdropped and attname not like '\\_%%' order by attnum",
        [schema, table],
    ).fetchall()


def _register_marts(
    connection: psycopg.Connection,
    version: str,
    marts: Sequence[ddl.MartTable],
    lineage: dict[str, dict[str, Any]],
) -> None:
    rows = [
        (
            version,
            m.name,
            [name for name, _, _ in m.columns],
            list(m.key),
            Jsonb(lineage.get(m.name, {})),
        )
        for m in marts
    ]
    with connection.cursor() as cursor:
        cursor.executemany(
            "insert into ctl.registered_mart values (%s, %s, %s, %s, %s) on conflict do nothing",
            rows,
        )


def _register_suites(
    connection: psycopg.Connection, version: str, suites: Sequence[object]
) -> None:
    from rapport.quality.suites import Suite

    rows = []
    for suite in suites:
        assert isinstance(suite, Suite)
        rows.append(
            (
                version,
                suite.stage,
                suite.suite,
                suite.object,
                suite.suite_hash,
                len(suite.expectations),
                suite.allow_empty is not None,
            )
        )
    with connection.cursor() as cursor:
        cursor.executemany(
            "insert into ctl.required_suite values (%s, %s, %s, %s, %s, %s, %s)"
            " on conflict do nothing",
            rows,
        )
