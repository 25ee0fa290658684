"""Commands that re-perform and follow what was published: ``reproduce``, ``trace``."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rapport.publishing.trace import Input, Trace


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command(rich_help_panel="Audit")(reproduce)
    app.command(rich_help_panel="Audit")(trace)


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


def trace(
    mart: Annotated[str, typer.Argument(help="Name of the mart.")],
    key: Annotated[list[str], typer.Argument(help="Its key, without the date: crm:C000001")],
    as_of: Annotated[
        datetime | None, typer.Option("--as-of", formats=["%Y-%m-%d"], help="Default: the newest.")
    ] = None,
    release: Annotated[int | None, typer.Option(help="A stored release instead.")] = None,
) -> None:
    """Show what stands behind one published row: models, tables, batches, files, gates."""
    from rapport import settings
    from rapport.cli.console import out
    from rapport.publishing.trace import trace as follow

    day = as_of.date() if as_of else None
    found = follow(settings.load(), mart, key, as_of=day, release=release)
    for line in _lines(found):
        out.print(line, markup=False, soft_wrap=True)


def _lines(found: Trace) -> list[str]:
    lines = [
        f"mart.{found.mart}, release {found.release_id}, as of {found.as_of_date},"
        f" code version {found.tree_hash[:12]}"
    ]
    lines += [f"  {name} = {value}" for name, value in found.row.items() if value is not None]
    lines += ["", "Models, in building order:"]
    lines += [f"  {m['name']}  {m['path']}" for m in found.models]
    lines += [f"Seeds: {', '.join(found.seeds)}", "", "Landed tables:"]
    for item in found.inputs:
        lines += _input_lines(item)
    lines += ["", "Gates:"]
    for gate in found.gates:
        batch = f" (batch {gate.batch_seq})" if gate.batch_seq else ""
        verdict = f"{gate.rules - gate.failed} of {gate.rules} rules met"
        if gate.waived:
            verdict += f", {gate.waived} let through by override"
        lines.append(f"  {gate.stage} {gate.object}{batch}, suite {gate.suite}: {verdict}")
    return lines


def _input_lines(item: Input) -> list[str]:
    whose = f" with this {item.narrowed_by}" if item.narrowed_by else ""
    batches = ", ".join(f"batch {batch}: {count:,} rows{whose}" for batch, count in item.batches)
    lines = [f"  {item.table} (up to batch {item.ceiling}): {batches or 'no rows' + whose}"]
    lines += [
        f"    {file.path}  sha256 {file.sha256}  {file.row_count:,} rows (batch {file.batch_seq})"
        for file in item.files
    ]
    return lines
