"""`rapport init-source` writes a contract with which the files it looked at can be landed."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from rapport.cli import app
from rapport.errors import RapportError
from rapport.local.postgres import EmbeddedPostgres
from rapport.sources.contracts import Contract, parse_contract
from rapport.warehouse.dsn import source_dsn
from support.landing_lab import LandingLab

LOANS = (
    "Loan No;Borrower;E-Mail;Amount;Paid out;Rate;Status;Zip\n"
    "007;Müller;a@x.de;1.234,50;31.12.2023;4,5;open;01234\n"
    "008;Weiß;b@x.de;99,00;01.01.2024;4,25;closed;80331\n"
)


def init(project: Path, patch: pytest.MonkeyPatch, *arguments: str) -> Contract:
    patch.setenv("RAPPORT_PROJECT_PATH", str(project))
    result = CliRunner().invoke(app, ["init-source", "demo", *arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return parse_contract(project / "contracts" / "demo.yml")


def test_german_files_in_an_old_encoding_are_understood(
    lab: LandingLab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.write("loans_2024-01.csv", LOANS.encode("cp1252"))
    lab.write("loans_2024-02.csv", LOANS.replace("00", "11").encode("cp1252"))
    monkeypatch.setenv("DEMO_DIR", str(lab.folder))
    contract = init(tmp_path / "project", monkeypatch, "--folder", str(lab.folder))
    table = contract.tables["loans"]
    assert (table.file, table.delimiter, table.encoding, table.key) == (
        *("loans_*.csv", ";", "cp1252"),
        ("loan_no",),
    )
    types = {c.name: (c.type, c.format, c.pii) for c in table.columns}
    assert types == {
        "loan_no": ("text", None, "none"),
        "borrower": ("text", None, "none"),
        "e_mail": ("text", None, "person"),
        "amount": ("numeric(20,2)", None, "none"),
        "paid_out": ("date", "DD.MM.YYYY", "none"),
        "rate": ("numeric(20,2)", None, "none"),
        "status": ("text", None, "none"),
        "zip": ("text", None, "none"),
    }
    counts = lab.land(lab.register(contract), "loans")
    assert (counts.read, counts.landed) == (4, 4)


def test_nothing_that_is_there_is_overwritten(
    lab: LandingLab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.write("loans.csv", LOANS)
    init(tmp_path / "project", monkeypatch, "--folder", str(lab.folder))
    with pytest.raises(RapportError, match="is there already"):
        init(tmp_path / "project", monkeypatch, "--folder", str(lab.folder))


def test_a_database_gives_types_and_keys_as_declared(
    server: EmbeddedPostgres, lab: LandingLab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with server.connect("crm") as source:
        source.execute(
            "create table onboarded (a int, b text, c numeric(12,3), d timestamptz,"
            " primary key (b, a))"
        )
        source.execute("grant select on onboarded to source_reader")
    try:
        url = source_dsn(lab.settings, "crm")
        contract = init(tmp_path / "project", monkeypatch, "--url", url)
    finally:
        with server.connect("crm") as source:
            source.execute("drop table onboarded")
    table = contract.tables["onboarded"]
    assert contract.connector == "postgres"
    assert set(table.key) == {"a", "b"}
    assert [c.type for c in table.columns] == ["integer", "text", "numeric(12,3)", "timestamptz"]


@pytest.mark.parametrize("source", ["sba", "ibrd", "bpi2012", "maven_crm", "nps", "eagle_bank"])
def test_real_files_land_with_the_contract_written_for_them(
    lab: LandingLab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, real_data: Path, source: str
) -> None:
    monkeypatch.setenv("DEMO_DIR", str(real_data / source))
    contract = init(tmp_path / "project", monkeypatch, "--folder", str(real_data / source))
    report = lab.extract(lab.register(contract))
    assert sum(t.read for t in report.tables) > 1000
    refused = {t.table: lab.quarantined(f"demo__{t.table}")[:3] for t in report.tables}
    assert {table: rows for table, rows in refused.items() if rows} == {}
    suite = yaml.safe_load((tmp_path / "project/expectations/landing/demo.yml").read_text())
    assert suite["objects"]
