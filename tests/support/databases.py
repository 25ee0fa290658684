"""Fresh databases as copies of a template, and their removal."""

from __future__ import annotations

from psycopg import sql

from rapport.local.postgres import EmbeddedPostgres

_COPY_ACCESS = """
update pg_database as copy set datacl = template.datacl
from pg_database as template where copy.datname = %(copy)s and template.datname = %(template)s
"""
_COPY_DEFAULTS = """
insert into pg_db_role_setting (setdatabase, setrole, setconfig)
select copy.oid, setrole, setconfig
from pg_db_role_setting
join pg_database as template on template.oid = setdatabase and template.datname = %(template)s
cross join pg_database as copy
where copy.datname = %(copy)s
"""


def copy_database(server: EmbeddedPostgres, template: str, copy: str, owner: str) -> None:
    """Clone a database with what CREATE DATABASE leaves behind: grants and role defaults."""
    names = {"template": template, "copy": copy}
    with server.connect() as connection:
        connection.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", [template]
        )
        connection.execute(
            sql.SQL("create database {} template {} owner {} strategy file_copy").format(
                sql.Identifier(copy), sql.Identifier(template), sql.Identifier(owner)
            )
        )
        connection.execute(_COPY_ACCESS, names)
        connection.execute(_COPY_DEFAULTS, names)


def create_database(server: EmbeddedPostgres, name: str, owner: str) -> str:
    """Make an empty database; its name."""
    with server.connect() as connection:
        connection.execute(
            sql.SQL("create database {} owner {} template template0").format(
                sql.Identifier(name), sql.Identifier(owner)
            )
        )
    return name


def drop_database(server: EmbeddedPostgres, name: str) -> None:
    """Remove a database, ending its sessions."""
    with server.connect() as connection:
        connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))
