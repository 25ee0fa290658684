"""Commands for who installs: ``warehouse upgrade``, ``warehouse sql`` and ``deploy``."""

from __future__ import annotations

from typing import Annotated

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


@_warehouse.command()
def roles() -> None:
    """Make the roles only, before a backup is restored."""
    from rapport import settings
    from rapport.warehouse.migrate import make_roles

    make_roles(settings.load())


@_warehouse.command()
def erase(
    reason: Annotated[str, typer.Option(help="Why, for the ledger; no personal data.")],
    by: Annotated[str | None, typer.Option("--by", help="Who; default: the login name.")] = None,
) -> None:
    """Erase a person: asks for the personal value, replaces its pseudonym in every layer."""
    import getpass

    from rapport import settings
    from rapport.cli.console import out
    from rapport.warehouse.erasure import erase as forget

    value = getpass.getpass("Personal value, as the source holds it: ")
    done = forget(settings.load(), value, requested_by=by or getpass.getuser(), reason=reason)
    for table, rows in done.items():
        out.print(f"{table}: {rows:,} rows")
    out.print(f"Erased in {len(done)} tables.")


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
