"""Commands for who installs: ``warehouse upgrade``, ``warehouse sql`` and ``deploy``."""

from __future__ import annotations

import typer

_warehouse = typer.Typer(no_args_is_help=True, help="Create and upgrade the warehouse.")


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.add_typer(_warehouse, name="warehouse", rich_help_panel="Install")
    app.command(rich_help_panel="Install")(deploy)


@_warehouse.command()
def upgrade() -> None:
    """Bring schemas, roles and grants up to date (as the administrator of the warehouse)."""
    from rapport import settings
    from rapport.warehouse.migrate import upgrade as migrate

    migrate(settings.load())


@_warehouse.command()
def sql() -> None:
    """Print the DDL of the migrations, for a DBA to review or run."""
    from rapport import settings
    from rapport.warehouse.migrate import ddl_script

    print(ddl_script(settings.load()))


def deploy() -> None:
    """Register this code version: store tables, mart views, landing tables, required suites."""
    from rapport import settings
    from rapport.cli.console import err
    from rapport.warehouse.deploy import deploy as register_version

    made = register_version(settings.load())
    err.print(
        f"Deployed code version {made.tree_hash[:12]}: {made.sources} sources, "
        f"{made.marts} marts, {made.suites} required suites."
    )
