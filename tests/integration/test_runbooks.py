"""The runbooks, tried: a person is erased, a backup is restored."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import psycopg
import pytest

from rapport.errors import RapportError
from rapport.local.binaries import program
from rapport.local.postgres import EmbeddedPostgres
from rapport.publishing import ledger
from rapport.settings import load
from rapport.sources.pseudonyms import load_pseudonymiser
from rapport.warehouse import dsn
from rapport.warehouse.erasure import erase
from rapport.warehouse.migrate import make_roles
from support.databases import create_database, drop_database
from support.tiny_release import TinyWarehouse, tiny_warehouse

JULY = date(2026, 7, 31)


@pytest.fixture
def tiny(server: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch) -> Iterator[TinyWarehouse]:
    with tiny_warehouse(server, monkeypatch) as warehouse:
        warehouse.land("first", "a", "b")
        yield warehouse


def test_an_erased_person_stands_nowhere_and_figures_stay(tiny: TinyWarehouse) -> None:
    person = load_pseudonymiser(load()).of("110101199003070011")
    loader = tiny.as_role("loader")
    loader.execute("insert into landing.src__t (id, v, _from_batch) values ('p', %s, 1)", [person])
    loader.execute(
        "insert into quarantine.src__t (batch_seq, rule, message, key_values, row_data)"
        " values (1, 'r', 'm', '{}', jsonb_build_object('who', %s::text))",
        [person],
    )
    release = tiny.released(JULY, {"a": "1.00"})
    hashes = "select content_hash from ctl.store_mart where release_id = %s"
    before = tiny.call("auditor", hashes, release)
    done = erase(load(), " 110101199003070011 ", requested_by="dpo", reason="request 117")
    assert done == {"landing.src__t": 1, "quarantine.src__t": 1}
    admin = tiny.as_role("admin")
    row = admin.execute("select v from landing.src__t where id = 'p'").fetchone()
    held = admin.execute("select row_data ->> 'who' from quarantine.src__t").fetchone()
    assert row == held
    assert row is not None
    assert row[0].startswith("erased:")
    assert tiny.call("auditor", hashes, release) == before
    entry = tiny.call("auditor", "select entry from ctl.ledger order by ledger_seq desc limit 1")
    assert "request 117" in entry
    assert str(person) not in entry
    assert erase(load(), "110101199003070011", requested_by="dpo", reason="again") == {}
    with pytest.raises(RapportError, match="blank"):
        erase(load(), " ", requested_by="dpo", reason="nobody")


@pytest.mark.parametrize("role", ["loader", "publisher", "validator", "approver"])
def test_no_role_of_a_run_can_erase(tiny: TinyWarehouse, role: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        tiny.as_role(role).execute("select ctl.erase_pseudonym('k1:00', 'me', 'why')")


def test_a_backup_restores_to_the_same_ledger_and_the_same_figures(
    tiny: TinyWarehouse,
    server: EmbeddedPostgres,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tiny.released(JULY, {"a": "1.00"})
    head = ledger.export(load(), tmp_path / "ledger")
    old = dsn.role_dsn(load(), "admin")
    dump = tmp_path / "rapport.dump"
    run("pg_dump", "--format=custom", f"--file={dump}", old)
    name = create_database(server, "restored", "rapport_admin")
    try:
        new = old.replace("/tiny", f"/{name}")
        monkeypatch.setenv("RAPPORT_WAREHOUSE_URL", new)
        make_roles(load())
        options = ("--exit-on-error", "--single-transaction")
        run("pg_restore", *options, f"--dbname={new}", str(dump))
        assert ledger.export(load(), tmp_path / "restored") == head
        ledger.verify(tmp_path / "restored", expect=str(head))
        restored = TinyWarehouse(load())
        assert restored.seen(JULY) == {"a": "1.00"}
        restored.released(JULY, {"a": "2.00"})
        assert restored.seen(JULY) == {"a": "2.00"}
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            restored.as_role("bi_reader").execute("select * from store.tiny")
        restored.close()
    finally:
        drop_database(server, name)


def run(name: str, *arguments: str) -> None:
    done = subprocess.run(
        [str(program(name)), *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
