"""Airflow connections, where they exist, become the addresses that the package reads.

`rapport_<role>` stands for RAPPORT_<ROLE>_URL, `rapport_source_<name>` for
RAPPORT_SOURCE_<NAME>_URL. Without a connection the environment and the settings stay as they are.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager

from airflow.sdk import Connection
from airflow.sdk.exceptions import AirflowNotFoundException
from sqlalchemy.engine import URL

from rapport.errors import RapportError
from rapport.warehouse.dsn import Role

Lookup = Callable[[str], Connection | None]


def find(conn_id: str) -> Connection | None:
    """The connection of this name, or None."""
    try:
        return Connection.get(conn_id)
    except AirflowNotFoundException:
        return None


def libpq_url(connection: Connection) -> str:
    """Address for libpq; text values of the extra (sslmode, sslrootcert …) become its options.

    Raises:
        RapportError: when the connection is not one to PostgreSQL.
    """
    if connection.conn_type not in ("postgres", "postgresql"):
        raise RapportError(
            f"Airflow connection {connection.conn_id!r} is of type {connection.conn_type!r}.",
            next_step="Give it the type postgres.",
        )
    options = {k: v for k, v in connection.extra_dejson.items() if isinstance(v, str) and v}
    return URL.create(
        "postgresql",
        username=connection.login,
        password=connection.password,
        host=connection.host,
        port=connection.port,
        database=connection.schema,
        query=options,
    ).render_as_string(hide_password=False)


def addresses(
    roles: Iterable[Role], sources: Iterable[str], lookup: Lookup = find
) -> dict[str, str]:
    """Variable → address, for those roles and sources that have a connection."""
    wanted = {f"rapport_{role}": f"RAPPORT_{role.upper()}_URL" for role in roles}
    wanted |= {f"rapport_source_{s}": f"RAPPORT_SOURCE_{s.upper()}_URL" for s in sources}
    found = {variable: lookup(conn_id) for conn_id, variable in wanted.items()}
    return {variable: libpq_url(item) for variable, item in found.items() if item is not None}


@contextmanager
def exported(variables: Mapping[str, str]) -> Iterator[None]:
    """Have the addresses in the environment for the time of one step, then as it was before."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
