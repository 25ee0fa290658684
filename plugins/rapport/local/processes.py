"""What runs, told from /proc, and how it is ended."""

from __future__ import annotations

import contextlib
import os
import signal
from collections import defaultdict
from pathlib import Path

from rapport.errors import RapportError
from rapport.local.waiting import wait_until


def is_alive(pid: int) -> bool:
    """Whether a process exists and has not ended (a zombie has: nobody collected it yet)."""
    fields = _fields(pid)
    return bool(fields) and fields[0] not in ("Z", "X")


def mentions(pid: int, word: str) -> bool:
    """Whether the word stands in the command line (a process number may have a new owner)."""
    return word in _read(pid, "cmdline")


def family(pid: int) -> set[int]:
    """The process and all its living descendants."""
    children = defaultdict(set)
    for other in _all():
        if fields := _fields(other):
            children[int(fields[1])].add(other)
    found, waiting = set(), {pid}
    while waiting:
        member = waiting.pop()
        found.add(member)
        waiting |= children[member] - found
    return {member for member in found if is_alive(member)}


def session(leader: int, *, mentioning: str) -> set[int]:
    """Living members of a session with this word in their command line.

    A session keeps its number while it has members, even when its leader was killed.
    """
    return {
        pid
        for pid in _all()
        if (fields := _fields(pid))
        and int(fields[3]) == leader
        and mentions(pid, mentioning)
        and is_alive(pid)
    }


def terminate(pids: set[int], how: signal.Signals = signal.SIGTERM) -> None:
    """Send a signal to each process that is still there."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, how)


def end(pids: set[int], *, patience: float = 10) -> bool:
    """End these processes, by force after ``patience`` seconds; True when any of them lived."""
    living = {pid for pid in pids if is_alive(pid)}
    if not living:
        return False
    terminate(living)
    try:
        wait_until(
            lambda: not any(map(is_alive, living)), seconds=patience, what="processes to end"
        )
    except RapportError:
        terminate(living, signal.SIGKILL)
        wait_until(
            lambda: not any(map(is_alive, living)), seconds=10, what=f"processes {living} to end"
        )
    return True


def _all() -> set[int]:
    return {int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()}


def _fields(pid: int) -> list[str]:
    """Fields of /proc/PID/stat after the name: state, parent, process group, session …"""
    text = _read(pid, "stat")
    # The name stands in brackets and may hold blanks and brackets itself.
    return text[text.rindex(")") + 2 :].split() if text else []


def _read(pid: int, name: str) -> str:
    try:
        return Path(f"/proc/{pid}/{name}").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
