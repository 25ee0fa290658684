"""What a run did, read from the warehouse's own records."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import psycopg
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from rapport.errors import RapportError
from rapport.local import airflow, supervisor
from rapport.settings import Settings
from rapport.warehouse.dsn import connect, role_dsn

# Broken so that the table fits into 80 columns.
_HEADINGS = ("read", "landed", "un-\nchanged", "quaran-\ntined", "dedu-\nplicated", "super-\nseded")
_BATCHES = """
select source || '.' || table_name, rows_read, rows_landed, rows_unchanged, rows_quarantined,
  rows_deduplicated, rows_superseded
from ctl.batch_table join ctl.batch using (batch_seq)
where run_key = %s order by 1
"""
_RELEASE = """
select r.release_id, r.as_of_date, r.status, p.from_edition
from ctl.release as r left join ctl.pointer as p using (release_id)
where r.run_key = %s order by p.from_edition desc nulls last limit 1
"""
_GATES = """
select stage, count(distinct suite || ' ' || object), count(*), count(*) filter (where r.is_passed),
  count(*) filter (where not r.is_passed and severity = 'warning')
from ctl.validation join ctl.validation_result as r using (validation_id)
where release_id = %(release)s
  or batch_seq in (select batch_seq from ctl.batch where run_key = %(run_key)s)
group by stage order by array_position(array['landing', 'staging', 'marts'], stage)
"""


@dataclass(frozen=True)
class _Release:
    number: int
    as_of: object
    status: str
    edition: int | None


def print_summary(settings: Settings, run_key: str, console: Console) -> None:
    """Release, rows per table, gates, marts, and where to look next."""
    with connect(role_dsn(settings, "auditor"), application_name="rapport summary") as connection:
        release = _release(connection, run_key)
        console.print(_batches(connection, run_key))
        console.print(_gates(connection, run_key, release.number))
        console.print(_marts(connection, release.number))
    edition = f", edition {release.edition}" if release.edition else ""
    console.print(
        f"[bold]Release {release.number}[/] as of [bold]{release.as_of}[/]: "
        f"{release.status}{edition}"
    )
    page = settings.reports / f"release_{release.number}.html"
    console.print(f"Report    {page if page.exists() else settings.reports}", soft_wrap=True)
    if supervisor.is_running(settings):
        console.print(
            f"Airflow   {airflow.base_url(settings)}  user {airflow.USER}, "
            f"password {airflow.password(settings)}",
            soft_wrap=True,
        )
    command = _command()
    console.print(
        f'Query     {command} psql -c "select * from mart.client_value limit 10"\n'
        f"More      {command} status · {command} releases · make stop",
        soft_wrap=True,
    )


def _command() -> str:
    """How to call `rapport` from this shell: by its name if that finds this very program."""
    own = Path(sys.executable).with_name("rapport")
    found = shutil.which("rapport")
    if found and Path(found).resolve() == own.resolve():
        return "rapport"
    return os.path.relpath(own) if own.is_relative_to(Path.cwd()) else str(own)


def batch_table(settings: Settings, run_key: str) -> Table:
    """Rows per landed table of one run."""
    with connect(role_dsn(settings, "auditor"), application_name="rapport summary") as connection:
        return _batches(connection, run_key)


def _release(connection: psycopg.Connection, run_key: str) -> _Release:
    row = connection.execute(_RELEASE, [run_key]).fetchone()
    if row is None:
        raise RapportError(
            f"The warehouse knows no release of run {run_key}.", next_step="See `rapport releases`."
        )
    return _Release(*row)


def _batches(connection: psycopg.Connection, run_key: str) -> Table:
    rows = connection.execute(_BATCHES, [run_key]).fetchall()
    totals = [sum(counts) for counts in zip(*(row[1:] for row in rows), strict=True)]
    totals = totals or [0] * len(_HEADINGS)
    # Superseded rows are rare: no column for nothing.
    shown = len(_HEADINGS) if totals[-1] else len(_HEADINGS) - 1
    table = Table(title="Landing (rows)", title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    # Names give way on a narrow terminal, figures never.
    table.add_column("table", overflow="fold")
    for heading in _HEADINGS[:shown]:
        table.add_column(heading, no_wrap=True)
    filled = [row for row in rows if any(row[1:])]
    for name, *counts in filled:
        table.add_row(name, *(f"{count:,}" for count in counts[:shown]))
    table.add_section()
    table.add_row("all", *(f"{total:,}" for total in totals[:shown]), style="bold")
    if len(filled) < len(rows):
        table.caption = f"{len(rows) - len(filled)} more tables delivered no row."
        table.caption_justify = "left"
    _align(table)
    return table


def _gates(connection: psycopg.Connection, run_key: str, release: int) -> Table:
    table = Table("Stage", "suites", "gates", "passed", "warnings", title="Gates")
    table.title_justify = "left"
    for stage, *counts in connection.execute(_GATES, {"run_key": run_key, "release": release}):
        table.add_row(stage, *(f"{count:,}" for count in counts))
    _align(table)
    return table


def _marts(connection: psycopg.Connection, release: int) -> Table:
    table = Table("Mart", "rows", title="Published", title_justify="left")
    query = "select mart, row_count from ctl.store_mart where release_id = %s order by mart"
    for mart, count in connection.execute(query, [release]):
        table.add_row(f"mart.{mart}", f"{count:,}")
    _align(table)
    return table


def _align(table: Table) -> None:
    for column in table.columns[1:]:
        column.justify = "right"
