"""What still runs, told from /proc."""

from __future__ import annotations

from pathlib import Path


def is_alive(pid: int) -> bool:
    """Whether a process exists and has not ended (a zombie has: nobody collected it yet)."""
    return _state(pid) not in (None, "Z", "X")


def group_members(groups: set[int]) -> list[int]:
    """Living processes that belong to one of these process groups."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            fields = _fields(int(entry.name))
            if fields and fields[0] not in ("Z", "X") and int(fields[2]) in groups:
                found.append(int(entry.name))
    return sorted(found)


def _state(pid: int) -> str | None:
    fields = _fields(pid)
    return fields[0] if fields else None


def _fields(pid: int) -> list[str]:
    """Fields of /proc/PID/stat after the name: state, parent, process group, session …"""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return []
    # The name stands in brackets and may hold blanks and brackets itself.
    return text[text.rindex(")") + 2 :].split()
