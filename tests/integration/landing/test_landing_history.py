"""History: every version is kept, an unchanged world lands nothing, a failure leaves no trace."""

from __future__ import annotations

from decimal import Decimal

import pytest

from rapport.errors import RapportError
from rapport.sources.contracts import Contract
from support.landing_lab import LandingLab

LOANS = """\
source: demo
connector: files
folder: ${LAB_FOLDER}
tables:
  loans:
    file: loans.csv
    key: [loan_id]
    control_amount: amount
    control_currency: currency
    columns:
      loan_id: text
      amount: numeric(20,2)
      currency: text
      note: text
"""
HEADER = "loan_id,amount,currency,note\n"


@pytest.fixture
def loans(lab: LandingLab) -> Contract:
    lab.write("loans.csv", HEADER + "a,1.10,CNY,x\nb,2.20,CNY,y\nc,3.30,USD,\n")
    return lab.contract(LOANS)


def test_a_first_load_lands_every_row(lab: LandingLab, loans: Contract) -> None:
    counts = lab.land(loans, "loans")
    assert (counts.read, counts.landed, counts.unchanged) == (3, 3, 0)
    assert counts.money["read"] == {"CNY": Decimal("3.30"), "USD": Decimal("3.30")}
    assert counts.money["landed"] == counts.money["read"]
    assert lab.visible("demo__loans", "loan_id, note") == [("a", "x"), ("b", "y"), ("c", None)]


def test_an_unchanged_file_lands_nothing(lab: LandingLab, loans: Contract) -> None:
    lab.extract(loans)
    counts = lab.land(loans, "loans")
    assert (counts.read, counts.landed, counts.unchanged, counts.tombstoned) == (3, 0, 3, 0)
    assert lab.rows("select count(*) from landing.demo__loans") == [(3,)]


def test_changes_inserts_and_deletes_become_versions(lab: LandingLab, loans: Contract) -> None:
    first = lab.extract(loans).batch_seq
    lab.write("loans.csv", HEADER + "d,9,CNY,\nc,3.30,USD,\na,1.15,CNY,x\n")
    counts = lab.land(loans, "loans")
    assert (counts.landed, counts.unchanged, counts.tombstoned) == (2, 1, 1)
    assert counts.money["landed"] == {"CNY": Decimal("10.15")}
    assert counts.money["unchanged"]["USD"] == Decimal("3.30")
    now = [("a", Decimal("1.15")), ("c", Decimal("3.30")), ("d", Decimal("9.00"))]
    assert lab.visible("demo__loans", "loan_id, amount") == now
    before = [("a", Decimal("1.10")), ("b", Decimal("2.20")), ("c", Decimal("3.30"))]
    assert lab.visible("demo__loans", "loan_id, amount", ceiling=first) == before


def test_a_change_to_or_from_null_is_a_change(lab: LandingLab, loans: Contract) -> None:
    lab.extract(loans)
    lab.write("loans.csv", HEADER + "a,1.10,CNY,\nb,2.20,CNY,y\nc,3.30,USD,z\n")
    assert lab.land(loans, "loans").landed == 2


def test_a_deleted_row_comes_back_as_a_new_version(lab: LandingLab, loans: Contract) -> None:
    whole = HEADER + "a,1.10,CNY,x\nb,2.20,CNY,y\nc,3.30,USD,\n"
    lab.extract(loans)
    lab.write("loans.csv", HEADER + "a,1.10,CNY,x\nc,3.30,USD,\n")
    assert lab.land(loans, "loans").tombstoned == 1
    again = lab.land(loans, "loans")
    assert (again.tombstoned, again.unchanged) == (0, 2)
    lab.write("loans.csv", whole)
    counts = lab.land(loans, "loans")
    assert (counts.landed, counts.unchanged) == (1, 2)
    versions = "select _from_batch, _is_deleted from landing.demo__loans where loan_id = 'b'"
    assert lab.rows(versions + " order by 1") == [(1, False), (2, True), (4, False)]


def test_repeating_a_completed_run_reads_nothing(lab: LandingLab, loans: Contract) -> None:
    first = lab.extract(loans, run_key="same")
    lab.write("loans.csv", HEADER)
    again = lab.extract(loans, run_key="same")
    assert (again.batch_seq, again.is_new) == (first.batch_seq, False)
    assert again.tables[0].landed == 3


def test_a_mass_delete_stops_the_table(lab: LandingLab) -> None:
    contract = lab.contract(LOANS)
    lab.write("loans.csv", HEADER + "".join(f"l{i},1,CNY,\n" for i in range(500)))
    lab.extract(contract)
    lab.write("loans.csv", HEADER + "".join(f"l{i},1,CNY,\n" for i in range(399)))
    with pytest.raises(RapportError, match=r"demo\.loans: 101 of 500 rows are no longer"):
        lab.extract(contract)
    assert lab.rows("select count(*) from landing.demo__loans") == [(500,)]
    lab.write("loans.csv", HEADER + "".join(f"l{i},1,CNY,\n" for i in range(400)))
    assert lab.land(contract, "loans").tombstoned == 100


def test_a_failure_in_the_second_table_leaves_the_batch_open_and_is_undone(
    lab: LandingLab,
) -> None:
    second = "  fees:\n    file: fees.csv\n    key: [fee_id]\n    columns: {fee_id: text}\n"
    contract = lab.contract(LOANS + second)
    lab.write("loans.csv", HEADER + "a,1,CNY,\n")
    lab.write("fees.csv", "fee_id\n" + "a,b\n" * 1001)
    with pytest.raises(RapportError, match="more than 1000 lines cannot be read"):
        lab.extract(contract)
    assert lab.rows("select batch_seq, status from ctl.batch") == [(1, "open")]
    assert lab.rows("select loan_id, _from_batch from landing.demo__loans") == [("a", 1)]
    lab.write("fees.csv", "fee_id\n1\n")
    lab.extract(contract)
    assert lab.rows("select status from ctl.batch order by 1") == [("accepted",), ("rejected",)]
    assert lab.rows("select loan_id, _from_batch from landing.demo__loans") == [("a", 2)]


def test_a_check_that_is_no_sql_names_table_and_way_out(lab: LandingLab) -> None:
    lab.write("loans.csv", HEADER + "a,1,CNY,\n")
    contract = lab.contract(LOANS + "    checks: {broken: no_such_column > 0}\n")
    with pytest.raises(RapportError, match=r"demo\.loans: landing failed: column .no_such_column"):
        lab.extract(contract)


def test_counts_and_money_are_recorded_to_the_cent(lab: LandingLab, loans: Contract) -> None:
    lab.extract(loans)
    ((money,),) = lab.rows("select money from ctl.batch_table")
    assert money["landed"] == {"CNY": "3.30", "USD": "3.30"}
    file = lab.rows("select path, row_count, length(sha256) from ctl.input_file")
    assert file == [("loans.csv", 3, 64)]
    ((snapshot,),) = lab.rows("select snapshot from ctl.batch")
    assert snapshot["files"]["loans"][0]["path"] == "loans.csv"
