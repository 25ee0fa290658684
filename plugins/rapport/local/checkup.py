"""``rapport doctor``: what is in order, what is not, and how to mend it."""

from __future__ import annotations

import re
import shutil
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from packaging.requirements import Requirement

from rapport.errors import RapportError
from rapport.local import databases, ports, supervisor
from rapport.settings import Settings

_LEAST_FREE_BYTES = 2 * 1024**3
_OLDEST_POSTGRESQL = 160000


@dataclass(frozen=True)
class Finding:
    """One thing looked at; ``remedy`` says how to mend it when it is not fine."""

    subject: str
    is_fine: bool
    message: str
    remedy: str = ""


def examine(settings: Settings) -> Iterator[Finding]:
    """All findings, one after the other as they are made."""
    yield _packages(settings)
    yield _disk(settings)
    yield _secrets(settings)
    yield from _ports(settings)
    yield _guarded("warehouse", lambda: _server(settings))
    yield from _roles(settings)
    yield _guarded("code version", lambda: _deployed(settings))
    yield from _sources(settings)
    yield _airflow(settings)


def _guarded(subject: str, look: Callable[[], Finding]) -> Finding:
    try:
        return look()
    except RapportError as error:
        return Finding(subject, False, error.message, error.next_step or "See the message.")


def _packages(settings: Settings) -> Finding:
    lock = settings.root / "requirements.lock"
    if not lock.is_file():
        return Finding("packages", True, "no requirements.lock beside the package to compare with")
    lines = re.findall(r"^[A-Za-z0-9].*?==[^\\\n]*", lock.read_text("utf-8"), re.MULTILINE)
    pins = [pin for pin in map(Requirement, lines) if pin.marker is None or pin.marker.evaluate()]
    wrong = [
        f"{pin.name} is {_installed(pin.name)}, not {pin.specifier}"
        for pin in pins
        if str(pin.specifier) != f"=={_installed(pin.name)}"
    ]
    if wrong:
        return Finding("packages", False, "; ".join(wrong[:5]), "Run `make deps`.")
    return Finding("packages", True, f"all {len(pins)} as in requirements.lock")


def _installed(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "(missing)"


def _disk(settings: Settings) -> Finding:
    folder = next(p for p in (settings.state, *settings.state.parents) if p.exists())
    free = shutil.disk_usage(folder).free
    message = f"{free / 1024**3:.1f} GiB free for {settings.state}"
    if free < _LEAST_FREE_BYTES:
        return Finding("disk", False, message, "Make room, or move RAPPORT_HOME to another disk.")
    return Finding("disk", True, message)


def _secrets(settings: Settings) -> Finding:
    folder = settings.secrets
    if not folder.is_dir():
        return Finding("secrets", True, "none made yet")
    wanted: list[tuple[Path, int]] = [(folder, 0o700)]
    wanted += [(path, 0o600) for path in sorted(folder.iterdir())]
    for path, mode in wanted:
        if stat.S_IMODE(path.stat().st_mode) & ~mode:
            return Finding(
                "secrets", False, f"{path} is open to others", f"Run: chmod {mode:o} {path}"
            )
    return Finding("secrets", True, f"{len(wanted) - 1} files in {folder}, closed to others")


def _ports(settings: Settings) -> Iterator[Finding]:
    airflow_runs = supervisor.is_running(settings)
    named = [
        ("airflow_port", settings.airflow_port, airflow_runs),
        ("supervisor_port", settings.supervisor_port, airflow_runs),
    ]
    if settings.warehouse_url is None:
        named.insert(0, ("database_port", settings.database_port, _server_runs(settings)))
    for name, port, is_ours in named:
        variable = f"RAPPORT_{name.upper()}"
        if is_ours or ports.is_free(port):
            yield Finding(f"port {port}", True, "ours" if is_ours else "free")
        else:
            yield Finding(
                f"port {port}",
                False,
                "held by another program",
                f"Set {variable} to a free port, for example {ports.find_free()}.",
            )


def _server_runs(settings: Settings) -> bool:
    folder = settings.state / "postgres" / "data"
    return folder.is_dir() and databases.embedded(settings).is_running()


def _server(settings: Settings) -> Finding:
    from rapport.warehouse.dsn import connect, redacted, role_dsn

    dsn = role_dsn(settings, "admin")
    with connect(dsn, application_name="rapport doctor") as connection:
        number = connection.info.server_version
    message = f"PostgreSQL {number / 10000:.4g} at {redacted(dsn)}"
    if number < _OLDEST_POSTGRESQL:
        return Finding("warehouse", False, message, "Rapport needs PostgreSQL 16 or newer.")
    return Finding("warehouse", True, message)


def _roles(settings: Settings) -> Iterator[Finding]:
    from rapport.warehouse.dsn import ROLES

    for role in ROLES:
        if role != "admin":
            yield _guarded(f"role {role}", lambda role=role: _role(settings, role))  # type: ignore[misc]


def _role(settings: Settings, role: str) -> Finding:
    from rapport.warehouse.dsn import connect, role_dsn

    with connect(role_dsn(settings, role), application_name="rapport doctor") as connection:
        row = connection.execute("select current_user").fetchone()
    return Finding(f"role {role}", True, f"connects as {row and row[0]}")


def _deployed(settings: Settings) -> Finding:
    from rapport.warehouse.deploy import is_deployed

    if is_deployed(settings):
        return Finding("code version", True, "migrated and deployed")
    return Finding(
        "code version",
        False,
        "this tree is not registered in the warehouse",
        "Run `rapport warehouse upgrade` and `rapport deploy` (`make run` does both).",
    )


def _sources(settings: Settings) -> Iterator[Finding]:
    from rapport.sources.contracts import enabled_sources, load_contracts

    try:
        contracts = load_contracts(settings)
        enabled = enabled_sources(settings, contracts)
    except RapportError as error:
        yield Finding("contracts", False, error.message, error.next_step or "Mend the contract.")
        return
    yield Finding(
        "contracts", True, f"{', '.join(sorted(contracts))} (enabled: {', '.join(enabled) or '-'})"
    )
    for name in enabled:
        if contracts[name].connector == "postgres":
            yield _guarded(f"source {name}", lambda name=name: _source(settings, name))  # type: ignore[misc]


def _source(settings: Settings, name: str) -> Finding:
    from rapport.sources.contracts import load_contracts
    from rapport.warehouse.dsn import connect, redacted, source_dsn

    dsn = source_dsn(settings, load_contracts(settings)[name].connection or name)
    with connect(dsn, application_name="rapport doctor"):
        return Finding(f"source {name}", True, f"answers at {redacted(dsn)}")


def _airflow(settings: Settings) -> Finding:
    found = supervisor.programs(settings)
    if all(program.state == "STOPPED" for program in found):
        return Finding("airflow", True, "not started (`make run` starts it)")
    bad = [program for program in found if program.state not in ("RUNNING", "STARTING")]
    if bad:
        return Finding("airflow", False, f"{bad[0].name} is {bad[0].state}", f"Read {bad[0].log}.")
    return Finding("airflow", True, "all components run")
