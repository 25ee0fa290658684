"""Commands behind ``make run`` and ``make stop``: services on this machine."""

from __future__ import annotations

import typer

from rapport.cli.runs import AsOf

_local = typer.Typer(no_args_is_help=True, help="Services on this machine.")


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.add_typer(_local, name="local", rich_help_panel="Install")


@_local.command()
def database() -> None:
    """Create and start the embedded PostgreSQL, if it is not running."""
    from rapport import settings
    from rapport.cli.console import err
    from rapport.local.databases import ensure_running

    current = settings.load()
    started = ensure_running(current)
    state = "started" if started else "already running"
    err.print(f"PostgreSQL {state} on 127.0.0.1:{current.database_port}.")


@_local.command()
def start() -> None:
    """Start PostgreSQL and Airflow, with a deployed warehouse and filled source systems."""
    from rapport import settings
    from rapport.local.demo import start_services
    from rapport.local.progress import StepBoard

    with StepBoard() as board:
        start_services(settings.load(), board)


@_local.command()
def stop() -> None:
    """Stop Airflow and PostgreSQL; returns when no process is left."""
    from rapport import settings
    from rapport.cli.console import err
    from rapport.local.services import stop_all

    stop_all(settings.load())
    err.print("Stopped; nothing is left running.")


@_local.command()
def run(as_of: AsOf = None) -> None:
    """Start everything, make one release through Airflow, and show what came out."""
    from rapport import settings
    from rapport.local.demo import run_demo

    run_demo(settings.load(), as_of.date() if as_of else None)


@_local.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
    add_help_option=False,
)
def airflow(context: typer.Context) -> None:
    """Run Airflow's own command line here, for example `rapport local airflow dags list`."""
    from rapport import settings
    from rapport.local.airflow import run_command

    raise typer.Exit(run_command(settings.load(), context.args))
