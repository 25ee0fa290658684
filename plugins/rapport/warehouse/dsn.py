"""One home for database addresses: who connects, where to, with which fixed session settings."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Literal, get_args

import psycopg
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy.engine import URL

from rapport.errors import RapportError
from rapport.settings import Settings

Role = Literal[
    "admin",
    "loader",
    "transformer",
    "validator",
    "publisher",
    "approver",
    "bi_reader",
    "auditor",
]
ROLES: tuple[Role, ...] = get_args(Role)

# Results must not depend on who asks or where: same zone, same text forms, for every session.
SESSION_OPTIONS = {
    "TimeZone": "UTC",
    "DateStyle": "ISO, YMD",
    "IntervalStyle": "iso_8601",
    "extra_float_digits": "1",
}


def database_role(role: str) -> str:
    """Name of the PostgreSQL role behind a short role name."""
    if role not in ROLES:
        raise RapportError(
            f"There is no role {role!r}.", next_step=f"Use one of: {', '.join(ROLES)}."
        )
    return role if role in ("bi_reader", "auditor") else f"rapport_{role}"


def role_dsn(settings: Settings, role: str) -> str:
    """libpq URL for a role: ``RAPPORT_<ROLE>_URL`` if set, else the warehouse with its password."""
    name = database_role(role)
    if override := os.environ.get(f"RAPPORT_{role.upper()}_URL"):
        return override
    if role == "admin" and settings.warehouse_url:
        return settings.warehouse_url
    parts = _warehouse(settings)
    parts["username"] = name
    parts["password"] = _password(settings, name)
    return _render(parts)


def source_dsn(settings: Settings, source: str) -> str:
    """libpq URL of a source system: ``RAPPORT_SOURCE_<NAME>_URL`` or the local simulated one.

    Raises:
        RapportError: when neither is configured.
    """
    variable = f"RAPPORT_SOURCE_{source.upper()}_URL"
    if override := os.environ.get(variable):
        return override
    known = _read_json(settings, "sources.json")
    if source not in known:
        raise RapportError(
            f"Source {source!r} has no address.",
            next_step=f"Set {variable}=postgresql://… or start the local demo with `make run`.",
        )
    return known[source]


def has_source_dsn(settings: Settings, source: str) -> bool:
    """Whether an address for the source is configured (it need not answer)."""
    return f"RAPPORT_SOURCE_{source.upper()}_URL" in os.environ or source in _read_json(
        settings, "sources.json"
    )


def connect(
    dsn: str, *, application_name: str = "rapport", autocommit: bool = False
) -> psycopg.Connection:
    """Open a connection with the fixed session settings.

    Raises:
        RapportError: when the server does not answer or refuses, without the password.
    """
    options = " ".join(
        f"-c {k}={v.replace(' ', chr(92) + ' ')}" for k, v in SESSION_OPTIONS.items()
    )
    try:
        return psycopg.connect(
            dsn,
            application_name=application_name,
            autocommit=autocommit,
            client_encoding="UTF8",
            options=options,
            connect_timeout=15,
        )
    except psycopg.OperationalError as error:
        raise RapportError(
            f"Cannot connect to {redacted(dsn)}: {str(error).strip()}",
            next_step="Run `rapport doctor`; for the local database `rapport local database`.",
        ) from error


def sqlalchemy_url(dsn: str, driver: str = "psycopg2") -> str:
    """The same address for SQLAlchemy, driver spelled out (a bare ``postgres://`` fails there)."""
    parts = conninfo_to_dict(dsn)
    query = {k: str(v) for k, v in parts.items() if k not in _URL_PARTS and v is not None}
    return URL.create(
        f"postgresql+{driver}",
        username=_text(parts, "user"),
        password=_text(parts, "password"),
        host=_text(parts, "host"),
        port=int(str(parts["port"])) if parts.get("port") else None,
        database=_text(parts, "dbname"),
        query=query,
    ).render_as_string(hide_password=False)


def redacted(dsn: str) -> str:
    """The address as it may be shown: user, host, port and database, never the password."""
    p = conninfo_to_dict(dsn)
    return f"{p.get('user', '?')}@{p.get('host', '?')}:{p.get('port', 5432)}/{p.get('dbname', '?')}"


_URL_PARTS = ("user", "password", "host", "port", "dbname")


def _text(parts: Mapping[str, object], key: str) -> str | None:
    value = parts.get(key)
    return None if value is None else str(value)


def _warehouse(settings: Settings) -> dict[str, str | None]:
    if settings.warehouse_url:
        p = dict(conninfo_to_dict(settings.warehouse_url))
        return {
            "host": _text(p, "host"),
            "port": _text(p, "port"),
            "database": _text(p, "dbname"),
            "sslmode": _text(p, "sslmode"),
        }
    port = str(settings.database_port)
    return {"host": "127.0.0.1", "port": port, "database": "rapport", "sslmode": None}


def _render(parts: dict[str, str | None]) -> str:
    sslmode = parts.get("sslmode")
    return URL.create(
        "postgresql",
        username=parts["username"],
        password=parts["password"],
        host=parts["host"],
        port=int(parts["port"]) if parts["port"] else None,
        database=parts["database"],
        query={"sslmode": sslmode} if sslmode else {},
    ).render_as_string(hide_password=False)


def _password(settings: Settings, name: str) -> str:
    passwords = _read_json(settings, "warehouse.json")
    if name not in passwords:
        raise RapportError(
            f"No password is known for database role {name}.",
            next_step="Run `rapport warehouse upgrade` (or `make run`), or set "
            f"RAPPORT_{name.removeprefix('rapport_').upper()}_URL.",
        )
    return passwords[name]


def _read_json(settings: Settings, name: str) -> dict[str, str]:
    path = settings.secrets / name
    if not path.is_file():
        return {}
    content = json.loads(path.read_text(encoding="utf-8"))
    return {str(k): str(v) for k, v in content.items()}
