"""Commands about sources: ``init-source``."""

from __future__ import annotations

import re
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("init-source", rich_help_panel="Sources")(init_source)


def init_source(
    name: Annotated[str, typer.Argument(help="Name of the new source: a-z, digits, underscores.")],
    folder: Annotated[str | None, typer.Option(help="Folder (or fsspec URL) of its files.")] = None,
    url: Annotated[str | None, typer.Option(help="SQLAlchemy URL of its database.")] = None,
) -> None:
    """Look at a source and write a first contract, staging models and suite to correct."""
    from rapport import settings
    from rapport.cli.console import out
    from rapport.errors import RapportError
    from rapport.onboarding.project import write_project
    from rapport.onboarding.tables import read_tables

    project = settings.load().project_path
    if project is None:
        raise RapportError(
            "RAPPORT_PROJECT_PATH is not set: there is no folder to write into.",
            next_step="export RAPPORT_PROJECT_PATH=~/my-rapport-project",
        )
    if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name) or len(name) > 30:
        raise RapportError(
            f"{name!r} is no name for a source.", next_step="Use a-z, digits and underscores."
        )
    if (folder is None) == (url is None):
        raise RapportError("Name the source: --folder or --url.", next_step="One of the two.")
    if folder is not None:
        from rapport.onboarding.folder import profile_folder

        profiles = profile_folder(folder)
        variable = f"{name.upper()}_DIR"
        head = {"connector": "files", "folder": f"${{{variable}}}", "absent_columns": '"error"'}
        address = f"{variable}={folder}"
    else:
        from rapport.onboarding.database import profile_database

        profiles = profile_database(url or "")
        kind = "postgres" if (url or "").startswith("postgres") else "sqlalchemy"
        head = {"connector": kind, "connection": name}
        address = f"RAPPORT_SOURCE_{name.upper()}_URL=…"
    tables = read_tables(profiles)
    for path in write_project(project, name, head, tables):
        out.print(f"wrote {path}", soft_wrap=True)
    for table in tables:
        keys = ", ".join(table.key) or "none found: a digest of the row"
        out.print(f"  {table.profile.name}: {len(table.columns)} columns, key {keys}")
    out.print(
        f"Next: correct the contract, fill in the staging models (rename .sql.todo to .sql), then\n"
        f"  export {address}\n  RAPPORT_SOURCES={name} rapport deploy && "
        f"RAPPORT_SOURCES={name} rapport extract {name}",
        soft_wrap=True,
    )
