"""Look at the tables of a database: declared types and keys, and a sample of values."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from rapport.errors import RapportError
from rapport.onboarding.folder import TableProfile, plain_name
from rapport.onboarding.profiles import ColumnProfile
from rapport.sources.connectors.value_text import as_text

_ROWS = 20_000


def profile_database(url: str) -> list[TableProfile]:
    """All tables that may be read, each with a sample of its rows.

    Raises:
        RapportError: when the database does not answer, or shows no table.
    """
    try:
        address = sa.make_url(url)
        if address.drivername in ("postgres", "postgresql"):
            address = address.set(drivername="postgresql+psycopg")
        engine = sa.create_engine(address, poolclass=sa.pool.NullPool)
        with engine.connect() as connection:
            inspector = sa.inspect(connection)
            found = [_profile(connection, inspector, name) for name in inspector.get_table_names()]
    except SQLAlchemyError as error:
        cause = str(getattr(error, "orig", None) or error).splitlines()[0][:200]
        raise RapportError(
            f"The database cannot be looked at: {cause}",
            next_step="Check the URL, for example mysql+pymysql://user:password@host/database.",
        ) from None
    if not found:
        raise RapportError(
            "The database shows no table to this user.", next_step="Grant it select on the tables."
        )
    return found


def contract_type(kind: sa.types.TypeEngine[Any]) -> str:
    """The contract's type for a declared one; text for what has no other."""
    if isinstance(kind, sa.types.Boolean) or type(kind).__name__ == "BIT":
        return "boolean"
    if isinstance(kind, sa.types.BigInteger):
        return "bigint"
    if type(kind).__name__ == "TINYINT" and getattr(kind, "display_width", None) == 1:
        return "boolean"
    if isinstance(kind, sa.types.Integer):
        return "bigint" if getattr(kind, "unsigned", False) else "integer"
    if isinstance(kind, sa.types.Float):
        return "numeric(38,10)"
    if isinstance(kind, sa.types.Numeric):
        return f"numeric({kind.precision or 38},{10 if kind.scale is None else kind.scale})"
    if isinstance(kind, sa.types.DateTime):
        return "timestamptz"
    if isinstance(kind, sa.types.Date):
        return "date"
    return "text"


def _profile(connection: sa.Connection, inspector: sa.Inspector, table: str) -> TableProfile:
    taken: set[str] = set()
    declared = inspector.get_columns(table)
    profiles = [ColumnProfile(c["name"], plain_name(c["name"], taken)) for c in declared]
    types = {p.name: contract_type(c["type"]) for p, c in zip(profiles, declared, strict=True)}
    columns: list[sa.ColumnElement[Any]] = [sa.column(c["name"]) for c in declared]
    query = sa.select(*columns).select_from(sa.table(table))
    for row in connection.execute(query.limit(_ROWS)):
        for value, profile in zip(row, profiles, strict=True):
            profile.see(as_text(value))
    names = {p.source: p.name for p in profiles}
    key = tuple(names[c] for c in inspector.get_pk_constraint(table)["constrained_columns"])
    return TableProfile(plain_name(table, set()), {"relation": table}, profiles, key, types)
