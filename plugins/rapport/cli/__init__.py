"""The ``rapport`` command: thin functions that call the package.

Each module adds its commands to the app; whatever is heavy is imported inside the command
that needs it, so that ``rapport --help`` answers at once.
"""

from __future__ import annotations

import sys

import typer

from rapport.cli import (
    addresses,
    audit,
    documentation,
    extraction,
    health,
    ledger,
    local_services,
    overrides,
    releases,
    runs,
    sources,
    warehouse_commands,
)
from rapport.errors import RapportError

app = typer.Typer(
    name="rapport",
    help="Audited marts of client value, satisfaction, risk and relationship type.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
for module in (
    runs,
    releases,
    overrides,
    extraction,
    sources,
    ledger,
    audit,
    addresses,
    health,
    warehouse_commands,
    documentation,
    local_services,
):
    module.register(app)


def main() -> None:
    """Entry point: a failure the user can act on is shown in red, without a traceback."""
    try:
        app()
    except RapportError as error:
        from rapport.cli.console import show_error

        show_error(error)
        sys.exit(1)
