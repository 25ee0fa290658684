"""Every running loan of a simulated lender: the marts against an independent computation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path

import pytest

from rapport.local.postgres import EmbeddedPostgres
from rapport.settings import load
from rapport.simulator.load import csv_chunks, entities
from support.databases import copy_database, drop_database
from support.dbt_build import DbtLab
from support.risk_oracle import Oracle
from support.risk_verdicts import verdicts
from support.simulated_lender import END, Tables, world

DATABASE = "rapport_risk_oracle"
PRODUCTION = ("--exclude-resource-type", "unit_test", "test", "--select", "+loan_risk")


@pytest.fixture(scope="module")
def lab(server: EmbeddedPostgres, warehouse_template: str, home: Path) -> Iterator[DbtLab]:
    copy_database(server, warehouse_template, DATABASE, "rapport_admin")
    own = DbtLab(server, DATABASE, home / "dbt" / "risk-oracle")
    _land(own, world())
    built = own.build(END.isoformat(), *PRODUCTION, ceilings={"crm": 1, "loans": 1})
    bad = {r.name: r.message for r in built.results if r.status not in ("success", "pass")}
    assert bad == {}
    try:
        yield own
    finally:
        drop_database(server, DATABASE)


def _land(lab: DbtLab, tables: Tables) -> None:
    with lab.connect() as connection:
        connection.execute(b"set time zone 'UTC'")
        for side in ("crm", "loans"):
            for name in entities(side):
                target = f"landing.{side}__{name}"
                default = f"alter table {target} alter _from_batch set default 1"
                connection.execute(default.encode())
                columns = ", ".join(tables[name].schema.names)
                copy = f"copy {target} ({columns}) from stdin (format csv)"
                with connection.cursor().copy(copy.encode()) as stream:
                    for chunk in csv_chunks(tables[name]):
                        stream.write(chunk)


def _rows(tables: Tables) -> Mapping[str, list[dict[str, object]]]:
    names = ("loans", "instalments", "transactions", "ratings", "risk_events", "modifications")
    return {n: tables[n].to_pylist() for n in (*names, "facilities", "external_debts")}


def test_days_stage_class_and_loss_agree_on_every_loan(lab: DbtLab) -> None:
    found = lab.rows(
        "select split_part(loan_id, ':', 2), split_part(client_id, ':', 2), client_type,"
        " outstanding_amount, dpd_contractual, dpd_bucket, ifrs9_stage, ecl_amount, cn5_class"
        " from loan_risk where loan_status = 'ACTIVE'"
    )
    oracle = Oracle(_rows(world()), load().root / "dbt_project" / "seeds", date(2024, 2, 29))
    crm_ids = {row[0]: row[1] for row in found}
    told = verdicts(oracle, crm_ids, {row[1] for row in found if row[2] == "individual"})
    assert set(crm_ids) == set(told)
    assert len(told) > 100
    differing = {}
    for loan_id, _, _, outstanding, dpd, bucket, stage, ecl, cn5_class in found:
        own = told[loan_id]
        exact = (float(outstanding), dpd, bucket, stage, cn5_class)
        wanted = (own.outstanding, own.dpd, own.bucket, own.stage, own.cn5_class)
        if exact != wanted or abs(float(ecl) - own.ecl) > 0.01 + 1e-6 * own.ecl:
            differing[loan_id] = ((*exact, ecl), (*wanted, own.ecl))
    assert differing == {}
    assert {row[6] for row in found} == {1, 2, 3}
    assert len({row[8] for row in found}) >= 4
