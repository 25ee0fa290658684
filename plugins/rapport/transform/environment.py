"""The environment dbt runs in: where it connects, what it parses with, what it executes with."""

from __future__ import annotations

import json
import os

from psycopg.conninfo import conninfo_to_dict

from rapport.publishing.context import ReleaseContext
from rapport.settings import Settings
from rapport.warehouse.dsn import SESSION_OPTIONS, role_dsn

# Sorting and hashing fit in memory on a small machine; compiling queries costs more than it saves.
_PLANNER_OPTIONS = {"work_mem": "64MB", "random_page_cost": "1.1", "jit": "off"}
_QUIET = {
    "DO_NOT_TRACK": "1",
    "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    "SCARF_ANALYTICS": "false",
    "DBT_VERSION_CHECK": "false",
}


def parse_environment(settings: Settings) -> dict[str, str]:
    """Variables that dbt reads when it parses; the same for every run of a deployment."""
    from rapport.sources.contracts import canonical_sources, load_contracts

    contracts = load_contracts(settings)
    sources = _stable_json(canonical_sources(contracts, settings))
    return {**_inherited(), **_QUIET, "RAPPORT_CANONICAL_SOURCES": sources}


def build_environment(settings: Settings, context: ReleaseContext) -> dict[str, str]:
    """Variables of one build: the parse-time ones, the connection, and what the release fixes."""
    server = conninfo_to_dict(role_dsn(settings, "transformer"))
    options = {**SESSION_OPTIONS, **_PLANNER_OPTIONS}
    return {
        **parse_environment(settings),
        "RAPPORT_DBT_HOST": str(server.get("host") or "127.0.0.1"),
        "RAPPORT_DBT_PORT": str(server.get("port") or "5432"),
        "RAPPORT_DBT_USER": str(server.get("user") or ""),
        "DBT_ENV_SECRET_RAPPORT_PASSWORD": str(server.get("password") or ""),
        "RAPPORT_DBT_DBNAME": str(server.get("dbname") or ""),
        "RAPPORT_DBT_SCHEMA": str(context.slot),
        "RAPPORT_DBT_THREADS": str(settings.dbt_threads),
        "PGSSLMODE": str(server.get("sslmode") or "prefer"),
        "PGOPTIONS": " ".join(
            f"-c {k}={v.replace(' ', chr(92) + ' ')}" for k, v in options.items()
        ),
        "RAPPORT_AS_OF": context.as_of_date.isoformat(),
        "RAPPORT_CEILINGS": _stable_json(dict(context.ceilings)),
        "RAPPORT_AS_OF_BATCHES": _stable_json(context.as_of_batches),
        "RAPPORT_COVERAGE": _stable_json(context.coverage),
        "RAPPORT_PREVIOUS_RELEASE": str(context.previous_release_id or 0),
        "RAPPORT_TIME_ZONE": settings.business_time_zone,
        "RAPPORT_CURRENCY": settings.reporting_currency,
    }


def _inherited() -> dict[str, str]:
    # A person's own dbt settings (DBT_TARGET_PATH, DBT_PROFILES_DIR …) must not reach our builds.
    return {k: v for k, v in os.environ.items() if not k.startswith(("DBT_", "RAPPORT_"))}


def _stable_json(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))
