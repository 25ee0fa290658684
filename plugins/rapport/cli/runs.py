"""Commands that move data: ``run``, ``extract``, ``simulate``."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rapport.settings import Settings

AsOf = Annotated[
    datetime | None,
    typer.Option(
        "--as-of", formats=["%Y-%m-%d"], help="Date of the marts; last month-end if unset."
    ),
]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    for command in (run, extract, simulate):
        app.command(rich_help_panel="Run")(command)


def run(
    as_of: AsOf = None,
    source: Annotated[
        list[str] | None,
        typer.Option("--extract", help="Read only this source anew (repeatable); all if unset."),
    ] = None,
    no_extract: Annotated[
        bool, typer.Option("--no-extract", help="Read no source; judge and use what is landed.")
    ] = False,
    known_at: Annotated[
        datetime | None,
        typer.Option(help="Use the batches complete by then; nothing is extracted."),
    ] = None,
) -> None:
    """Make and publish one release without a scheduler."""
    from rapport import settings
    from rapport.cli.console import out
    from rapport.local.progress import StepPrinter
    from rapport.local.summary import print_summary
    from rapport.month_end import last_month_end
    from rapport.pipeline.runner import run as run_pipeline

    current = settings.load()
    prepare(current)
    day = as_of.date() if as_of else last_month_end(datetime.now(UTC), current.business_time_zone)
    instant = known_at.astimezone() if known_at else None
    with StepPrinter() as printer:
        wanted = [] if no_extract else source
        result = run_pipeline(current, day, extract=wanted, known_at=instant, on_step=printer)
    print_summary(current, result.run_key, out)


def extract(source: Annotated[str, typer.Argument(help="Name of its contract.")]) -> None:
    """Land one batch of a source."""
    from uuid import uuid4

    from rapport import settings
    from rapport.cli.console import out
    from rapport.local.summary import batch_table
    from rapport.pipeline.steps import extract as extract_source

    current = settings.load()
    prepare(current)
    run_key = f"cli:{uuid4()}"
    extract_source(current, source, run_key)
    out.print(batch_table(current, run_key))


def simulate(
    clients: Annotated[int, typer.Option(min=1)] = 500,
    months: Annotated[int, typer.Option(min=1)] = 36,
    seed: Annotated[int, typer.Option()] = 7,
    advance: Annotated[
        int, typer.Option(help="Move the existing world on by this many months.")
    ] = 0,
    dirt: Annotated[
        float, typer.Option(help="Share of rows to spoil, e.g. 0.01; dirt.csv tells what was.")
    ] = 0.0,
) -> None:
    """Fill the simulated CRM and loan system with a coherent lender."""
    from rapport import settings
    from rapport.local.databases import ensure_running
    from rapport.simulator import run as simulator

    current = settings.load()
    ensure_running(current)
    if advance:
        simulator.advance(current, advance)
    else:
        simulator.simulate(current, clients=clients, months=months, seed=seed, dirt=dirt)


def prepare(settings: Settings) -> None:
    """Have a deployed warehouse: made here when it is ours, only checked when it is not."""
    from rapport.local.warehouse import ensure_deployed

    ensure_deployed(settings)
