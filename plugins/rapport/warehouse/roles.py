"""The database roles: who exists, who may act as whom, and their fixed settings."""

from __future__ import annotations

from collections.abc import Iterable

import psycopg
from psycopg import sql

from rapport.errors import RapportError

OWNER = "rapport_owner"
LOGIN_ROLES = (
    "rapport_loader",
    "rapport_transformer",
    "rapport_validator",
    "rapport_publisher",
    "rapport_approver",
    "bi_reader",
    "auditor",
)
# The owner seals what the transformer built and ends a loader's stale session: it needs both.
OWNER_MEMBERSHIPS = ("rapport_loader", "rapport_transformer")

_READER_DEFAULTS = {
    "default_transaction_read_only": "on",
    # Several statements of one READ COMMITTED transaction could straddle a publish.
    "default_transaction_isolation": "repeatable read",
    "statement_timeout": "10min",
    "idle_in_transaction_session_timeout": "30min",
}
ROLE_SETTINGS: dict[str, dict[str, str]] = {
    "bi_reader": _READER_DEFAULTS | {"search_path": "mart"},
    "auditor": _READER_DEFAULTS,
    # History is found by index, not by scanning it; the default cost of 4 would scan.
    "rapport_loader": {"random_page_cost": "1.1"},
}


def role_statements(existing: Iterable[str], admin: str) -> list[str]:
    """SQL that makes the missing roles and their memberships; passwords are set apart.

    Args:
        existing: roles the server has.
        admin: the migration role, which must be able to act as the owner.
    """
    have = set(existing)
    statements = []
    if OWNER not in have:
        statements.append(f"create role {OWNER} nologin")
    statements += [f"create role {role} login" for role in LOGIN_ROLES if role not in have]
    statements.append(
        f'grant {OWNER}, rapport_transformer to "{admin}" with inherit true, set true'
    )
    statements += [
        f"grant {role} to {OWNER} with inherit true, set true" for role in OWNER_MEMBERSHIPS
    ]
    for role, values in ROLE_SETTINGS.items():
        statements += [
            f"alter role {role} set {name} = '{value}'" for name, value in values.items()
        ]
    return statements


def ensure_roles(connection: psycopg.Connection, passwords: dict[str, str]) -> None:
    """Make the roles, their memberships, settings and passwords; safe to repeat.

    Raises:
        RapportError: when the connected role may not create roles.
    """
    row = connection.execute(
        "select rolname, rolcreaterole or rolsuper from pg_roles where rolname = current_user"
    ).fetchone()
    assert row is not None
    admin, may_create = row
    if not may_create:
        raise RapportError(
            f"Role {admin} may not create roles.",
            next_step="Give it CREATEROLE, or let a DBA run the output of `rapport warehouse sql`.",
        )
    existing = [name for (name,) in connection.execute("select rolname from pg_roles").fetchall()]
    for statement in role_statements(existing, admin):
        connection.execute(statement.encode())
    for role in LOGIN_ROLES:
        if role in passwords:
            _set_password(connection, role, passwords[role])
    grant_database(connection)


def grant_database(connection: psycopg.Connection) -> None:
    """Let our roles, and nobody else, connect to this database (such grants are not cloned)."""
    (name,) = connection.execute("select current_database()").fetchone() or ("",)
    database = sql.Identifier(name)
    connection.execute(sql.SQL("revoke all on database {} from public").format(database))
    roles = sql.SQL(", ").join(sql.Identifier(role) for role in LOGIN_ROLES)
    connection.execute(sql.SQL("grant connect on database {} to {}").format(database, roles))
    # The loader's work tables, Great Expectations' query assets, the type check of a deployment.
    temporary = f"to rapport_loader, rapport_validator, {OWNER}"
    connection.execute(
        sql.SQL("grant temporary on database {} ").format(database) + sql.SQL(temporary)
    )


def _set_password(connection: psycopg.Connection, role: str, password: str) -> None:
    # The verifier is computed here, so that no password can appear in the server's log.
    verifier = connection.pgconn.encrypt_password(
        password.encode(), role.encode(), b"scram-sha-256"
    ).decode()
    connection.execute(
        sql.SQL("alter role {} password {}").format(sql.Identifier(role), sql.Literal(verifier))
    )
