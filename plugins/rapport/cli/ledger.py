"""Commands of the auditor: ``ledger keygen``, ``ledger export``, ``verify``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

_ledger = typer.Typer(
    no_args_is_help=True, help="The ledger of all decisions, outside the warehouse."
)


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.add_typer(_ledger, name="ledger", rich_help_panel="Audit")
    app.command(rich_help_panel="Audit")(verify)


@_ledger.command()
def keygen(
    file: Annotated[Path, typer.Argument(help="Private key; FILE.pub is for others.")],
) -> None:
    """Make the key that signs heads of the ledger; name FILE in RAPPORT_SIGNING_KEY."""
    from rapport.cli.console import out
    from rapport.publishing.signing import make_key

    out.print(f"Private key: {file} (keep it outside the warehouse and its backups)")
    out.print(f"Public key:  {make_key(file)}", soft_wrap=True)


@_ledger.command()
def export(file: Annotated[Path, typer.Argument(help="Where to write it.")]) -> None:
    """Write the ledger to a file and print its head: keep the head apart from the file."""
    from rapport import settings
    from rapport.publishing.ledger import export as write

    print(write(settings.load(), file))


def verify(
    export: Annotated[Path, typer.Argument(metavar="EXPORT", help="File of `ledger export`.")],
    key: Annotated[
        Path | None, typer.Option(help="Public key; the last entry must be signed.")
    ] = None,
    expect: Annotated[
        str | None, typer.Option(metavar="HEAD", help="A head kept apart, SEQ:SHA256.")
    ] = None,
) -> None:
    """Check an exported ledger without a database; names the first broken entry."""
    from rapport.cli.console import err, out
    from rapport.publishing.ledger import verify as check

    head = check(export, key, expect)
    out.print(f"{head.seq} entries, each following the one before; head {head}", soft_wrap=True)
    if key is None and expect is None:
        err.print("Neither --key nor --expect: whoever wrote all of it anew would not be seen.")
