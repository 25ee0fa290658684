"""What a person column holds appears nowhere: no table, log, evidence or error, by any way in."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from openpyxl import Workbook

from rapport.local.postgres import EmbeddedPostgres
from rapport.sources.contracts import Contract
from support.landing_lab import LandingLab
from support.mariadb import MariaDb, find_program, mariadb_server

CANARY = "CANARY-7f3a"
NAMES = ("person_id", "tax_no", "amount", "opened")
# Good, bad number, bad date, one key twice with different content, broken check, no key.
ROWS = [
    (f"{CANARY}-1", f"{CANARY}-a", "1.00", "2024-01-01"),
    (f"{CANARY}-2", f"{CANARY}-b", "one", "2024-01-01"),
    (f"{CANARY}-3", f"{CANARY}-c", "1.00", "2024-13-01"),
    (f"{CANARY}-4", f"{CANARY}-d", "1.00", "2024-01-01"),
    (f"{CANARY}-4", f"{CANARY}-e", "2.00", "2024-01-01"),
    (f"{CANARY}-5", f"{CANARY}-f", "-9.00", "2024-01-01"),
    ("", f"{CANARY}-g\u0000h", "1.00", "2024-01-01"),
]
TABLES = """
tables:
  persons:
    {file}
    key: [person_id]
    control_amount: amount
    columns:
      person_id: {{type: text, pii: person, null_values: [""]}}
      tax_no: {{type: text, pii: person}}
      amount: numeric(20,2)
      opened: date
    checks: {{amount_is_positive: amount > 0}}
"""
FILES = "source: demo\nconnector: files\nfolder: ${LAB_FOLDER}\n"


def csv(lab: LandingLab, _: pytest.FixtureRequest) -> Contract:
    lines = [",".join(NAMES), *(",".join(row) for row in ROWS)]
    # A record too long, a quote never closed, a line in another encoding.
    broken = [f"{CANARY}-x,{CANARY}-y,1,2024-01-01,more", f'"{CANARY}-z,1,1,2024-01-01']
    content = (
        "\n".join([*lines, *broken]).encode() + b"\n" + f"{CANARY}-\u00fc,1,1,\n".encode("cp1252")
    )
    lab.write("persons.csv", content)
    return lab.contract(FILES + TABLES.format(file="file: persons.csv"))


def parquet(lab: LandingLab, _: pytest.FixtureRequest) -> Contract:
    columns = {
        name: list(values) for name, values in zip(NAMES, zip(*ROWS, strict=True), strict=True)
    }
    pq.write_table(pa.table(columns), lab.folder / "persons.parquet")
    return lab.contract(FILES + TABLES.format(file="file: persons.parquet"))


def excel(lab: LandingLab, _: pytest.FixtureRequest) -> Contract:
    book = Workbook()
    book.active.append(NAMES)
    for row in ROWS[:-1]:
        book.active.append(row)
    book.save(lab.folder / "persons.xlsx")
    return lab.contract(FILES + TABLES.format(file="file: persons.xlsx"))


def mariadb(lab: LandingLab, request: pytest.FixtureRequest) -> Contract:
    if find_program("mariadbd") is None:
        pytest.skip("no mariadbd on this machine (Debian: apt-get install mariadb-server)")
    server: MariaDb = request.getfixturevalue("mariadb_source")
    columns = ", ".join(f"{name} varchar(60)" for name in NAMES)
    server.execute(f"create table core.persons ({columns})")
    with server.connect() as connection, connection.cursor() as cursor:
        cursor.executemany("insert into core.persons values (%s, %s, %s, %s)", ROWS)
    request.getfixturevalue("monkeypatch").setenv("RAPPORT_SOURCE_DEMO_URL", server.url)
    head = "source: demo\nconnector: sqlalchemy\nconnection: demo\n"
    return lab.contract(head + TABLES.format(file=""))


def postgres(lab: LandingLab, request: pytest.FixtureRequest) -> Contract:
    # Here a bad number stops nothing on the way in: the column's type has kept it out.
    server: EmbeddedPostgres = request.getfixturevalue("server")
    with server.connect("crm") as source:
        source.execute("drop table if exists persons")
        source.execute(
            "create table persons (person_id text, tax_no text, amount numeric, opened date)"
        )
        source.execute("grant select on persons to source_reader")
        with source.cursor() as cursor:
            for row in ROWS[3:6]:
                cursor.execute("insert into persons values (%s, %s, %s, %s)", row)
        request.addfinalizer(lambda: _drop(server))
    head = "source: demo\nconnector: postgres\nconnection: crm\n"
    return lab.contract(head + TABLES.format(file=""))


def _drop(server: EmbeddedPostgres) -> None:
    with server.connect("crm") as source:
        source.execute("drop table if exists persons")


@pytest.fixture
def mariadb_source() -> Iterator[MariaDb]:
    with mariadb_server() as made:
        yield made


@pytest.mark.parametrize("way", [csv, parquet, excel, mariadb, postgres])
def test_personal_values_appear_nowhere(
    way: Callable[[LandingLab, pytest.FixtureRequest], Contract],
    lab: LandingLab,
    server: EmbeddedPostgres,
    request: pytest.FixtureRequest,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    before = server.log.stat().st_size
    contract = way(lab, request)
    counts = lab.land(contract, "persons")
    assert counts.quarantined > 0
    lab.extract(contract)
    written = everything(lab)
    assert "k1:" in written
    output = capfd.readouterr()
    with server.log.open("rb") as log:
        log.seek(before)
        logged = log.read().decode(errors="replace")
    for where in (written, caplog.text, output.out, output.err, logged):
        assert CANARY not in where


def everything(lab: LandingLab) -> str:
    """All rows of all schemas of the warehouse, as text."""
    admin = lab.connect("admin")
    admin.execute("set role rapport_owner")
    tables = admin.execute(
        "select quote_ident(schemaname) || '.' || quote_ident(tablename) from pg_tables"
        " where schemaname in ('landing', 'quarantine', 'ctl', 'store')"
    ).fetchall()
    found = []
    for (table,) in tables:
        rows = admin.execute(f"select row_to_json(t)::text from {table} as t".encode()).fetchall()
        found += [row for (row,) in rows]
    return "\n".join(found)


def test_an_error_of_the_warehouse_quotes_no_row(lab: LandingLab) -> None:
    path = Path(lab.folder) / "persons.csv"
    path.write_text(f"person_id,tax_no,amount,opened\n{CANARY},{CANARY},1,2024-01-01\n")
    text = FILES + TABLES.format(file="file: persons.csv").replace(
        "amount > 0", "1 / (amount - 1) > 0"
    )
    contract = lab.contract(text)
    with pytest.raises(Exception, match="division by zero") as caught:
        lab.extract(contract)
    assert CANARY not in repr(caught.value)
