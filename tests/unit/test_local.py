"""Parts of the local run that need no server."""

from __future__ import annotations

import io
import os
import socket
import stat
import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from rich.console import Console

from rapport.errors import RapportError
from rapport.local import ports, processes, secret_files
from rapport.local.progress import StepBoard, StepPrinter
from rapport.local.waiting import wait_until
from rapport.month_end import last_month_end
from rapport.settings import Settings, load


def test_a_port_in_use_is_refused_with_the_setting_that_changes_it() -> None:
    with socket.socket() as other:
        other.bind((ports.HOST, 0))
        other.listen()
        port = other.getsockname()[1]
        assert not ports.is_free(port)
        with pytest.raises(RapportError, match=f"Port {port} for Airflow") as error:
            ports.require_free(port, service="Airflow", variable="RAPPORT_AIRFLOW_PORT")
    assert "RAPPORT_AIRFLOW_PORT" in str(error.value)


def test_ports_are_not_taken_from_those_of_outgoing_connections() -> None:
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    defaults = Settings()
    used = {defaults.database_port, defaults.airflow_port, defaults.supervisor_port}
    assert max(*used, *(ports.find_free() for _ in range(50))) < lowest


def test_secrets_are_kept_and_closed_to_others(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    first = secret_files.ensure(folder, "some.json", ["one"])
    second = secret_files.ensure(folder, "some.json", ["one", "two"])
    assert second["one"] == first["one"]
    assert len(second["two"]) >= 64
    assert second["one"] != second["two"]
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "some.json").stat().st_mode) == 0o600
    assert [path.name for path in folder.iterdir()] == ["some.json"]


@pytest.mark.parametrize(
    ("instant", "zone", "expected"),
    [
        (datetime(2026, 10, 31, 15, 59, tzinfo=UTC), "Asia/Shanghai", date(2026, 9, 30)),
        (datetime(2026, 10, 31, 16, 0, tzinfo=UTC), "Asia/Shanghai", date(2026, 10, 31)),
        (datetime(2026, 3, 1, 0, 0, tzinfo=UTC), "UTC", date(2026, 2, 28)),
        (datetime(2024, 3, 1, 4, 59, tzinfo=UTC), "America/New_York", date(2024, 1, 31)),
        (datetime(2024, 3, 1, 5, 0, tzinfo=UTC), "America/New_York", date(2024, 2, 29)),
    ],
)
def test_the_month_ends_where_the_business_is(instant: datetime, zone: str, expected: date) -> None:
    assert last_month_end(instant, zone) == expected


def test_a_setting_that_does_not_fit_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAPPORT_AIRFLOW_PORT", "80")
    with pytest.raises(RapportError, match="RAPPORT_AIRFLOW_PORT"):
        load()


def test_an_empty_setting_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAPPORT_WAREHOUSE_URL", "")
    monkeypatch.setenv("RAPPORT_SOURCES", " crm, loans ,")
    assert load().warehouse_url is None
    assert load().sources == ("crm", "loans")


def test_relative_folders_become_absolute(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RAPPORT_FILES_DIR", "exports")
    assert load().files_dir == tmp_path / "exports"


def test_steps_are_plain_lines_without_a_terminal() -> None:
    console = Console(file=io.StringIO(), highlight=False, width=80)
    with StepBoard(console) as board:
        board.begin("extract [crm]")
        board.begin("extract [crm]")
        board.finish("extract [crm]", seconds=1.25)
        board.finish("publish", "skipped")
    assert isinstance(console.file, io.StringIO)
    assert console.file.getvalue().splitlines() == [
        "  extract [crm] …",
        "✓ extract [crm]  1.2 s",
        "– publish",
    ]


def test_a_step_that_raises_is_shown_as_failed(capsys: pytest.CaptureFixture[str]) -> None:
    def run() -> None:
        with StepPrinter() as printer:
            printer("first")
            printer("second")
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        run()
    shown = capsys.readouterr().out
    assert "✓ first" in shown
    assert "✗ second" in shown


def test_waiting_in_vain_says_for_what() -> None:
    with pytest.raises(RapportError, match="in vain for the moon"):
        wait_until(lambda: False, seconds=0.05, what="the moon", interval=0.01)


def test_a_family_is_ended_with_those_who_ignore_the_signal() -> None:
    stubborn = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
    child = f'import subprocess, sys; subprocess.run([sys.executable, "-c", "{stubborn}'
    parent = subprocess.Popen(
        [sys.executable, "-c", child + 'print(1, flush=True); time.sleep(60)"])'],
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    assert parent.stdout is not None
    parent.stdout.readline()
    members = processes.family(parent.pid)
    assert len(members) == 2
    assert processes.session(parent.pid, mentioning="signal") == members
    assert processes.end(members, patience=0.2)
    parent.wait()
    assert not any(processes.is_alive(pid) for pid in members)
    assert not processes.end(members)


def test_a_process_is_alive_until_it_is_collected_or_a_zombie() -> None:
    assert processes.is_alive(os.getpid())
    ended = subprocess.Popen(["/bin/true"])
    wait_until(lambda: not processes.is_alive(ended.pid), seconds=10, what="it to end")
    ended.wait()
    assert not processes.is_alive(ended.pid)
