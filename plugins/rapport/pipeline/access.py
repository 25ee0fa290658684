"""What every step needs: the sources in use, a connection, its release, readable refusals."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psycopg

from rapport.errors import RapportError
from rapport.publishing.context import ReleaseContext, release_context
from rapport.settings import Settings
from rapport.warehouse import dsn

if TYPE_CHECKING:
    from rapport.sources.contracts import Contract


def enabled_contracts(settings: Settings) -> dict[str, Contract]:
    """The contracts of the sources that take part, by name."""
    from rapport.sources.contracts import enabled_sources, load_contracts

    contracts = load_contracts(settings)
    enabled = enabled_sources(settings, contracts)
    if not enabled:
        raise RapportError(
            "No source is enabled.",
            next_step="Set RAPPORT_FILES_DIR, or a RAPPORT_SOURCE_<NAME>_URL, or RAPPORT_SOURCES;"
            " the demo's sources come with `make run`.",
        )
    return {name: contracts[name] for name in enabled}


def connect(settings: Settings, role: str) -> psycopg.Connection:
    return dsn.connect(dsn.role_dsn(settings, role), application_name="rapport pipeline")


def release_of_run(settings: Settings, run_key: str) -> ReleaseContext:
    with connect(settings, "auditor") as connection:
        return release_context(connection, run_key)


@contextmanager
def told() -> Iterator[None]:
    """What the database's own functions refuse, as the error a person reads."""
    try:
        yield
    except (psycopg.errors.RaiseException, psycopg.errors.ObjectInUse) as error:
        raise RapportError(
            str(error.diag.message_primary), next_step=error.diag.message_hint
        ) from error
