"""Commands that tell how things are: ``status`` and ``doctor``."""

from __future__ import annotations

import typer


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command(rich_help_panel="Look")(status)
    app.command(rich_help_panel="Look")(doctor)


def status() -> None:
    """Show the local services, their ports and addresses."""
    from rich.table import Table

    from rapport import settings
    from rapport.cli.console import out
    from rapport.local.services import service_states

    table = Table("Service", "State")
    table.add_column("Where", overflow="fold")
    for service in service_states(settings.load()):
        table.add_row(service.name, service.state, service.where)
    out.print(table)


def doctor() -> None:
    """Check settings, connections, contracts and versions; say how to mend each finding."""
    from rapport import settings
    from rapport.cli.console import out
    from rapport.local.checkup import examine

    failed = 0
    for finding in examine(settings.load()):
        mark = "[green]ok[/]" if finding.is_fine else "[red]no[/]"
        out.print(f"{mark}  {finding.subject}: {finding.message}", soft_wrap=True)
        if not finding.is_fine:
            failed += 1
            out.print(f"      mend: {finding.remedy}", soft_wrap=True)
    if failed:
        raise typer.Exit(1)
