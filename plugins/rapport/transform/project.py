"""The dbt project that runs: the shipped one, or the shipped one with the user's models in it."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from rapport.errors import RapportError
from rapport.settings import Settings

_TOP = ("dbt_project.yml", "profiles.yml", "macros", "seeds", "tests")
_SHIPPED_SOURCES = "__sources.yml"


def project_folder(settings: Settings) -> Path:
    """Folder to give dbt as project and profiles folder.

    With models in RAPPORT_PROJECT_PATH it is a folder of links under the state folder, where
    the user's files lie beside ours, and where the landing tables of every contract are declared.

    Raises:
        RapportError: when a user's file has the path of a shipped one.
    """
    shipped = settings.root / "dbt_project"
    if not shipped.is_dir():
        raise RapportError(
            f"{settings.root} holds no dbt_project folder.",
            next_step="Set RAPPORT_ROOT to the checkout.",
        )
    own = settings.project_path / "models" if settings.project_path else None
    if own is None or not own.is_dir():
        return shipped
    files = _files(shipped / "models", own)
    declared = _declarations(settings, own)
    listing = "\n".join(f"{name} {path}" for name, path in sorted(files.items()))
    digest = hashlib.sha256(f"{listing}\n{declared}".encode()).hexdigest()[:16]
    folder = settings.state / "dbt" / f"project-{digest}"
    if not folder.is_dir():
        _compose(folder, shipped, files, declared)
    return folder


def _files(shipped: Path, own: Path) -> dict[str, Path]:
    files = {n: p for n, p in _walk(shipped) if not n.endswith(_SHIPPED_SOURCES)}
    for name, path in _walk(own):
        if name in files:
            raise RapportError(
                f"{path} has the path of a shipped model.",
                next_step="Rename it; shipped models cannot be replaced, only added to.",
            )
        files[name] = path.absolute()
    return files


def _walk(folder: Path) -> Iterator[tuple[str, Path]]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.name.startswith("."):
            yield path.relative_to(folder).as_posix(), path


def _declarations(settings: Settings, own: Path) -> str:
    """Sources YAML of every contract whose source the user's own YAML does not declare."""
    from rapport.sources.contracts import load_contracts

    taken = _declared_names(own)
    sources = [
        {
            "name": name,
            "schema": "landing",
            "tables": [
                {"name": table, "identifier": f"{name}__{table}"}
                for table in sorted(contract.tables)
            ],
        }
        for name, contract in sorted(load_contracts(settings).items())
        if name not in taken
    ]
    return yaml.safe_dump({"version": 2, "sources": sources}, sort_keys=False)


def _declared_names(own: Path) -> set[str]:
    names: set[str] = set()
    for path in [*own.rglob("*.yml"), *own.rglob("*.yaml")]:
        content: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
        if isinstance(content, dict):
            names |= {str(source.get("name")) for source in content.get("sources") or []}
    return names


def _compose(folder: Path, shipped: Path, files: dict[str, Path], declared: str) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix="project-draft-", dir=folder.parent))
    try:
        for name in _TOP:
            (draft / name).symlink_to(shipped / name)
        for name, path in files.items():
            link = draft / "models" / name
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(path)
        (draft / "models" / "landing__declared.yml").write_text(declared, encoding="utf-8")
        draft.chmod(0o755)
        try:
            draft.rename(folder)
        except OSError:
            if not folder.is_dir():
                raise
    finally:
        shutil.rmtree(draft, ignore_errors=True)
