"""Commands about what is published: list, roll back, compare, report."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

_Release = Annotated[int, typer.Argument(metavar="RELEASE", help="Number of the release.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    for command in (releases, rollback, abandon, diff, restatements, report):
        app.command(rich_help_panel="Publish")(command)


def releases(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON array.")] = False,
) -> None:
    """List the releases, newest first."""
    import json

    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from rapport import settings
    from rapport.cli.console import out
    from rapport.publishing.releases import list_releases

    found = list_releases(settings.load())
    if as_json:
        print(json.dumps([item.as_json() for item in found], ensure_ascii=False, indent=1))
        return
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for heading in ("no", "as of", "status", "seen", "edition", "opened (UTC)", "rows"):
        table.add_column(heading, no_wrap=True)
    for item in found:
        table.add_row(
            str(item.release_id),
            str(item.as_of_date),
            item.status,
            "yes" if item.is_current else "",
            str(item.edition or ""),
            f"{item.opened_at:%Y-%m-%d %H:%M}",
            f"{item.rows:,}",
        )
    out.print(table)
    for item in found:
        if item.needs_restatement:
            out.print(
                f"{item.release_id}: needs restatement: what it read of an earlier date has been"
                f" published anew; run {item.as_of_date} again"
            )
        if item.reason and item.status in ("failed", "refused", "abandoned"):
            first_line = item.reason.partition("\n")[0]
            out.print(f"{item.release_id}: {first_line[:200]}", markup=False)


def rollback(
    release: _Release,
    reason: Annotated[str, typer.Option(help="Why, for the ledger.")] = "",
    actor: Annotated[str | None, typer.Option(help="Who; default: the login name.")] = None,
) -> None:
    """Make an earlier release of the same date the one that readers see."""
    import getpass

    from rapport import settings
    from rapport.cli.console import out
    from rapport.publishing.releases import rollback as turn_back

    edition = turn_back(settings.load(), release, actor=actor or getpass.getuser(), reason=reason)
    out.print(f"Readers see release {release} again (edition {edition}).")


def abandon(
    release: _Release, reason: Annotated[str, typer.Option(help="Why.")] = "given up by hand"
) -> None:
    """End a release that will not be finished, so that its build slot is free again."""
    from rapport import settings
    from rapport.cli.console import out
    from rapport.publishing.releases import abandon as give_up

    give_up(settings.load(), release, reason=reason)
    out.print(f"Release {release} is abandoned.")


def diff(first: _Release, second: _Release) -> None:
    """Compare two releases mart by mart: rows added, removed, changed."""
    from rich.table import Table

    from rapport import settings
    from rapport.cli.console import out
    from rapport.publishing.differences import diff as compare

    table = Table("Mart", "Rows", "Removed", "Added", "Changed", "Most changed columns")
    for item in compare(settings.load(), first, second):
        table.add_row(
            item.mart,
            f"{item.rows_first:,} → {item.rows_second:,}",
            f"{item.removed:,}",
            f"{item.added:,}",
            f"{item.changed:,}",
            ", ".join(f"{name} {count:,}" for name, count in item.changed_columns[:4]),
        )
    out.print(table)


def restatements(
    as_of: Annotated[
        datetime | None, typer.Option("--as-of", formats=["%Y-%m-%d"], help="Only this date.")
    ] = None,
    cells: Annotated[bool, typer.Option(help="Each cell, as tab-separated values.")] = False,
) -> None:
    """Show which published figures a later release of the same date changed, and by how much."""
    from rich.table import Table

    from rapport import settings
    from rapport.cli.console import out
    from rapport.publishing import restatements as changes

    day = as_of.date() if as_of else None
    if cells:
        for cell in changes.cells(settings.load(), day):
            print("\t".join("" if value is None else str(value) for value in cell))
        return
    table = Table("As of", "Edition", "Releases", "Mart", "Column", "Cells", "Sum of differences")
    for item in changes.summary(settings.load(), day):
        table.add_row(
            str(item.as_of_date),
            str(item.edition),
            f"{item.old_release_id} → {item.release_id}",
            item.mart,
            item.column_name or f"(rows {item.change})",
            f"{item.count:,}",
            "" if item.difference is None else f"{item.difference:,}",
        )
    out.print(table)


def report(release: _Release) -> None:
    """Write the HTML page of a release and print its path."""
    from rapport import settings
    from rapport.reporting.release_page import write
    from rapport.warehouse.dsn import role_dsn

    current = settings.load()
    print(write(current, release, role_dsn(current, "auditor")))
