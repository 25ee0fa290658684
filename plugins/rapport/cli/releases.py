"""Commands about what is published: ``releases``, ``rollback``, ``diff``, ``report``."""

from __future__ import annotations

from typing import Annotated

import typer

_Release = Annotated[int, typer.Argument(metavar="RELEASE", help="Number of the release.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    for command in (releases, rollback, diff, report):
        app.command(rich_help_panel="Publish")(command)


def releases(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON array.")] = False,
) -> None:
    """List the releases, newest first."""
    import json

    from rich.table import Table

    from rapport import settings
    from rapport.cli.console import out
    from rapport.publishing.releases import list_releases

    found = list_releases(settings.load())
    if as_json:
        print(json.dumps(found, default=str, ensure_ascii=False, indent=1))
        return
    table = Table("Release", "As of", "Status", "Current", "Slot", "Opened", "Published")
    for item in found:
        names = ("release_id", "as_of_date", "status", "is_current", "slot", "opened_at")
        table.add_row(*(str(item.get(name, "")) for name in (*names, "published_at")))
    out.print(table)


def rollback(
    release: _Release,
    reason: Annotated[str, typer.Option(help="Why, for the ledger.")],
    actor: Annotated[str | None, typer.Option(help="Who; default: the login name.")] = None,
) -> None:
    """Make an earlier release of the same date the one that readers see."""
    import getpass

    from rapport import settings
    from rapport.cli.console import out
    from rapport.publishing.releases import rollback as turn_back

    decision = turn_back(settings.load(), release, actor=actor or getpass.getuser(), reason=reason)
    out.print(f"Release {release} is current again (edition {decision.get('edition')}).")


def diff(first: _Release, second: _Release) -> None:
    """Compare two releases mart by mart: rows added, removed, changed."""
    from rich.table import Table

    from rapport import settings
    from rapport.cli.console import out
    from rapport.publishing.diff import diff as compare

    table = Table("Mart", "Added", "Removed", "Changed", "Equal")
    for item in compare(settings.load(), first, second):
        table.add_row(
            *(str(item[name]) for name in ("mart", "added", "removed", "changed", "equal"))
        )
    out.print(table)


def report(release: _Release) -> None:
    """Write the HTML page of a release and print its path."""
    from rapport import settings
    from rapport.reporting.release_page import write
    from rapport.warehouse.dsn import role_dsn

    current = settings.load()
    print(write(current, release, role_dsn(current, "auditor")))
