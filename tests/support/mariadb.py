"""A MariaDB server of the session, from the programs of this machine (Debian: mariadb-server)."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from rapport.local import ports

USER = "rapport"
PASSWORD = "only-for-tests"


def find_program(name: str) -> str | None:
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")


class MariaDb:
    """A running server on loopback; ``execute`` works as its administrator."""

    def __init__(self, port: int, socket: Path, administrator: str) -> None:
        self.port = port
        self._socket = socket
        self._administrator = administrator

    @property
    def url(self) -> str:
        return f"mysql+pymysql://{USER}:{PASSWORD}@127.0.0.1:{self.port}/core"

    def connect(self) -> Any:
        import pymysql

        return pymysql.connect(
            unix_socket=str(self._socket),
            user=self._administrator,
            charset="utf8mb4",
            autocommit=True,
        )

    def execute(self, *statements: str) -> None:
        with self.connect() as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)


@contextmanager
def mariadb_server() -> Iterator[MariaDb]:
    """Start an empty server with database ``core`` and a reader; it is gone afterwards."""
    account = "mysql" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
    folder = Path(mkdtemp(prefix="mariadb-"))
    if os.geteuid() == 0:
        shutil.chown(folder, account)
    data = folder / "data"
    install = find_program("mariadb-install-db")
    server = find_program("mariadbd")
    assert install
    assert server
    log = (folder / "log").open("wb")
    common = ["--no-defaults", f"--datadir={data}", f"--user={account}"]
    options = ["--auth-root-authentication-method=normal", "--skip-test-db"]
    subprocess.run([install, *common, *options], stdout=log, stderr=log, check=True)
    port = ports.find_free()
    socket = folder / "socket"
    network = [f"--port={port}", "--bind-address=127.0.0.1", f"--socket={socket}"]
    process = subprocess.Popen([server, *common, *network, "--sql-mode="], stdout=log, stderr=log)
    made = MariaDb(port, socket, "root")
    try:
        for _ in range(100):
            try:
                made.execute(
                    "create database core character set utf8mb4",
                    f"create user {USER}@'127.0.0.1' identified by '{PASSWORD}'",
                    f"grant select on core.* to {USER}@'127.0.0.1'",
                )
                break
            except Exception:
                if process.poll() is not None:
                    raise
                time.sleep(0.1)
        yield made
    finally:
        process.terminate()
        process.wait(30)
        log.close()
        shutil.rmtree(folder, ignore_errors=True)
