"""MariaDB as a source: exact values, one snapshot, nothing guessed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from rapport.errors import RapportError
from rapport.sources.connectors import open_snapshot
from support.landing_lab import LandingLab
from support.mariadb import MariaDb, find_program, mariadb_server

CONTRACT = """
source: core
connector: sqlalchemy
connection: core
tables:
  loans:
    key: [loan_id]
    control_amount: amount
    columns:
      loan_id: bigint
      name: text
      amount: numeric(20,2)
      rate: numeric(12,8)
      opened: date
      changed: {type: timestamptz, time_zone: Asia/Shanghai}
      stamped: timestamptz
      is_open: boolean
      flag: boolean
      worked: interval
      national_id: {type: text, pii: person}
"""
CREATE = """
create table core.loans (loan_id bigint primary key, name varchar(100), amount decimal(20,2),
  rate decimal(12,8), opened date, changed datetime(6), stamped timestamp null, is_open tinyint(1),
  flag bit(1), worked time, national_id varchar(40))
"""
ROWS = [
    "(1, 'Müller 🏦', 12345678901234567.89, 0.12345678, '2024-02-29', '2024-03-01 08:00:00.5',"
    " '2024-03-01 08:00:00', 1, b'1', '101:30:00', 'ID-1')",
    "(2, '', -0.01, null, '0000-00-00', null, null, 0, b'0', null, null)",
    "(3, null, null, 1, '2024-01-01', '2024-01-01 00:00:00', null, null, null, null, 'ID-1')",
]


@pytest.fixture(scope="module")
def mariadb() -> Iterator[MariaDb]:
    if find_program("mariadbd") is None:
        pytest.skip("no mariadbd on this machine (Debian: apt-get install mariadb-server)")
    with mariadb_server() as made:
        yield made


@pytest.fixture
def core(mariadb: MariaDb, monkeypatch: pytest.MonkeyPatch) -> MariaDb:
    monkeypatch.setenv("RAPPORT_SOURCE_CORE_URL", mariadb.url)
    mariadb.execute("drop table if exists core.loans", CREATE)
    return mariadb


def test_every_value_arrives_exactly(core: MariaDb, lab: LandingLab) -> None:
    core.execute("set time_zone = '+00:00'", f"insert into core.loans values {ROWS[0]}, {ROWS[2]}")
    contract = lab.contract(CONTRACT, "core")
    assert lab.land(contract, "loans").landed == 2
    columns = (
        "loan_id, name, amount::text, rate::text, opened::text, changed::text, stamped::text,"
        " is_open, flag, worked::text"
    )
    first, third = lab.visible("core__loans", columns)
    assert first == (
        *(1, "Müller 🏦", "12345678901234567.89", "0.12345678", "2024-02-29"),
        *("2024-03-01 00:00:00.5+00", "2024-03-01 08:00:00+00", True, True, "PT101H30M"),
    )
    assert third == (
        *(3, None, None, "1.00000000", "2024-01-01", "2023-12-31 16:00:00+00"),
        *(None, None, None, None),
    )


def test_a_date_that_is_none_goes_to_quarantine_and_empty_text_stays_text(
    core: MariaDb, lab: LandingLab
) -> None:
    core.execute(f"insert into core.loans values {', '.join(ROWS)}")
    contract = lab.contract(CONTRACT, "core")
    counts = lab.land(contract, "loans")
    assert (counts.read, counts.landed, counts.quarantined) == (3, 2, 1)
    assert lab.quarantined("core__loans")[0][0] == "type:opened"
    core.execute("update core.loans set opened = '2024-01-02' where loan_id = 2")
    assert lab.land(contract, "loans").landed == 1
    assert lab.visible("core__loans", "loan_id, name, is_open, flag")[1] == (2, "", False, False)


def test_the_snapshot_is_one_for_all_reads(core: MariaDb, lab: LandingLab) -> None:
    core.execute(f"insert into core.loans values {ROWS[0]}")
    contract = lab.contract(CONTRACT, "core")
    with open_snapshot(contract, lab.settings) as snapshot:
        core.execute(f"insert into core.loans values {ROWS[2]}")
        warehouse = lab.connect("loader")
        with warehouse.transaction():
            from rapport.landing import work_tables

            table = contract.tables["loans"]
            into = work_tables.create(warehouse, table, snapshot.delivers)
            assert snapshot.copy(table, warehouse, into).rows == 1
    assert snapshot.evidence["isolation"] == "REPEATABLE READ"


def test_a_missing_column_stops_before_anything_is_read(core: MariaDb, lab: LandingLab) -> None:
    core.execute("alter table core.loans drop column rate")
    with pytest.raises(RapportError, match=r"loans\.rate does not exist"):
        lab.extract(lab.contract(CONTRACT, "core"))


def test_many_rows_come_in_parts_and_are_all_there(core: MariaDb, lab: LandingLab) -> None:
    core.execute(
        "insert into core.loans (loan_id, name, amount)"
        " with recursive n (i) as (select 1 union all select i + 1 from n where i < 900)"
        " select a.i * 1000 + b.i, concat('L', a.i), b.i / 100 from n as a, n as b where b.i <= 30"
    )
    counts = lab.land(lab.contract(CONTRACT, "core"), "loans")
    assert (counts.read, counts.landed) == (27000, 27000)
    assert counts.money["landed"] == counts.money["read"]


def test_an_address_is_never_shown_with_its_password(
    core: MariaDb, lab: LandingLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = core.url.replace("only-for-tests", "guessed-it")
    monkeypatch.setenv("RAPPORT_SOURCE_CORE_URL", wrong)
    with pytest.raises(RapportError) as caught:
        lab.extract(lab.contract(CONTRACT, "core"))
    assert "guessed-it" not in str(caught.value)
