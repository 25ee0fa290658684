"""Bring the warehouse to the schema of this package (Alembic), as a role without superuser."""

from __future__ import annotations

import io
import json
import os
import secrets as random_secrets
from pathlib import Path

import psycopg
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

from rapport.errors import RapportError
from rapport.settings import Settings
from rapport.warehouse import dsn, roles

MIGRATIONS = Path(__file__).parent / "migrations"
MINIMUM_VERSION = 160000


def upgrade(settings: Settings) -> None:
    """Make roles and schemas and run every outstanding migration; safe to repeat.

    Raises:
        RapportError: for a server older than PostgreSQL 16 or a role without CREATEROLE.
    """
    make_roles(settings)
    admin = dsn.role_dsn(settings, "admin")
    with dsn.connect(admin, application_name="rapport migrate") as connection:
        connection.execute(f"create schema if not exists ctl authorization {roles.OWNER}".encode())
    command.upgrade(_config(admin), "head")


def make_roles(settings: Settings) -> None:
    """Make the roles with passwords, memberships and grants on the database; safe to repeat."""
    passwords = ensure_passwords(settings)
    with dsn.connect(
        dsn.role_dsn(settings, "admin"), application_name="rapport migrate"
    ) as connection:
        _check_version(connection)
        roles.ensure_roles(connection, passwords)


def current_revision(connection: psycopg.Connection) -> str | None:
    """The migration this database is at, or None for an empty one."""
    row = connection.execute("select to_regclass('ctl.alembic_version') is not null").fetchone()
    if not row or not row[0]:
        return None
    version = connection.execute("select version_num from ctl.alembic_version").fetchone()
    return None if version is None else str(version[0])


def head_revision() -> str:
    """The migration this package expects."""
    head = ScriptDirectory.from_config(_config("")).get_current_head()
    assert head is not None
    return head


def ddl_script(settings: Settings, admin: str = "rapport_admin") -> str:
    """Everything `upgrade` would do on an empty server, as SQL for a DBA to read and run."""
    output = io.StringIO()
    output.write("-- Roles: set a password for each LOGIN role afterwards.\n")
    for statement in roles.role_statements([], admin):
        output.write(f"{statement};\n")
    output.write(f"create schema if not exists ctl authorization {roles.OWNER};\n")
    config = _config("postgresql+psycopg2://")
    config.output_buffer = output
    command.upgrade(config, "head", sql=True)
    return output.getvalue()


def ensure_passwords(settings: Settings) -> dict[str, str]:
    """Passwords of the login roles; missing ones are made and kept in the secrets folder (0600)."""
    path = settings.secrets / "warehouse.json"
    known: dict[str, str] = json.loads(path.read_text("utf-8")) if path.is_file() else {}
    missing = [role for role in roles.LOGIN_ROLES if role not in known]
    if missing:
        known |= {role: random_secrets.token_urlsafe(24) for role in missing}
        settings.secrets.mkdir(mode=0o700, parents=True, exist_ok=True)
        temporary = path.with_suffix(".new")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(known, file, indent=1, sort_keys=True)
        temporary.replace(path)
    return known


def _check_version(connection: psycopg.Connection) -> None:
    if connection.info.server_version < MINIMUM_VERSION:
        raise RapportError(
            f"The warehouse runs PostgreSQL {connection.info.server_version // 10000};"
            " 16 is the minimum.",
            next_step="Upgrade the server, or leave RAPPORT_WAREHOUSE_URL unset"
            " to use the embedded one.",
        )


def _config(admin: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["url"] = (
        dsn.sqlalchemy_url(admin) if admin.startswith("postgresql:") else admin
    )
    return config
