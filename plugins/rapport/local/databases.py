"""Roles and databases of the embedded server, made once and put right at each start."""

from __future__ import annotations

from dataclasses import dataclass

import psycopg
from psycopg import sql
from sqlalchemy.engine import URL

from rapport.local import ports, secret_files
from rapport.local.postgres import SUPERUSER, EmbeddedPostgres
from rapport.settings import Settings

WAREHOUSE_ROLES = (
    "rapport_admin",
    "rapport_loader",
    "rapport_transformer",
    "rapport_validator",
    "rapport_publisher",
    "rapport_approver",
    "bi_reader",
    "auditor",
)
SIMULATED_SOURCES = ("crm", "loans")


@dataclass(frozen=True)
class _Database:
    name: str
    owner: str
    guests: tuple[str, ...] = ()


# Guests of the warehouse get their CONNECT from the warehouse's own migrations.
_DATABASES = (
    _Database("rapport", "rapport_admin"),
    _Database("airflow", "airflow"),
    *(_Database(name, "simulator", ("source_reader",)) for name in SIMULATED_SOURCES),
)


def embedded(settings: Settings) -> EmbeddedPostgres:
    """The server that belongs to these settings; neither created nor started here."""
    password = secret_files.ensure(settings.secrets, "postgres.json", [SUPERUSER])[SUPERUSER]
    return EmbeddedPostgres(settings.state / "postgres", settings.database_port, password)


def ensure_running(settings: Settings) -> bool:
    """Server up, roles and databases there; True when the server had to be started."""
    server = embedded(settings)
    server.init()
    started = server.start()
    ensure_databases(server, settings)
    return started


def ensure_databases(server: EmbeddedPostgres, settings: Settings) -> None:
    """Create what is missing among passwords, roles and databases (run as often as you like)."""
    passwords = secret_files.ensure(settings.secrets, "warehouse.json", WAREHOUSE_ROLES)
    others = secret_files.ensure(
        settings.secrets, "local_roles.json", ("airflow", "simulator", "source_reader")
    )
    with server.connect() as connection:
        _ensure_role(connection, "rapport_admin", passwords["rapport_admin"], "createrole")
        for role, password in others.items():
            _ensure_role(connection, role, password)
        for database in _DATABASES:
            _ensure_database(connection, database)
    for name in SIMULATED_SOURCES:
        with server.connect(name) as connection:
            _let_read(connection)
    _write_addresses(server, settings, others)


def address(port: int, database: str, role: str, password: str) -> str:
    """libpq URL of a database on this machine."""
    url = URL.create("postgresql", role, password, ports.HOST, port, database)
    return url.render_as_string(hide_password=False)


def _write_addresses(server: EmbeddedPostgres, settings: Settings, others: dict[str, str]) -> None:
    sources = secret_files.read(settings.secrets, "sources.json")
    simulated = {
        name: address(server.port, name, "source_reader", others["source_reader"])
        for name in SIMULATED_SOURCES
    }
    if sources != sources | simulated:
        secret_files.write(settings.secrets, "sources.json", sources | simulated)


def _ensure_role(
    connection: psycopg.Connection, role: str, password: str, attribute: str = ""
) -> None:
    found = connection.execute("select from pg_roles where rolname = %s", [role]).fetchone()
    # Hashed here: the password itself never reaches the server's log or statistics.
    verifier = connection.pgconn.encrypt_password(
        password.encode(), role.encode(), b"scram-sha-256"
    ).decode()
    connection.execute(
        sql.SQL("{} role {} login nosuperuser nocreatedb {} password {}").format(
            sql.SQL("create" if found is None else "alter"),
            sql.Identifier(role),
            sql.SQL(attribute),
            sql.Literal(verifier),
        )
    )


def _ensure_database(connection: psycopg.Connection, database: _Database) -> None:
    name, owner = sql.Identifier(database.name), sql.Identifier(database.owner)
    query = "select from pg_database where datname = %s"
    if connection.execute(query, [database.name]).fetchone() is None:
        connection.execute(
            sql.SQL("create database {} owner {} template template0").format(name, owner)
        )
    connection.execute(sql.SQL("revoke all on database {} from public").format(name))
    for guest in database.guests:
        connection.execute(
            sql.SQL("grant connect on database {} to {}").format(name, sql.Identifier(guest))
        )


def _let_read(connection: psycopg.Connection) -> None:
    connection.execute("grant usage on schema public to source_reader")
    connection.execute("grant create, usage on schema public to simulator")
    connection.execute("grant select on all tables in schema public to source_reader")
    connection.execute(
        "alter default privileges for role simulator in schema public "
        "grant select on tables to source_reader"
    )
