"""Stops the tests' PostgreSQL when the tests end in any way, even by SIGKILL.

Runs as a process of its own and waits for the end of its standard input, which the kernel
closes when the test process is gone.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from rapport.local.postgres import EmbeddedPostgres


def main(home: str, port: str) -> None:
    """Wait for the end of input, then stop the server and remove the folder."""
    sys.stdin.read()
    EmbeddedPostgres(Path(home) / "postgres", int(port), password="").stop()
    shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
