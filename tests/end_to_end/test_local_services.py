"""Airflow's components under the supervisor, started and stopped for real."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from rapport.errors import RapportError
from rapport.local import airflow, ports, processes, services, supervisor
from rapport.local.airflow_api import AirflowApi
from rapport.local.waiting import wait_until
from rapport.settings import Settings


@pytest.fixture
def running(settings: Settings) -> Iterator[Settings]:
    services.start_airflow(settings)
    yield settings
    supervisor.stop(settings)


def _family(settings: Settings) -> set[int]:
    pid = supervisor.supervisor_pid(settings)
    assert pid is not None
    return processes.family(pid)


def _listeners(port: int) -> set[str]:
    """Local addresses (hexadecimal, as in /proc) that listen on a port."""
    lines = [
        line.split()
        for name in ("tcp", "tcp6")
        for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]
    ]
    return {
        fields[1].partition(":")[0]
        for fields in lines
        if fields[3] == "0A" and int(fields[1].partition(":")[2], 16) == port
    }


def test_components_answer_survive_a_crash_and_leave_nothing_behind(running: Settings) -> None:
    assert not services.start_airflow(running), "what runs is used again"
    AirflowApi(running).log_in()
    url = airflow.base_url(running)
    assert httpx.get(f"{url}/api/v2/dags", trust_env=False).status_code == 401
    wrong = {"username": airflow.USER, "password": "guess"}
    assert httpx.post(f"{url}/auth/token", json=wrong, trust_env=False).status_code == 401
    loopback = {"0100007F"}
    assert _listeners(running.airflow_port) == loopback
    assert _listeners(running.supervisor_port) == loopback

    def state(name: str) -> supervisor.Program:
        return next(p for p in supervisor.programs(running) if p.name == name)

    wait_until(lambda: state("scheduler").state == "RUNNING", seconds=60, what="the scheduler")
    crashed = state("scheduler").pid
    os.kill(crashed, signal.SIGKILL)
    wait_until(
        lambda: state("scheduler").state == "RUNNING" and state("scheduler").pid != crashed,
        seconds=60,
        what="the scheduler to come back",
    )
    family = _family(running)
    assert len(family) >= 5
    assert supervisor.stop(running)
    assert [pid for pid in family if processes.is_alive(pid)] == []
    assert ports.is_free(running.airflow_port)
    assert not supervisor.stop(running)


def test_components_without_their_supervisor_are_stopped_as_well(running: Settings) -> None:
    AirflowApi(running).log_in()
    family = _family(running)
    supervisor_pid = supervisor.supervisor_pid(running)
    assert supervisor_pid is not None
    os.kill(supervisor_pid, signal.SIGKILL)
    wait_until(lambda: not processes.is_alive(supervisor_pid), seconds=10, what="its end")
    assert any(processes.is_alive(pid) for pid in family)
    assert supervisor.stop(running)
    assert [pid for pid in family if processes.is_alive(pid)] == []


def test_a_taken_port_is_told_before_anything_starts(settings: Settings) -> None:
    airflow.migrate(settings)
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind((ports.HOST, settings.airflow_port))
        other.listen()
        with pytest.raises(RapportError, match=f"Port {settings.airflow_port}") as error:
            supervisor.start(settings)
    assert "RAPPORT_AIRFLOW_PORT" in str(error.value)
    assert supervisor.supervisor_pid(settings) is None
