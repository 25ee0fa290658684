"""The embedded PostgreSQL as a local run uses it, on servers of the tests' own."""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from rapport.errors import RapportError
from rapport.local import ports
from rapport.local.databases import ensure_databases
from rapport.local.postgres import EmbeddedPostgres
from rapport.local.processes import is_alive
from rapport.local.sources import simulator_dsn
from rapport.settings import Settings
from rapport.warehouse.dsn import connect, role_dsn, source_dsn


@pytest.fixture
def own(home: Path) -> Iterator[EmbeddedPostgres]:
    made = EmbeddedPostgres(home / "second", ports.find_free(), "secret", durable=False)
    yield made
    made.stop()


def test_starting_and_stopping_twice_changes_nothing_more(own: EmbeddedPostgres) -> None:
    assert (own.init(), own.init()) == (True, False)
    assert (own.start(), own.start()) == (True, False)
    pid = own.pid()
    assert pid is not None
    assert own.is_running()
    assert (own.stop(), own.stop()) == (True, False)
    assert not is_alive(pid)


def test_a_taken_port_is_named_with_the_setting_that_changes_it(own: EmbeddedPostgres) -> None:
    own.init()
    with socket.socket() as other:
        other.bind(("127.0.0.1", own.port))
        other.listen()
        with pytest.raises(RapportError, match=str(own.port)) as error:
            own.start()
    assert "RAPPORT_DATABASE_PORT" in str(error.value)
    assert not own.is_running()


def test_a_server_left_on_another_port_is_not_mistaken_for_ours(own: EmbeddedPostgres) -> None:
    own.init()
    own.start()
    moved = replace(own, port=ports.find_free())
    with pytest.raises(RapportError, match=f"runs on port {own.port}"):
        moved.start()


def test_another_postgresql_on_the_port_is_not_mistaken_for_ours(
    own: EmbeddedPostgres, server: EmbeddedPostgres
) -> None:
    own.init()
    with pytest.raises(RapportError, match="not our PostgreSQL"):
        replace(own, port=server.port).require_ours()
    with pytest.raises(RapportError, match="belongs to another PostgreSQL"):
        replace(own, port=server.port, password=server.password).require_ours()


def test_the_server_listens_on_loopback_only_and_has_no_socket(server: EmbeddedPostgres) -> None:
    with server.connect() as connection:
        shown = [
            connection.execute(f"show {name}").fetchone()
            for name in ("listen_addresses", "unix_socket_directories", "password_encryption")
        ]
        rules = connection.execute("select distinct auth_method from pg_hba_file_rules").fetchall()
    assert shown == [("127.0.0.1",), ("",), ("scram-sha-256",)]
    assert rules == [("scram-sha-256",)]


def test_a_wrong_password_is_refused(server: EmbeddedPostgres) -> None:
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        replace(server, password="guess").connect()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to step down")
def test_root_steps_down_for_the_server(server: EmbeddedPostgres) -> None:
    pid = server.pid()
    assert Path(f"/proc/{pid}").stat().st_uid != 0
    assert server.data.stat().st_uid != 0


@pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user owns what he makes")
def test_a_closed_parent_folder_is_named(home: Path) -> None:
    closed = home / "closed"
    closed.mkdir(mode=0o700)
    with pytest.raises(RapportError, match=f"the folder {closed} is closed") as error:
        EmbeddedPostgres(closed / "postgres", ports.find_free(), "secret").init()
    assert "chmod o+x" in str(error.value)


def test_the_administrator_is_no_superuser(settings: Settings) -> None:
    with connect(role_dsn(settings, "admin")) as connection:
        row = connection.execute(
            "select rolsuper, rolcreaterole, rolcreatedb from pg_roles where rolname = current_user"
        ).fetchone()
    assert row == (False, True, False)


def test_a_source_reader_reads_later_tables_and_writes_none(
    server: EmbeddedPostgres, settings: Settings
) -> None:
    with connect(simulator_dsn(settings, "crm"), autocommit=True) as owner:
        owner.execute("create table made_later (id int)")
        try:
            with connect(source_dsn(settings, "crm"), autocommit=True) as reader:
                assert reader.execute("select count(*) from made_later").fetchone() == (0,)
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    reader.execute("insert into made_later values (1)")
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    reader.execute("create table public.own (id int)")
        finally:
            owner.execute("drop table made_later")


def test_roles_of_one_database_cannot_enter_the_others(settings: Settings) -> None:
    dsn = source_dsn(settings, "crm").rsplit("/", 1)[0]
    for name in ("rapport", "airflow"):
        with pytest.raises(RapportError, match="permission denied for database"):
            connect(f"{dsn}/{name}")


def test_passwords_and_addresses_stay_when_databases_are_made_again(
    server: EmbeddedPostgres, settings: Settings
) -> None:
    before = {path.name: path.read_text() for path in settings.secrets.iterdir()}
    ensure_databases(server, settings)
    assert {path.name: path.read_text() for path in settings.secrets.iterdir()} == before
    assert stat.S_IMODE(settings.secrets.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in settings.secrets.iterdir()} == {0o600}
