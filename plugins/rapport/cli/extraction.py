"""Commands about what extraction left open: ``state``, ``approve``, ``drift``, ``quarantine``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Annotated, Any

import typer

_state = typer.Typer(no_args_is_help=True, help="Where incremental reads stand.")
_quarantine = typer.Typer(no_args_is_help=True, help="Rows that were kept apart, and why.")
_Table = Annotated[str, typer.Argument(metavar="SOURCE.TABLE")]
_Some = Annotated[str, typer.Argument(metavar="SOURCE[.TABLE]")]
_Name = Annotated[str | None, typer.Option("--by", help="Who decides; default: the login name.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.add_typer(_state, name="state", rich_help_panel="Sources")
    app.add_typer(_quarantine, name="quarantine", rich_help_panel="Sources")
    for command in (approve, drift):
        app.command(rich_help_panel="Sources")(command)


@_state.command("show")
def show_state(name: _Some) -> None:
    """Show where the next read of a table begins, and when it was last read whole."""
    from rapport import settings
    from rapport.landing import records

    source, _, table = name.partition(".")
    found = records.watermarks(settings.load(), source, table or None)
    _print(
        found,
        {
            "table": "table_name",
            "next read from": "low",
            "read whole": "full_read_at",
            "keys compared": "compared_at",
            "batch": "batch_seq",
            "alerts": "alerts",
        },
        f"{name}: no watermark; it is read whole.",
    )


@_state.command("reset")
def reset_state(
    name: _Table,
    reason: Annotated[str, typer.Option(help="Why.")] = "reset by hand",
    by: _Name = None,
) -> None:
    """Forget the watermark of a table: its next read is a full one. Nothing that landed is lost."""
    from rapport import settings
    from rapport.cli.console import out
    from rapport.landing import records

    records.reset_watermark(settings.load(), name, actor=by or _login(), reason=reason)
    out.print(f"{name} will be read whole next time.", markup=False)


def approve(
    name: _Table,
    kind: Annotated[str, typer.Option(help="mass_delete, small_extract or drift.")],
    reason: Annotated[str, typer.Option(help="Why it is right.")],
    until: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M"], help="When it ends; in 7 days."),
    ] = None,
    by: _Name = None,
) -> None:
    """Let a guard of a table pass once, on record; the next batch uses the approval up."""
    from rapport import settings
    from rapport.cli.console import out
    from rapport.landing import records

    number = records.approve(
        settings.load(),
        name,
        kind=kind,
        actor=by or _login(),
        reason=reason,
        until=until.astimezone() if until else records.in_a_week(),
    )
    out.print(f"Approval {number} is recorded; run the extraction of {name} again.", markup=False)


def drift(
    source: Annotated[str | None, typer.Argument(help="Only this source.")] = None,
    limit: Annotated[int, typer.Option(min=1)] = 50,
) -> None:
    """List what changed in the tables of the sources, newest first."""
    from rapport import settings
    from rapport.landing import records

    found = records.drift(settings.load(), source, limit)
    for item in found:
        item["effect"] = "stopped the batch" if item["is_stopping"] else item["mode"]
    columns = {"seen": "seen_at", "table": "table_name", "change": "message", "effect": "effect"}
    _print(found, {**columns, "batch": "batch_seq"}, "No change is on record.")


@_quarantine.command("list")
def list_quarantine(
    name: Annotated[str | None, typer.Argument(metavar="[SOURCE[.TABLE]]")] = None,
) -> None:
    """Count quarantined rows by table, status and rule."""
    from rapport import settings
    from rapport.landing import records

    source, _, table = (name or "").partition(".")
    found = records.quarantined(settings.load(), source or None, table or None)
    columns = {"table": "table_name", "status": "status", "rule": "rule", "rows": "number"}
    _print(found, {**columns, "newest id": "newest"}, "Nothing is in quarantine.")


@_quarantine.command("show")
def show_quarantined(name: _Table, number: Annotated[int, typer.Argument(metavar="ID")]) -> None:
    """Show one quarantined row: rule, message, where it stood, and its values."""
    import json

    from rapport import settings
    from rapport.landing import records

    row = records.quarantined_row(settings.load(), name, number)
    print(json.dumps(row, ensure_ascii=False, indent=1, default=str))


@_quarantine.command("replay")
def replay_quarantined(
    name: _Table,
    number: Annotated[list[int] | None, typer.Option("--id", help="Only these rows.")] = None,
) -> None:
    """Judge open rows by the contract of today; those that fit land as a batch of their own."""
    from uuid import uuid4

    from rapport import settings
    from rapport.cli.console import out
    from rapport.cli.runs import prepare
    from rapport.landing.records import split_name
    from rapport.local.summary import batch_table
    from rapport.pipeline.replay import replay

    current = settings.load()
    prepare(current)
    run_key = f"replay:{uuid4()}"
    replay(current, *split_name(name), run_key, number)
    out.print(batch_table(current, run_key))


def _print(rows: Iterable[Mapping[str, Any]], columns: Mapping[str, str], nothing: str) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.markup import escape
    from rich.table import Table

    from rapport.cli.console import out

    table = Table(*columns, box=SIMPLE_HEAD, pad_edge=False)
    for row in rows:
        table.add_row(*(escape(_shown(row[key])) for key in columns.values()))
    out.print(table if table.row_count else nothing)


def _shown(value: object) -> str:
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    return "" if value is None else str(value)


def _login() -> str:
    import getpass

    return getpass.getuser()
