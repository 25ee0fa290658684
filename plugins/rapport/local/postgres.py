"""An own PostgreSQL server: TCP on loopback, a password for every role, no socket, no root."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from rapport.errors import RapportError
from rapport.local import ports
from rapport.local.account import Account, server_account
from rapport.local.binaries import program

SUPERUSER = "postgres"
_ENVIRONMENT = {"LC_ALL": "C", "TZ": "UTC", "HOME": "/", "PATH": "/usr/bin:/bin"}
_TUNING = """\
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
cluster_name = 'rapport'
password_encryption = 'scram-sha-256'
max_connections = 100
shared_buffers = '256MB'
effective_cache_size = '2GB'
work_mem = '32MB'
maintenance_work_mem = '256MB'
# The data lies on local disks, mostly in memory.
random_page_cost = 1.1
# Many short statements over wide joins: compiling them costs more than it saves.
jit = off
max_wal_size = '2GB'
checkpoint_timeout = '15min'
timezone = 'UTC'
log_timezone = 'UTC'
log_line_prefix = '%m [%p] %u@%d %a '
# Statements may carry data of people; the log keeps the error without the statement.
log_min_error_statement = panic
"""


@dataclass(frozen=True)
class EmbeddedPostgres:
    """One server with its folder (data and log) and port.

    Shapes of use: ``init()`` and ``start()`` may be called at any time and do only what is
    missing; ``stop()`` returns when the last process is gone. ``durable=False`` gives up
    crash safety for speed (throw-away servers of tests).
    """

    folder: Path
    port: int
    password: str = field(repr=False)
    port_variable: str = "RAPPORT_DATABASE_PORT"
    durable: bool = True
    account: Account = field(default_factory=server_account)

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def log(self) -> Path:
        return self.folder / "server.log"

    def init(self) -> bool:
        """Create the cluster unless it exists; True when it was created."""
        if (self.data / "PG_VERSION").is_file():
            return False
        self.account.own(self.folder)
        self.account.require_reach(program("initdb"), what="the PostgreSQL programs")
        self.account.require_reach(self.data, what="its data folder")
        # Built beside its place, so that an interrupted init leaves nothing half-made there.
        draft = self.folder / "data.new"
        shutil.rmtree(draft, ignore_errors=True)
        with _password_file(self.folder, self.password, self.account) as pwfile:
            done = self.account.run(
                [
                    program("initdb"),
                    f"--pgdata={draft}",
                    f"--username={SUPERUSER}",
                    "--auth=scram-sha-256",
                    f"--pwfile={pwfile}",
                    "--encoding=UTF8",
                    "--locale=C",
                    "--locale-provider=builtin",
                    "--builtin-locale=C.UTF-8",
                    "--no-sync",
                    "--no-instructions",
                ],
                environment=_ENVIRONMENT,
                timeout=120,
            )
        if done.returncode != 0:
            raise RapportError(
                f"PostgreSQL could not create its data folder {self.data}: {_tail(done.stderr)}",
                next_step="Check free disk space and who may write there; `rapport doctor` helps.",
            )
        draft.rename(self.data)
        return True

    def start(self) -> bool:
        """Start the server unless it runs; True when it was started.

        Raises:
            RapportError: when the port is taken, or the server does not come up.
        """
        if self.is_running():
            self.require_ours()
            return False
        ports.require_free(self.port, service="PostgreSQL", variable=self.port_variable)
        self._write_configuration()
        done = self._pg_ctl("start", "-w", "-t", "60", "-l", str(self.log))
        if done.returncode != 0:
            raise RapportError(
                f"PostgreSQL did not start: {_last_lines(self.log) or _tail(done.stdout)}",
                next_step=f"Read {self.log}; mend the cause and run the command again.",
            )
        self.require_ours()
        return True

    def stop(self) -> bool:
        """Stop the server with all its processes; True when it ran."""
        if not self.is_running():
            return False
        for mode in ("fast", "immediate"):
            if self._pg_ctl("stop", "-w", "-t", "30", "-m", mode).returncode == 0:
                return True
        raise RapportError(
            f"PostgreSQL (process {self.pid()}) does not stop.",
            next_step=f"Read {self.log}; end process {self.pid()} by hand.",
        )

    def is_running(self) -> bool:
        """Whether a server runs on this data folder."""
        if self.pid() is None:
            return False
        return self._pg_ctl("status").returncode == 0

    def pid(self) -> int | None:
        """Process of the server according to its own note, which may be a leftover."""
        try:
            return int((self.data / "postmaster.pid").read_text().splitlines()[0])
        except (OSError, IndexError, ValueError):
            return None

    def running_port(self) -> int | None:
        """Port the running server listens on (its settings may have changed since)."""
        try:
            return int((self.data / "postmaster.pid").read_text().splitlines()[3])
        except (OSError, IndexError, ValueError):
            return None

    def connect(self, database: str = "postgres") -> psycopg.Connection:
        """Connection of the superuser, every statement by itself (autocommit)."""
        return psycopg.connect(
            host=ports.HOST,
            port=self.port,
            dbname=database,
            user=SUPERUSER,
            password=self.password,
            application_name="rapport local",
            autocommit=True,
            connect_timeout=15,
        )

    def require_ours(self) -> None:
        """Check that what answers on the port is the server of this folder.

        Raises:
            RapportError: when it listens elsewhere, or somebody else answers.
        """
        if self.running_port() not in (None, self.port):
            raise RapportError(
                f"PostgreSQL runs on port {self.running_port()}, but {self.port_variable} "
                f"says {self.port}.",
                next_step="Run `make stop` with the old setting first, or set it back.",
            )
        try:
            with self.connect() as connection:
                row = connection.execute("show data_directory").fetchone()
        except psycopg.OperationalError as error:
            raise RapportError(
                f"What answers on port {self.port} is not our PostgreSQL: {str(error).strip()}",
                next_step=f"Set {self.port_variable} to another port, or read {self.log}.",
            ) from error
        if row is None or Path(row[0]).resolve() != self.data.resolve():
            raise RapportError(
                f"Port {self.port} belongs to another PostgreSQL ({row and row[0]}).",
                next_step=f"Set {self.port_variable} to another port.",
            )

    def _write_configuration(self) -> None:
        text = f"port = {self.port}\n{_TUNING}"
        if not self.durable:
            text += "fsync = off\nsynchronous_commit = off\nfull_page_writes = off\n"
        # postgresql.auto.conf would override this file; nobody writes that one here.
        path = self.data / "postgresql.conf"
        path.write_text("# Written at each start.\n" + text, encoding="utf-8")

    def _pg_ctl(self, action: str, *options: str) -> subprocess.CompletedProcess[str]:
        command = [str(program("pg_ctl")), action, "-D", str(self.data), *options]
        return self.account.run(command, environment=_ENVIRONMENT, timeout=120)


@contextmanager
def _password_file(folder: Path, password: str, account: Account) -> Iterator[Path]:
    """The password in a file that only the server's account reads, gone afterwards."""
    descriptor, name = tempfile.mkstemp(prefix="password-", dir=folder)
    path = Path(name)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(password)
        if account.uid is not None:
            os.chown(path, account.uid, -1)
        yield path
    finally:
        path.unlink(missing_ok=True)


def _tail(text: str, lines: int = 5) -> str:
    return " | ".join(line for line in text.strip().splitlines()[-lines:])


def _last_lines(path: Path) -> str:
    try:
        return _tail(path.read_text(encoding="utf-8", errors="replace"))
    except OSError:
        return ""
