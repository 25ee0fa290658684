"""How Airflow's components run here: one environment for all of them, no configuration file."""

from __future__ import annotations

import base64
import os
import secrets
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from rapport.errors import RapportError
from rapport.local import ports, secret_files
from rapport.local.databases import address
from rapport.settings import Settings
from rapport.warehouse.dsn import sqlalchemy_url

USER = "admin"
_HANDED_ON = ("http_proxy", "https_proxy", "no_proxy", "ssl_cert_file")
_PASSWORDS = "airflow_users.json"


def environment(settings: Settings) -> dict[str, str]:
    """Complete environment of every component; the same values in all, or tasks are refused."""
    executables = Path(sys.executable).parent
    own = {
        name: value
        for name, value in os.environ.items()
        if name.startswith("RAPPORT_") or name.lower() in _HANDED_ON
    }
    return (
        {
            "PATH": f"{executables}:/usr/local/bin:/usr/bin:/bin",
            "HOME": str(_home(settings)),
            "LANG": "C.UTF-8",
            "LC_ALL": "C.UTF-8",
            "TZ": "UTC",
            "PYTHONUNBUFFERED": "1",
            "NO_COLOR": "1",
            "DO_NOT_TRACK": "1",
            "SCARF_ANALYTICS": "false",
            "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
            "AIRFLOW_HOME": str(_home(settings)),
            # Without this the scheduler makes last month's run by itself as soon as the DAG is
            # unpaused, and the run that somebody waits for comes second.
            "RAPPORT_SCHEDULE_FROM": f"{datetime.now(UTC):%Y-%m}-01",
        }
        | own
        | {"RAPPORT_ROOT": str(settings.root), "RAPPORT_HOME": str(settings.state)}
        | {f"AIRFLOW__{name}": value for name, value in _options(settings).items()}
    )


def base_url(settings: Settings) -> str:
    """Address of the user interface and the API."""
    return f"http://{ports.HOST}:{settings.airflow_port}"


def password(settings: Settings) -> str:
    """Password of the one user of the interface, drawn at the first start."""
    known = secret_files.read(settings.secrets, _PASSWORDS)
    if USER not in known:
        # Typed by people: short, and still 95 bits.
        known[USER] = secrets.token_urlsafe(12)
        secret_files.write(settings.secrets, _PASSWORDS, known)
    return known[USER]


def migrate(settings: Settings) -> bool:
    """Bring Airflow's metadata database up to date; False when this version did so before.

    Raises:
        RapportError: with the end of the log when Airflow's own command fails.
    """
    from importlib.metadata import version

    stamp = _home(settings) / "migrated"
    wanted = f"{version('apache-airflow')} {settings.database_port}\n"
    if stamp.is_file() and stamp.read_text() == wanted:
        return False
    log = settings.state / "logs" / "airflow-db-migrate.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w") as output:
        done = subprocess.run(
            [Path(sys.executable).parent / "airflow", "db", "migrate"],
            env=environment(settings),
            cwd=_home(settings),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if done.returncode != 0:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-8:])
        raise RapportError(
            f"Airflow could not migrate its metadata database:\n{tail}",
            next_step=f"Read {log}; `make clean` starts afresh.",
        )
    stamp.write_text(wanted)
    return True


def run_command(settings: Settings, arguments: Sequence[str]) -> int:
    """Run Airflow's command line in the environment of the local services; its exit code."""
    done = subprocess.run(
        [Path(sys.executable).parent / "airflow", *arguments],
        env=environment(settings),
        cwd=_home(settings),
        check=False,
    )
    return done.returncode


def _home(settings: Settings) -> Path:
    folder = settings.state / "airflow"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _options(settings: Settings) -> dict[str, str]:
    metadata = address(
        settings.database_port,
        "airflow",
        "airflow",
        secret_files.read(settings.secrets, "local_roles.json")["airflow"],
    )
    keys = _keys(settings)
    password(settings)
    home = _home(settings)
    return {
        "DATABASE__SQL_ALCHEMY_CONN": sqlalchemy_url(metadata, "psycopg2"),
        "DATABASE__SQL_ALCHEMY_CONN_ASYNC": sqlalchemy_url(metadata, "asyncpg"),
        "CORE__DAGS_FOLDER": str(settings.root / "dags"),
        # The package is installed: a folder of its own keeps Airflow from importing it twice.
        "CORE__PLUGINS_FOLDER": str(home / "plugins"),
        "CORE__LOAD_EXAMPLES": "False",
        "CORE__EXECUTOR": "LocalExecutor",
        "CORE__PARALLELISM": "4",
        "CORE__DEFAULT_TIMEZONE": "utc",
        "CORE__EXECUTION_API_SERVER_URL": f"{base_url(settings)}/execution/",
        "CORE__FERNET_KEY": keys["fernet_key"],
        "CORE__SIMPLE_AUTH_MANAGER_USERS": f"{USER}:admin",
        "CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(settings.secrets / _PASSWORDS),
        "SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.1",
        "SCHEDULER__ENABLE_HEALTH_CHECK": "False",
        "DAG_PROCESSOR__REFRESH_INTERVAL": "15",
        "DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "60",
        "API__HOST": ports.HOST,
        "API__PORT": str(settings.airflow_port),
        "API__BASE_URL": base_url(settings),
        "API__WORKERS": "1",
        "API__SECRET_KEY": keys["api_secret_key"],
        "API_AUTH__JWT_SECRET": keys["jwt_secret"],
        "LOGGING__BASE_LOG_FOLDER": str(settings.state / "logs" / "tasks"),
        # Hundreds of lines per task that tell nobody anything.
        "LOGGING__NAMESPACE_LEVELS": "great_expectations=WARNING",
        "USAGE_DATA_COLLECTION__ENABLED": "False",
    }


def _keys(settings: Settings) -> dict[str, str]:
    known = secret_files.read(settings.secrets, "airflow.json")
    if "fernet_key" not in known:
        # A Fernet key is 32 bytes in URL-safe base64, padding included.
        known["fernet_key"] = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
        secret_files.write(settings.secrets, "airflow.json", known)
    return secret_files.ensure(settings.secrets, "airflow.json", ["api_secret_key", "jwt_secret"])
