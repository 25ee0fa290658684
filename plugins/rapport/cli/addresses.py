"""Commands that open the warehouse: ``dsn`` and ``psql``."""

from __future__ import annotations

from typing import Annotated

import typer

_ROLE_HELP = "admin, loader, transformer, validator, publisher, approver, bi_reader or auditor."


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command(rich_help_panel="Look")(dsn)
    app.command(
        rich_help_panel="Look",
        context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
    )(psql)


def dsn(
    role: Annotated[str, typer.Argument(help=f"{_ROLE_HELP} A source: source:crm.")] = "bi_reader",
) -> None:
    """Print the libpq URL of a role, password included: keep it out of logs."""
    from rapport import settings
    from rapport.warehouse.dsn import role_dsn, source_dsn

    kind, _, name = role.partition(":")
    current = settings.load()
    print(source_dsn(current, name) if kind == "source" else role_dsn(current, role))


def psql(
    context: typer.Context,
    role: Annotated[str, typer.Argument(help=_ROLE_HELP)] = "bi_reader",
    command: Annotated[
        list[str] | None, typer.Option("--command", "-c", help="SQL to run, then leave.")
    ] = None,
) -> None:
    """Open psql as a role, or run SQL and leave; further psql options may follow."""
    import os

    from psycopg.conninfo import conninfo_to_dict, make_conninfo

    from rapport import settings
    from rapport.local.binaries import program
    from rapport.warehouse.dsn import role_dsn

    if role.startswith("-"):
        # An option for psql stands first: the role was left out.
        context.args.insert(0, role)
        role = "bi_reader"
    parts = conninfo_to_dict(role_dsn(settings.load(), role))
    password = parts.pop("password", None)
    path = str(program("psql"))
    arguments = [path, "-X", "-v", "ON_ERROR_STOP=1", *context.args]
    for text in command or []:
        arguments += ["-c", text]
    arguments += ["-d", make_conninfo("", **parts)]
    environment = os.environ | {"PGAPPNAME": "rapport psql"}
    if password is not None:
        # The argument list is visible to every user of the machine, the environment is not.
        environment["PGPASSWORD"] = str(password)
    os.execve(path, arguments, environment)
