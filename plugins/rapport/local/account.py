"""The account PostgreSQL runs under: ourselves, or an unprivileged one when we are root."""

from __future__ import annotations

import os
import pwd
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rapport.errors import RapportError

UNPRIVILEGED = "nobody"


@dataclass(frozen=True)
class Account:
    """Whose processes and files these are; ``uid`` is None when we stay who we are."""

    uid: int | None = None
    gid: int | None = None

    def run(
        self, command: Sequence[str | Path], *, environment: dict[str, str], timeout: float
    ) -> subprocess.CompletedProcess[str]:
        """Run a program as this account and capture its output.

        A program that leaves a server behind must redirect the server's output itself,
        or this waits until the server ends.
        """
        return subprocess.run(
            [str(part) for part in command],
            user=self.uid,
            group=self.gid,
            extra_groups=None if self.uid is None else [],
            cwd="/",
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout,
            check=False,
        )

    def own(self, folder: Path) -> None:
        """Create a private folder of this account; parents made on the way let it through."""
        for parent in reversed([p for p in folder.parents if not p.exists()]):
            parent.mkdir()
            if self.uid is not None:
                parent.chmod(parent.stat().st_mode | 0o011)
        folder.mkdir(mode=0o700, exist_ok=True)
        if self.uid is not None and self.gid is not None:
            os.chown(folder, self.uid, self.gid)

    def require_reach(self, path: Path, *, what: str) -> None:
        """Check that this account may enter every folder above ``path``.

        Raises:
            RapportError: naming the first folder that shuts it out, and what to do.
        """
        if self.uid is None:
            return
        for folder in reversed(path.parents):
            found = self.run(["/usr/bin/test", "-x", folder], environment={}, timeout=10)
            if found.returncode != 0:
                raise RapportError(
                    f"PostgreSQL does not run as root, and the account {UNPRIVILEGED!r} cannot "
                    f"reach {what} ({path}): the folder {folder} is closed to it.",
                    next_step="Work as an ordinary user, put the checkout where every user may "
                    f"enter (for example /srv or /opt), or `chmod o+x {folder}`.",
                )


def server_account() -> Account:
    """The account for database processes (PostgreSQL refuses to run as root)."""
    if os.geteuid() != 0:
        return Account()
    entry = pwd.getpwnam(UNPRIVILEGED)
    return Account(entry.pw_uid, entry.pw_gid)
