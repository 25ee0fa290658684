"""Commands of people who let a failed expectation pass: ``override add``, ``list``, ``revoke``."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

_override = typer.Typer(no_args_is_help=True, help="Let a named expectation fail, on record.")
_Name = Annotated[str | None, typer.Option("--by", help="Who decides; default: the login name.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.add_typer(_override, name="override", rich_help_panel="Publish")


@_override.command()
def add(
    stage: Annotated[str, typer.Argument(help="landing, staging or marts.")],
    table: Annotated[str, typer.Argument(help="The table judged, as the failure names it.")],
    rule: Annotated[str, typer.Argument(help="The rule, as the failure names it.")],
    reason: Annotated[str, typer.Option(help="Why it may fail.")],
    until: Annotated[
        datetime, typer.Option(formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M"], help="When it ends.")
    ],
    by: _Name = None,
    release: Annotated[int | None, typer.Option(help="Only for this release.")] = None,
    batch: Annotated[int | None, typer.Option(help="Only for this batch.")] = None,
) -> None:
    """Record an override for one release, one batch, or (neither) every run until it ends."""
    import getpass

    from rapport import settings
    from rapport.cli.console import out
    from rapport.publishing import overrides

    number = overrides.add(
        settings.load(),
        stage=stage,
        object_name=table,
        rule=rule,
        reason=reason,
        approved_by=by or getpass.getuser(),
        expires_at=until.astimezone(),
        release_id=release,
        batch_seq=batch,
    )
    out.print(f"Override {number} is recorded; run again from the gate that failed.")


@_override.command("list")
def list_all() -> None:
    """List the overrides, newest first."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from rapport import settings
    from rapport.cli.console import out
    from rapport.publishing.overrides import list_overrides

    table = Table("No", "State", "Lets fail", "For", "By", "Until (UTC)", "Why", box=SIMPLE_HEAD)
    for item in list_overrides(settings.load()):
        scope = f"release {item.release_id}" if item.release_id else "every run"
        table.add_row(
            str(item.override_id),
            item.state,
            f"{item.stage} {item.object}: {item.rule}",
            f"batch {item.batch_seq}" if item.batch_seq else scope,
            item.approved_by,
            f"{item.expires_at:%Y-%m-%d %H:%M}",
            item.reason,
        )
    out.print(table)


@_override.command()
def revoke(
    number: Annotated[int, typer.Argument(help="Number of the override.")],
    reason: Annotated[str, typer.Option(help="Why it ends.")],
    by: _Name = None,
) -> None:
    """End an override now; what was published with it stays, and stays on record."""
    import getpass

    from rapport import settings
    from rapport.cli.console import out
    from rapport.publishing import overrides

    overrides.revoke(settings.load(), number, revoked_by=by or getpass.getuser(), reason=reason)
    out.print(f"Override {number} is revoked.")
