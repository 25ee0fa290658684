"""The ledger in the warehouse: canonical, chained by the database, signed outside, exported."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import psycopg
import pytest
from psycopg.types.json import Jsonb

from rapport.local.postgres import EmbeddedPostgres
from rapport.publishing import ledger, releases, signing
from rapport.publishing.canonical_json import canonical
from rapport.settings import load
from support.tiny_release import TinyWarehouse, tiny_warehouse

JULY = date(2026, 7, 31)


@pytest.fixture
def tiny(server: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch) -> Iterator[TinyWarehouse]:
    with tiny_warehouse(server, monkeypatch) as warehouse:
        warehouse.land("first", "a")
        yield warehouse


def as_owner(tiny: TinyWarehouse) -> psycopg.Connection:
    admin = tiny.as_role("admin")
    admin.execute("set role rapport_owner")
    return admin


@pytest.mark.parametrize(
    "value",
    [
        {"€": 1, "\r": 2, "\ufb33": 3, "1": 4, "😀": 5, "\x80": 6, "ö": 7},
        ['a"b\\c\n\t\b\f\r\x01\x1f/\x7f', "李伟", ""],
        {"n": [0, -1, 9007199254740991], "t": True, "f": False, "nil": None, "o": {}, "l": []},
    ],
    ids=["names", "texts", "values"],
)
def test_the_database_and_the_verifier_write_the_same_json(
    tiny: TinyWarehouse, value: object
) -> None:
    row = as_owner(tiny).execute("select ctl.canonical_json(%s)", [Jsonb(value)]).fetchone()
    assert row == (canonical(value),)


def test_a_number_that_a_double_could_round_is_written_as_text(tiny: TinyWarehouse) -> None:
    row = (
        as_owner(tiny)
        .execute("select ctl.canonical_json('[1.50, 2.0, 9007199254740993, 1e400]')")
        .fetchone()
    )
    assert row is not None
    assert json.loads(row[0])[:3] == ["1.5", 2, "9007199254740993"]


def test_an_export_holds_every_decision_and_its_head_is_signed(
    tiny: TinyWarehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    public = signing.make_key(tmp_path / "key")
    monkeypatch.setenv("RAPPORT_SIGNING_KEY", str(tmp_path / "key"))
    first = tiny.released(JULY, {"a": "1.00"})
    second = tiny.candidate(JULY, {"a": "2.00"})
    releases.publish(load(), second, "test")
    releases.rollback(load(), first, actor="test", reason="wrong rate")
    head = ledger.export(load(), tmp_path / "export")
    assert head.seq == 3
    assert ledger.verify(tmp_path / "export", public, str(head)) == head
    tiny.released(JULY, {"a": "3.00"})
    ledger.export(load(), tmp_path / "later")
    with pytest.raises(ledger.LedgerBroken, match="broken at entry 4: no head from here on"):
        ledger.verify(tmp_path / "later", public)
    assert ledger.sign(load()) == ledger.export(load(), tmp_path / "later")
    ledger.verify(tmp_path / "later", public, str(head))


def test_a_missing_key_does_not_undo_a_decision(
    tiny: TinyWarehouse, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("RAPPORT_SIGNING_KEY", "/nowhere/key")
    assert releases.publish(load(), tiny.candidate(JULY, {"a": "1.00"}), "test") == 1
    assert "not signed" in caplog.text


@pytest.mark.parametrize(
    "statement",
    [
        "update ctl.ledger set entry = replace(entry, 'test', 'me')",
        "delete from ctl.ledger",
        "truncate ctl.ledger cascade",
        "insert into ctl.ledger values (9, 'x', '{}', 'y')",
        "insert into ctl.ledger select ledger_seq + 1, entry_hash, entry, 'z' from ctl.ledger",
    ],
)
def test_not_even_the_owner_changes_what_the_ledger_says(
    tiny: TinyWarehouse, statement: str
) -> None:
    tiny.released(JULY, {"a": "1.00"})
    with pytest.raises(psycopg.errors.RestrictViolation):
        as_owner(tiny).execute(statement.encode())


def test_a_signature_over_what_is_not_in_the_ledger_is_not_kept(tiny: TinyWarehouse) -> None:
    with pytest.raises(psycopg.errors.InvalidParameterValue):
        tiny.call("publisher", "select ctl.record_signature(1, %s, 'k', 's')", "0" * 64)
