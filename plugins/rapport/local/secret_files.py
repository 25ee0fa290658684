"""Generated passwords and keys, kept in files that only this user may read."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterable
from pathlib import Path


def read(folder: Path, name: str) -> dict[str, str]:
    """Content of a secrets file, empty when there is none."""
    path = folder / name
    if not path.is_file():
        return {}
    return {str(k): str(v) for k, v in json.loads(path.read_text(encoding="utf-8")).items()}


def write(folder: Path, name: str, values: dict[str, str]) -> Path:
    """Replace a secrets file in one step (mode 0600, in a folder of mode 0700)."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    path = folder / name
    draft = folder / f".{name}.{os.getpid()}"
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(values, file, indent=1, sort_keys=True)
        file.write("\n")
    draft.replace(path)
    return path


def ensure(folder: Path, name: str, keys: Iterable[str]) -> dict[str, str]:
    """Values for these keys; what exists is kept, what is missing is drawn at random."""
    known = read(folder, name)
    missing = [key for key in keys if key not in known]
    if missing:
        known |= {key: secrets.token_urlsafe(48) for key in missing}
        write(folder, name, known)
    return known
