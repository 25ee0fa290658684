"""Airflow's components under supervisord: restarted after a crash, stopped as whole groups."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import xmlrpc.client
from dataclasses import dataclass
from pathlib import Path

from rapport.errors import RapportError
from rapport.local import airflow, ports, processes, secret_files
from rapport.local.waiting import wait_until
from rapport.settings import Settings

# Log servers would listen on every interface; all logs lie on this disk, where the API reads them.
COMPONENTS = {
    "api-server": "api-server",
    "scheduler": "scheduler --skip-serve-logs",
    "dag-processor": "dag-processor",
    "triggerer": "triggerer --skip-serve-logs",
}
_USER = "rapport"


@dataclass(frozen=True)
class Program:
    """One supervised component; ``state`` in supervisor's words (RUNNING, BACKOFF, FATAL …)."""

    name: str
    state: str
    pid: int
    log: Path


def start(settings: Settings) -> bool:
    """Start the components unless they run with exactly these settings; True when started."""
    wanted = _fingerprint(settings)
    if is_running(settings):
        if _note(settings).is_file() and _note(settings).read_text() == wanted:
            return False
        stop(settings)
    _end_strays(settings)
    _require_ports(settings)
    configuration = _write_configuration(settings)
    started = subprocess.run(
        [Path(sys.executable).parent / "supervisord", "-c", configuration],
        env=airflow.environment(settings),
        cwd=settings.state / "airflow",
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if started.returncode != 0:
        raise RapportError(
            f"The supervisor did not start: {(started.stderr or started.stdout).strip()}",
            next_step=f"Read {_logs(settings) / 'supervisord.log'}.",
        )
    wait_until(lambda: is_running(settings), seconds=30, what="the supervisor to answer")
    _note(settings).write_text(wanted)
    return True


def stop(settings: Settings) -> bool:
    """Stop supervisor and components and make sure that none is left; True when any ran."""
    pid = supervisor_pid(settings)
    if pid is None:
        return _end_strays(settings)
    family = processes.family(pid)
    try:
        _rpc(settings).supervisor.shutdown()
    except (OSError, xmlrpc.client.Error):
        processes.terminate({pid})
    wait_until(
        lambda: not processes.is_alive(pid), seconds=90, what=f"supervisor process {pid} to end"
    )
    # Airflow's children may leave their group; whatever of the family still lives is ended here.
    processes.end(family)
    _end_strays(settings)
    _pid_file(settings).unlink(missing_ok=True)
    _note(settings).unlink(missing_ok=True)
    return True


def is_running(settings: Settings) -> bool:
    """Whether our supervisor answers (its password tells it from anybody else's)."""
    pid = supervisor_pid(settings)
    if pid is None:
        return False
    try:
        return bool(_rpc(settings).supervisor.getPID() == pid)
    except (OSError, xmlrpc.client.Error):
        return False


def programs(settings: Settings) -> list[Program]:
    """State of each component; all STOPPED when the supervisor does not run."""
    if not is_running(settings):
        return [Program(name, "STOPPED", 0, log_file(settings, name)) for name in COMPONENTS]
    answer = _rpc(settings).supervisor.getAllProcessInfo()
    assert isinstance(answer, list)
    return [
        Program(str(i["name"]), str(i["statename"]), int(str(i["pid"])), Path(str(i["logfile"])))
        for i in answer
    ]


def log_file(settings: Settings, name: str) -> Path:
    """Log of one component."""
    return _logs(settings) / f"airflow-{name}.log"


def supervisor_pid(settings: Settings) -> int | None:
    """Process of our living supervisor according to its note."""
    pid = _noted_pid(settings)
    if pid is None or not processes.is_alive(pid):
        return None
    return pid if processes.mentions(pid, "supervisord") else None


def _end_strays(settings: Settings) -> bool:
    """End components whose supervisor was killed: they would take the ports and run tasks."""
    noted = _noted_pid(settings)
    return noted is not None and processes.end(processes.session(noted, mentioning="airflow"))


def _require_ports(settings: Settings) -> None:
    for port, service, variable in (
        (settings.airflow_port, "Airflow's user interface", "RAPPORT_AIRFLOW_PORT"),
        (settings.supervisor_port, "the supervisor", "RAPPORT_SUPERVISOR_PORT"),
    ):
        ports.require_free(port, service=service, variable=variable)


def _write_configuration(settings: Settings) -> Path:
    logs = _logs(settings)
    logs.mkdir(parents=True, exist_ok=True)
    (settings.state / "airflow" / "plugins").mkdir(parents=True, exist_ok=True)
    # Supervisor accepts a SHA-1 in place of the password; 64 random characters bear that.
    digest = hashlib.sha1(_password(settings).encode(), usedforsecurity=False).hexdigest()
    sections = [
        "[supervisord]",
        f"pidfile={_quoted(_pid_file(settings))}",
        f"logfile={_quoted(logs / 'supervisord.log')}",
        "identifier=rapport",
        "[inet_http_server]",
        f"port={ports.HOST}:{settings.supervisor_port}",
        f"username={_USER}",
        f"password={{SHA}}{digest}",
        "[rpcinterface:supervisor]",
        "supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface",
    ]
    executable = Path(sys.executable).parent / "airflow"
    for name, command in COMPONENTS.items():
        sections += [
            f"[program:{name}]",
            f'command="{_quoted(executable)}" {command}',
            "autostart=true",
            "autorestart=true",
            "startsecs=5",
            "startretries=3",
            "stopasgroup=true",
            "killasgroup=true",
            "stopwaitsecs=20",
            "redirect_stderr=true",
            f"stdout_logfile={_quoted(log_file(settings, name))}",
            "stdout_logfile_maxbytes=10MB",
            "stdout_logfile_backups=2",
        ]
    path = settings.state / "airflow" / "supervisord.conf"
    path.write_text("\n".join(sections) + "\n", encoding="utf-8")
    return path


def _fingerprint(settings: Settings) -> str:
    """Digest of all that the components were started with; it holds secrets, so only a digest."""
    text = json.dumps([airflow.environment(settings), sorted(COMPONENTS)], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _rpc(settings: Settings) -> xmlrpc.client.ServerProxy:
    authority = f"{_USER}:{_password(settings)}@{ports.HOST}:{settings.supervisor_port}"
    return xmlrpc.client.ServerProxy(f"http://{authority}/RPC2")


def _password(settings: Settings) -> str:
    return secret_files.ensure(settings.secrets, "supervisor.json", [_USER])[_USER]


def _quoted(path: Path) -> str:
    """A path as a supervisor value, where ``%`` starts an expansion."""
    return str(path).replace("%", "%%")


def _logs(settings: Settings) -> Path:
    return settings.state / "logs"


def _pid_file(settings: Settings) -> Path:
    return settings.state / "airflow" / "supervisord.pid"


def _noted_pid(settings: Settings) -> int | None:
    try:
        return int(_pid_file(settings).read_text())
    except (OSError, ValueError):
        return None


def _note(settings: Settings) -> Path:
    return settings.state / "airflow" / "started_with"
