"""Quarantined rows come back as a batch of their own, and never over something newer."""

from __future__ import annotations

from decimal import Decimal

import pytest

from rapport.errors import RapportError
from rapport.landing.replay import replay
from rapport.landing.reports import TableCounts
from rapport.sources.contracts import Contract, parse_contract
from rapport.warehouse import dsn
from support.landing_lab import TREE, LandingLab

STRICT = """\
source: demo
connector: files
folder: ${LAB_FOLDER}
tables:
  loans:
    file: loans.csv
    key: [loan_id]
    control_amount: amount
    control_currency: CNY
    columns: {loan_id: text, amount: "numeric(20,2)", status: text}
    allowed: {status: [open, closed]}
"""
WIDER = STRICT.replace("[open, closed]", "[open, closed, frozen]").replace(
    '"numeric(20,2)"', '{type: "numeric(20,2)", decimal: ","}'
)
HEADER = "loan_id,amount,status\n"


def run_replay(lab: LandingLab, contract: Contract) -> TableCounts:
    report = replay(
        contract,
        "loans",
        lab.settings,
        loader_dsn=dsn.role_dsn(lab.settings, "loader"),
        run_key=f"replay-{id(contract)}",
        tree_hash=TREE,
    )
    lab.rows(f"select ctl.accept_batch({report.batch_seq})", role="validator")
    return report.tables[0]


def widened(lab: LandingLab) -> Contract:
    path = lab.write("demo.yml", WIDER)
    return parse_contract(path)


def statuses(lab: LandingLab) -> list[tuple[str, str]]:
    query = "select key_values ->> 'loan_id', status from quarantine.demo__loans order by 1, 2"
    return lab.rows(query)


def test_rows_that_fit_after_a_rule_change_land_as_their_own_batch(lab: LandingLab) -> None:
    contract = lab.contract(STRICT)
    lab.write("loans.csv", HEADER + 'a,1.5,open\nb,2.5,frozen\nc,"3,5",open\nd,x,open\n')
    assert lab.land(contract, "loans").quarantined == 3
    counts = run_replay(lab, widened(lab))
    assert (counts.read, counts.landed, counts.quarantined) == (3, 2, 1)
    now = [("a", Decimal("1.50")), ("b", Decimal("2.50")), ("c", Decimal("3.50"))]
    assert lab.visible("demo__loans", "loan_id, amount") == now
    assert statuses(lab) == [("b", "replayed"), ("c", "replayed"), ("d", "open"), ("d", "replayed")]
    ((connector,),) = lab.rows("select snapshot ->> 'connector' from ctl.batch where batch_seq = 2")
    assert connector == "quarantine"


def test_a_replay_never_overwrites_what_came_later(lab: LandingLab) -> None:
    contract = lab.contract(STRICT)
    lab.write("loans.csv", HEADER + "a,1,open\nb,1,open\nc,1,open\n")
    lab.extract(contract)
    lab.write("loans.csv", HEADER + "a,2,frozen\nb,2,frozen\nc,2,frozen\n")
    assert lab.land(contract, "loans").quarantined == 3
    # a is mended, b is as it was before, c is deleted
    lab.write("loans.csv", HEADER + "a,3,open\nb,1,open\n")
    lab.extract(contract)
    assert statuses(lab) == [("a", "resolved"), ("b", "resolved"), ("c", "gone")]
    with pytest.raises(RapportError, match="nothing in quarantine can be replayed"):
        run_replay(lab, widened(lab))
    assert lab.visible("demo__loans", "loan_id, amount") == [
        ("a", Decimal("3.00")),
        ("b", Decimal("1.00")),
    ]


def test_undoing_a_batch_opens_again_what_it_had_closed(lab: LandingLab) -> None:
    contract = lab.contract(STRICT)
    lab.write("loans.csv", HEADER + "a,1,open\nb,2,frozen\n")
    lab.extract(contract)
    lab.write("loans.csv", HEADER + "a,1,open\nb,2,open\n")
    batch = lab.extract(contract, accept=False).batch_seq
    assert statuses(lab) == [("b", "resolved")]
    lab.rows(f"select ctl.reject_batch({batch}, 'test')", role="validator")
    assert statuses(lab) == [("b", "open")]


def test_a_row_refused_again_supersedes_the_older_one(lab: LandingLab) -> None:
    contract = lab.contract(STRICT)
    lab.write("loans.csv", HEADER + "a,1,open\nb,2,frozen\nbroken\n")
    lab.extract(contract)
    lab.extract(contract)
    assert statuses(lab) == [
        ("b", "open"),
        ("b", "superseded"),
        (None, "open"),
        (None, "superseded"),
    ]


def test_a_batch_that_waits_for_its_decision_is_not_undone_by_a_replay(lab: LandingLab) -> None:
    contract = lab.contract(STRICT)
    lab.write("loans.csv", HEADER + "a,1,open\nb,2,frozen\n")
    lab.extract(contract, accept=False)
    with pytest.raises(RapportError, match="not decided yet"):
        run_replay(lab, widened(lab))
