"""Database addresses: overrides first, passwords never shown."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rapport.errors import RapportError
from rapport.settings import Settings
from rapport.warehouse import dsn


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    current = Settings(home=tmp_path, database_port=55555)
    current.secrets.mkdir()
    (current.secrets / "warehouse.json").write_text(json.dumps({"bi_reader": "p@ss/word"}))
    return current


def test_a_local_address_has_the_password_escaped(settings: Settings) -> None:
    expected = "postgresql://bi_reader:p%40ss%2Fword@127.0.0.1:55555/rapport"
    assert dsn.role_dsn(settings, "bi_reader") == expected


def test_an_external_warehouse_keeps_host_database_and_tls(settings: Settings) -> None:
    url = "postgresql://dba:x@db.example:6432/bank?sslmode=require"
    external = settings.model_copy(update={"warehouse_url": url})
    assert dsn.role_dsn(external, "admin") == url
    assert dsn.role_dsn(external, "bi_reader").endswith("@db.example:6432/bank?sslmode=require")


def test_the_environment_of_one_role_wins(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAPPORT_PUBLISHER_URL", "postgresql://p@elsewhere/x")
    assert dsn.role_dsn(settings, "publisher") == "postgresql://p@elsewhere/x"


def test_an_unknown_role_or_password_says_what_to_do(settings: Settings) -> None:
    with pytest.raises(RapportError, match="Use one of: admin, loader"):
        dsn.role_dsn(settings, "root")
    with pytest.raises(RapportError, match="RAPPORT_LOADER_URL"):
        dsn.role_dsn(settings, "loader")


def test_sqlalchemy_gets_the_driver_spelled_out() -> None:
    url = dsn.sqlalchemy_url("postgres://u:p%40@h:1/d?sslmode=require")
    assert url == "postgresql+psycopg2://u:p%40@h:1/d?sslmode=require"


def test_what_is_shown_holds_no_password() -> None:
    assert dsn.redacted("postgresql://u:secret@h:1/d") == "u@h:1/d"


def test_a_server_that_does_not_answer_is_named_without_the_password() -> None:
    with pytest.raises(RapportError) as caught:
        dsn.connect("postgresql://u:secret@127.0.0.1:1/d")
    assert "u@127.0.0.1:1/d" in str(caught.value)
    assert "secret" not in str(caught.value)
