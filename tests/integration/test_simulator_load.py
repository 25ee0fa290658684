"""The two source databases: canonical tables, exact decimals, read access, and moving on."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal

import psycopg
import pytest

from rapport.errors import RapportError
from rapport.local import secret_files
from rapport.local.databases import address
from rapport.settings import Settings
from rapport.simulator import load, run
from rapport.simulator.frames import canonical, column_types, required_columns

END = date(2024, 2, 29)
Dsns = dict[str, str]


@pytest.fixture
def dsns(
    settings: Settings,
    database_copy: Callable[[str, str], str],
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> Dsns:
    """Databases and a state folder of this test alone."""
    password = secret_files.read(settings.secrets, "local_roles.json")["simulator"]
    monkeypatch.setenv("RAPPORT_HOME", str(tmp_path_factory.mktemp("home")))
    return {
        side: address(
            settings.database_port, database_copy(side, "simulator"), "simulator", password
        )
        for side in run.SIDES
    }


def own() -> Settings:
    return Settings()


def contents(dsns: Dsns) -> dict[str, list[tuple[object, ...]]]:
    found = {}
    for side, dsn in dsns.items():
        with psycopg.connect(dsn) as connection:
            for entity in load.entities(side):
                rows = connection.execute(f"select t.*::text from {entity} t order by 1")
                found[entity] = rows.fetchall()
    return found


def test_tables_are_exactly_the_canonical_layout(dsns: Dsns) -> None:
    summary = run.simulate(own(), clients=40, months=15, seed=7, end=END, dsns=dsns)
    for side, dsn in dsns.items():
        with psycopg.connect(dsn) as connection:
            for entity in load.entities(side):
                columns = connection.execute(
                    "select attname, format_type(atttypid, atttypmod), attnotnull from pg_attribute"
                    " where attrelid = %s::regclass and attnum > 0 order by attnum",
                    [entity],
                ).fetchall()
                required = required_columns(entity)
                assert columns == [
                    (name, sql_type.replace("timestamptz", "timestamp with time zone"),
                     name in required)
                    for name, sql_type in column_types(entity).items()
                ]  # fmt: skip
                key = connection.execute(
                    "select array_agg(attname::text order by k.place) from pg_index,"
                    " unnest(indkey::int[]) with ordinality k(attnum, place)"
                    " join pg_attribute a using (attnum)"
                    " where indrelid = %s::regclass and indisprimary and attrelid = indrelid",
                    [entity],
                ).fetchone()
                assert key == (canonical()[entity]["key"],)
                count = connection.execute(f"select count(*) from {entity}").fetchone()
                assert count == (summary.rows[entity],)
                can_read = connection.execute(
                    "select has_table_privilege('source_reader', %s, 'select'),"
                    " has_table_privilege('source_reader', %s, 'insert')",
                    [entity, entity],
                ).fetchone()
                assert can_read == (True, False)


def test_every_row_passes_the_checks_of_the_layout(dsns: Dsns) -> None:
    run.simulate(own(), clients=60, months=24, seed=3, end=END, dsns=dsns)
    for side, dsn in dsns.items():
        with psycopg.connect(dsn) as connection:
            for entity in load.entities(side):
                for rule, condition in canonical()[entity].get("checks", {}).items():
                    count = connection.execute(
                        f"select count(*) from {entity} where ({condition}) is false"
                    ).fetchone()
                    assert count == (0,), f"{entity}: {rule}"


def test_money_in_the_database_adds_up_to_the_cent(dsns: Dsns) -> None:
    run.simulate(own(), clients=60, months=30, seed=7, end=END, dsns=dsns)
    with psycopg.connect(dsns["loans"]) as connection:
        left = connection.execute(
            """select sum(l.principal_amount) - (
                   select sum(t.principal_part * case t.kind when 'reversal' then -1 else 1 end)
                     from transactions t
                    where t.kind in ('repayment', 'recovery', 'write_off', 'reversal'))
                 from loans l"""
        ).fetchone()
        last = connection.execute(
            """select sum(outstanding_amount) from (
                   select distinct on (loan_id) outstanding_amount from loan_balances
                    order by loan_id, balance_date desc) b"""
        ).fetchone()
    assert left == last
    assert left is not None
    assert isinstance(left[0], Decimal)


def test_advancing_gives_the_world_that_a_longer_run_would_show(dsns: Dsns) -> None:
    run.simulate(own(), clients=40, months=15, seed=7, end=END, dsns=dsns)
    before = contents(dsns)
    summary = run.advance(own(), dsns=dsns)
    after = contents(dsns)
    assert summary.state.end == date(2024, 3, 31)
    for entity, (inserted, updated) in summary.changes.items():
        assert len(after[entity]) == len(before[entity]) + inserted
        gone = len(set(before[entity]) - set(after[entity]))
        assert gone == updated, entity
    assert sum(inserted for inserted, _ in summary.changes.values()) > 100
    assert sum(updated for _, updated in summary.changes.values()) > 5

    run.advance(own(), 2, dsns=dsns)
    two_steps = contents(dsns)
    run.simulate(own(), clients=40, months=15, seed=7, end=END, dsns=dsns)
    run.advance(own(), 3, dsns=dsns)
    assert contents(dsns) == two_steps


def test_the_ground_truth_stays_out_of_the_databases(dsns: Dsns) -> None:
    run.simulate(own(), clients=20, months=6, seed=7, end=END, dsns=dsns)
    truth = own().state / "simulator" / "ground_truth.csv"
    assert "WIN_WIN" in truth.read_text("utf-8")
    for rows in contents(dsns).values():
        assert not any("WIN_WIN" in str(row) or "ADVERSARIAL" in str(row) for row in rows)


def test_advancing_nothing_is_a_clear_error(dsns: Dsns) -> None:
    with pytest.raises(RapportError, match="no simulated world"):
        run.advance(own(), dsns=dsns)
