"""Command for who changes a mart: ``docs``."""

from __future__ import annotations

import typer


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command(rich_help_panel="Install")(docs)


def docs() -> None:
    """Write the pages of the marts (docs/marts) from the dbt YAML."""
    from rapport import settings
    from rapport.transform.manifest import manifest
    from rapport.transform.mart_pages import pages

    current = settings.load()
    folder = current.root / "docs" / "marts"
    folder.mkdir(parents=True, exist_ok=True)
    written = pages(manifest(current))
    for old in folder.glob("*.md"):
        if old.name not in written:
            old.unlink()
    for name, text in written.items():
        (folder / name).write_text(text, encoding="utf-8")
    print(f"{len(written)} pages in {folder.relative_to(current.root)}")
