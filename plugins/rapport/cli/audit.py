"""Commands that re-perform and follow what was published: ``reproduce``, ``trace``."""

from __future__ import annotations

from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command(rich_help_panel="Audit")(reproduce)


def reproduce(release: Annotated[int, typer.Argument(help="Number of the release.")]) -> None:
    """Build a release again from its frozen inputs and compare the content hash of each mart."""
    from rich.table import Table

    from rapport import settings
    from rapport.cli.console import err, out
    from rapport.cli.runs import prepare
    from rapport.local.progress import StepPrinter
    from rapport.pipeline.reproduction import reproduce as build_again

    current = settings.load()
    prepare(current)
    with StepPrinter() as printer:
        result = build_again(current, release, on_step=printer)
    table = Table("Mart", "Rows", "Rows now", "SHA-256 as stored", "SHA-256 now", "")
    for item in result.marts:
        table.add_row(
            item.mart,
            f"{item.rows:,}",
            "" if item.rows_now is None else f"{item.rows_now:,}",
            item.sha256[:16],
            (item.sha256_now or "columns are gone")[:16],
            "identical" if item.is_identical else "DIFFERS",
        )
    out.print(table)
    if result.differing_parts:
        out.print(
            f"The code is not that of release {release}; what differs: "
            f"{', '.join(result.differing_parts)}.",
            soft_wrap=True,
        )
    else:
        out.print(f"The code is that of release {release}.")
    if not result.is_identical:
        err.print(f"Release {release} is not reproduced.", style="bold red")
        raise typer.Exit(1)
    out.print(f"Release {release} is reproduced to the same hashes.")
