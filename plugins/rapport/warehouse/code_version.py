"""Which code made a release: one hash over everything that can change a published number."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from rapport.settings import Settings

# Folders of the checkout (or image) by the part of the code version they make up.
_PARTS = {
    "package": "plugins/rapport",
    "dbt": "dbt_project",
    "expectations": "expectations",
    "dags": "dags",
}
_MADE_BY_TOOLS = {"target", "logs", "dbt_packages", "__pycache__"}


def parts(settings: Settings) -> dict[str, str]:
    """SHA-256 (hex) of each part: package, dbt, expectations, dags, lock, the user's project."""
    hashes = {name: _tree(settings.root / folder) for name, folder in _PARTS.items()}
    hashes["lock"] = _file(settings.root / "requirements.lock")
    if settings.project_path:
        hashes["project"] = _tree(settings.project_path)
    # Settings that change figures or gates belong to the version as much as the SQL does.
    figures = f"{settings.business_time_zone}\n{settings.reporting_currency}"
    if settings.warnings_need_override:
        figures += "\nwarnings need an override"
    hashes["settings"] = hashlib.sha256(figures.encode()).hexdigest()
    return hashes


def tree_hash(settings: Settings) -> str:
    """One SHA-256 (hex) over all parts, the name of this code version."""
    text = "\n".join(f"{name} {value}" for name, value in sorted(parts(settings).items()))
    return hashlib.sha256(text.encode()).hexdigest()


def _tree(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in _files(folder):
        digest.update(f"{path.relative_to(folder).as_posix()} {_file(path)}\n".encode())
    return digest.hexdigest()


def _files(folder: Path) -> Iterator[Path]:
    if not folder.is_dir():
        return
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder).parts
        if path.is_file() and path.suffix != ".pyc" and not _MADE_BY_TOOLS.intersection(inside):
            yield path


def _file(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
