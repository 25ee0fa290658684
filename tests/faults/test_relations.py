"""R1-R10: rows that point nowhere or in circles, keys that change, rows that go and come back.

Landing judges rows, not relations: a row whose partner is missing is kept and counted, because
the partner may come in the next batch. Relations are the business of staging gates and marts.
"""

from __future__ import annotations

import pytest

from rapport.errors import RapportError
from rapport.sources.contracts import Contract
from support.fault_lab import accounted
from support.landing_lab import LandingLab
from support.source_lab import OPEN_TRANSACTIONS, SourceLab

fault = pytest.mark.fault
RELATIONS = """\
source: demo
connector: files
folder: ${LAB_FOLDER}
tables:
  clients:
    file: clients.csv
    key: [client_id]
    columns: {client_id: text, parent_client_id: text}
  loans:
    file: loans.csv
    key: [loan_id]
    columns: {loan_id: text, client_id: text}
  payments:
    file: payments.csv
    key: [payment_id]
    control_amount: amount
    control_currency: CNY
    columns: {payment_id: text, loan_id: text, amount: "numeric(20,2)"}
  links:
    file: links.csv
    key: [from_id, to_id]
    columns: {from_id: text, to_id: text}
"""
HEADERS = {
    "clients": "client_id,parent_client_id",
    "loans": "loan_id,client_id",
    "payments": "payment_id,loan_id,amount",
    "links": "from_id,to_id",
}


def land_relations(lab: LandingLab, **given: list[str]) -> dict[str, int]:
    """Land the given lines; rows landed by table, with every row accounted for."""
    contract = lab.contract(RELATIONS)
    for table, header in HEADERS.items():
        lab.write(f"{table}.csv", "\n".join([header, *given.get(table, [])]) + "\n")
    return {t.table: accounted(t).landed for t in lab.extract(contract).tables}


@fault("R1", "a loan without its client", "Lands and is counted; the staging gate names it.")
def test_r1_a_loan_without_its_client_is_kept(lab: LandingLab) -> None:
    assert land_relations(lab, loans=["l1,nobody"])["loans"] == 1


@fault("R2", "a payment without its loan", "Lands and is counted to the cent.")
def test_r2_a_payment_without_its_loan_is_kept(lab: LandingLab) -> None:
    assert land_relations(lab, payments=["p1,none,5.01"])["payments"] == 1
    ((money,),) = lab.rows("select money from ctl.batch_table where table_name = 'payments'")
    assert money["landed"] == {"CNY": "5.01"}


@fault(
    "R3",
    "a client that is merged or re-keyed",
    "The old key gets a tombstone.",
)
def test_r3_a_new_key_replaces_the_old_one(source: SourceLab) -> None:
    source.see_all_transactions()
    source.run("insert into loans select 'L' || n, n from generate_series(1, 50) as n")
    contract = source.lab.contract(OPEN_TRANSACTIONS + "    compare_every: 0 seconds\n")
    source.land(contract)
    source.run("update loans set loan_id = 'M1' where loan_id = 'L1'")
    source.run("delete from loans where loan_id = 'L2'")
    counts = source.land(contract)
    assert (counts.landed, counts.tombstoned) == (1, 2)
    assert source.is_in_step()


@fault("R4", "a group that owns itself", "Lands as delivered.")
def test_r4_a_client_that_is_its_own_parent_is_kept(lab: LandingLab) -> None:
    assert land_relations(lab, clients=["a,a"])["clients"] == 1


@fault("R5", "an ownership cycle of three", "Lands as delivered.")
def test_r5_a_cycle_of_three_is_kept(lab: LandingLab) -> None:
    assert land_relations(lab, clients=["a,b", "b,c", "c,a"])["clients"] == 3


@fault("R6", "an ownership chain of a thousand", "Lands as delivered.")
def test_r6_a_chain_of_a_thousand_is_kept(lab: LandingLab) -> None:
    chain = [f"c{n},c{n + 1}" for n in range(1000)]
    assert land_relations(lab, clients=chain)["clients"] == 1000


@fault("R7", "a client with two parents", "Both links land.")
def test_r7_two_parents_are_two_links(lab: LandingLab) -> None:
    assert land_relations(lab, links=["a,p1", "a,p2"])["links"] == 2


@pytest.fixture
def full(source: SourceLab) -> Contract:
    source.see_all_transactions()
    source.run("insert into loans select 'L' || n, n from generate_series(1, 500) as n")
    made = source.lab.contract(OPEN_TRANSACTIONS + "    compare_every: 0 seconds\n")
    source.land(made)
    return made


@fault("R8", "a hard delete", "Found by digests over key ranges; a tombstone, history kept.")
def test_r8_a_hard_delete_becomes_a_tombstone(source: SourceLab, full: Contract) -> None:
    source.run("delete from loans where loan_id = 'L7'")
    assert source.land(full).tombstoned == 1
    assert source.is_in_step()
    versions = "select count(*) from landing.demo__loans where loan_id = 'L7'"
    assert source.lab.rows(versions) == [(2,)]


@fault("R9", "a key that is deleted and comes back", "Both versions and the gap between are kept.")
def test_r9_a_key_that_comes_back_is_a_new_version(source: SourceLab, full: Contract) -> None:
    source.run("delete from loans where loan_id = 'L7'")
    source.land(full)
    source.run("insert into loans values ('L7', 7)")
    assert source.land(full).landed == 1
    assert source.is_in_step()
    source.run("delete from loans where loan_id = 'L7'; insert into loans values ('L7', 8)")
    counts = source.land(full)
    assert (counts.landed, counts.tombstoned) == (1, 0)
    assert source.is_in_step()


@fault("R10", "a mass delete", "Stops until it is approved, with reason and end, for one batch.")
def test_r10_a_truncated_table_stops_until_it_is_approved(
    source: SourceLab, full: Contract
) -> None:
    source.run("truncate loans")
    with pytest.raises(RapportError, match="500 of 500 rows are no longer in the source") as error:
        source.land(full)
    assert "rapport approve demo.loans --kind mass_delete" in str(error.value.next_step)
    approve = "select ctl.approve('demo', 'loans', 'mass_delete', 'me', 'sold', '2100-01-01')"
    source.lab.rows(approve, role="publisher")
    assert source.land(full).tombstoned == 500
