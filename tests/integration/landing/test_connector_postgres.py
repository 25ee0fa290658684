"""A PostgreSQL source: held to its contract before reading, read in one snapshot, typed exactly."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from rapport.errors import RapportError
from rapport.local.postgres import EmbeddedPostgres
from rapport.sources.connectors import Target, open_snapshot
from rapport.sources.contracts import Contract
from rapport.sources.pseudonyms import load_pseudonymiser
from rapport.warehouse import dsn
from support.databases import create_database, drop_database
from support.landing_lab import LandingLab

CONTRACT = """\
source: demo
connector: postgres
connection: demo
tables:
  clients:
    key: [client_id]
    columns:
      client_id: text
      legal_id: text person
      amount: numeric(20,2)
      rate: numeric(12,8)
      on_date: date
      at: timestamptz
      flag: boolean
      n: bigint
"""
TABLE = (
    "create table clients (hidden text default 'never read', client_id integer,"
    " legal_id varchar(40), amount numeric(20,2), rate double precision, on_date date,"
    " at timestamp, flag boolean, n integer)"
)


@pytest.fixture
def source(
    server: EmbeddedPostgres, lab: LandingLab, monkeypatch: pytest.MonkeyPatch
) -> Iterator[psycopg.Connection]:
    """The demo source as its owner; Rapport reads it as ``source_reader``."""
    name = create_database(server, "demo", "simulator")
    reader = dsn.source_dsn(lab.settings, "crm").rsplit("/", 1)[0] + f"/{name}"
    monkeypatch.setenv("RAPPORT_SOURCE_DEMO_URL", reader)
    with server.connect(name) as connection:
        connection.execute(TABLE)
        connection.execute("grant select on clients to source_reader")
        yield connection
    drop_database(server, name)


@pytest.fixture
def contract(lab: LandingLab) -> Contract:
    return lab.contract(CONTRACT)


def test_values_land_exactly_as_they_were(
    lab: LandingLab, source: psycopg.Connection, contract: Contract
) -> None:
    source.execute(
        "insert into clients values ('x', 7, 'Canary', 12345678901234567.89, 0.07, '0044-03-15 BC',"
        " '2026-01-31 00:30:00.123456', true, 5)"
    )
    source.execute("insert into clients values ('x', 8, null, null, null, null, null, null, null)")
    assert lab.land(contract, "clients").landed == 2
    columns = "client_id, amount::text, rate::text, on_date::text, at::text, flag, n"
    assert lab.visible("demo__clients", columns) == [
        (
            "7",
            "12345678901234567.89",
            "0.07000000",
            "0044-03-15 BC",
            "2026-01-30 16:30:00.123456+00",
            True,
            5,
        ),
        ("8", None, None, None, None, None, None),
    ]
    assert lab.land(contract, "clients").unchanged == 2


def test_person_columns_land_as_keyed_pseudonyms(
    lab: LandingLab, source: psycopg.Connection, contract: Contract
) -> None:
    source.execute("insert into clients (client_id, legal_id) values (1, 'Canary 1'), (2, ' ')")
    lab.extract(contract)
    expected = load_pseudonymiser(lab.settings).of("Canary 1")
    assert lab.visible("demo__clients", "client_id, legal_id") == [("1", expected), ("2", None)]


def test_not_a_number_and_infinity_are_quarantined(
    lab: LandingLab, source: psycopg.Connection, contract: Contract
) -> None:
    source.execute(
        "insert into clients (client_id, amount, on_date, at) values (1, 'NaN', null, null),"
        " (2, null, 'infinity', null), (3, null, null, '-infinity'),"
        " (null, 1, null, null), (4, 1, null, null)"
    )
    assert lab.land(contract, "clients").quarantined == 4
    rules = sorted(rule for rule, _ in lab.quarantined("demo__clients"))
    assert rules == ["finite:amount", "finite:at", "finite:on_date", "key_is_null"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("alter table clients rename to customers", "table public.clients does not exist"),
        ("alter table clients drop column flag", "public.clients.flag does not exist"),
        ("alter table clients rename column n to m", "public.clients.n does not exist"),
        (
            "alter table clients alter amount type text",
            "public.clients.amount is text, the contract expects numeric(20,2)",
        ),
        (
            "alter table clients alter amount type numeric(20,4)",
            "public.clients.amount is numeric(20,4), the contract expects numeric(20,2)",
        ),
        ("revoke select on clients from source_reader", "public.clients.client_id may not be read"),
    ],
)
def test_a_difference_from_the_contract_stops_before_reading(
    lab: LandingLab, source: psycopg.Connection, contract: Contract, change: str, message: str
) -> None:
    source.execute("insert into clients (client_id) values (1)")
    lab.extract(contract)
    source.execute(change)
    with pytest.raises(RapportError, match="does not match its contract") as error:
        lab.extract(contract)
    assert message in str(error.value)
    assert lab.visible("demo__clients", "client_id") == [("1",)]


def test_a_column_more_is_never_read(
    lab: LandingLab, source: psycopg.Connection, contract: Contract
) -> None:
    source.execute("alter table clients add secret text default 'Canary'")
    source.execute("revoke select on clients from source_reader")
    listed = ", ".join(c.source for c in contract.tables["clients"].columns)
    source.execute(f"grant select ({listed}) on clients to source_reader")
    source.execute("insert into clients (client_id) values (1)")
    assert lab.land(contract, "clients").landed == 1


def test_all_tables_are_read_in_one_snapshot(
    lab: LandingLab, source: psycopg.Connection, contract: Contract
) -> None:
    source.execute("insert into clients (client_id) values (1)")
    with open_snapshot(contract, lab.settings) as snapshot, lab.connect("loader") as connection:
        source.execute("insert into clients (client_id) values (2)")
        connection.execute(
            "create temporary table work (client_id text, legal_id text, amount numeric(20,2),"
            " rate numeric(12,8), on_date date, at timestamptz, flag boolean, n bigint)"
        )
        delivery = snapshot.copy(contract.tables["clients"], connection, Target("work"))
        assert delivery.rows == 1
        assert snapshot.evidence["database"] == "demo"


def test_a_value_that_does_not_fit_stops_with_the_table_and_not_the_row(
    lab: LandingLab, source: psycopg.Connection, contract: Contract
) -> None:
    source.execute("alter table clients alter amount type numeric")
    source.execute("insert into clients (client_id, legal_id, amount) values (1, 'Canary', 1e30)")
    with pytest.raises(
        RapportError, match=r"demo\.clients: reading public\.clients failed: numeric"
    ):
        lab.extract(contract)
    source.execute("delete from clients")
    assert lab.land(contract, "clients").read == 0


def test_many_rows_stream_in_blocks(
    lab: LandingLab, source: psycopg.Connection, contract: Contract
) -> None:
    source.execute(
        "insert into clients (client_id, legal_id, amount)"
        " select i, 'Canary ' || i, i from generate_series(1, 20000) as i"
    )
    assert lab.land(contract, "clients").landed == 20000
    source.execute("update clients set amount = amount + 1 where client_id <= 200")
    counts = lab.land(contract, "clients")
    assert (counts.landed, counts.unchanged, counts.tombstoned) == (200, 19800, 0)


def test_a_first_load_with_repeated_keys_is_sorted_out(
    lab: LandingLab, source: psycopg.Connection, contract: Contract
) -> None:
    source.execute("insert into clients (client_id, n) select generate_series(1, 5000), 1")
    source.execute("insert into clients (client_id, n) values (7, 1), (8, 2)")
    counts = lab.land(contract, "clients")
    assert (counts.read, counts.landed) == (5002, 4999)
    assert (counts.deduplicated, counts.quarantined) == (1, 2)


def test_a_killed_load_leaves_nothing_visible_and_is_taken_over(
    lab: LandingLab, source: psycopg.Connection, contract: Contract, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rapport.landing import first_load

    source.execute("insert into clients (client_id) select generate_series(1, 1000)")
    whole = first_load.land_first

    def killed(connection: psycopg.Connection, *rest: Any) -> object:
        counts = whole(connection, *rest)
        pid = connection.info.backend_pid
        lab.connect("loader").execute("select pg_terminate_backend(%s)", [pid])
        return counts

    monkeypatch.setattr(first_load, "land_first", killed)
    with pytest.raises((RapportError, psycopg.Error)):
        lab.extract(contract, run_key="same")
    assert lab.rows("select count(*) from landing.demo__clients") == [(0,)]
    monkeypatch.setattr(first_load, "land_first", whole)
    assert lab.extract(contract, run_key="same").tables[0].landed == 1000
