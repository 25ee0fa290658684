"""Quarantine: a row that breaks a rule is kept apart with its reason, and counted to the cent."""

from __future__ import annotations

from decimal import Decimal

import pytest

from rapport.landing.reports import TableCounts
from rapport.sources.contracts import Contract
from support.landing_lab import LandingLab

CONTRACT = """\
source: demo
connector: files
folder: ${LAB_FOLDER}
tables:
  t:
    file: t.csv
    key: [id]
    control_amount: amount
    control_currency: CNY
    columns:
      id: text
      kind: text required
      amount: numeric(6,2)
      n: integer
      d: date
      at: timestamptz
      flag: boolean
    allowed:
      kind: [x, y]
    checks:
      amount_is_not_negative: amount >= 0
"""
HEADER = "id,kind,amount,n,d,at,flag\n"
GOOD = "good,x,5.00,1,2026-01-31,2026-01-31T10:00:00,true\n"


@pytest.fixture
def table(lab: LandingLab) -> Contract:
    return lab.contract(CONTRACT)


def land(lab: LandingLab, contract: Contract, *lines: str) -> TableCounts:
    lab.write("t.csv", HEADER + GOOD + "".join(line + "\n" for line in lines))
    return lab.land(contract, "t")


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        (",x,1,1,,,", "key_is_null"),
        ("1,,1,1,,,", "required:kind"),
        ("1,z,1,1,,,", "allowed:kind"),
        ("1,x,-1,1,,,", "check:amount_is_not_negative"),
        ("1,x,NaN,1,,,", "type:amount"),
        ("1,x,Infinity,1,,,", "type:amount"),
        ("1,x,-inf,1,,,", "type:amount"),
        ("1,x,12345.00,1,,,", "type:amount"),
        ('1,x,"1,5",1,,,', "type:amount"),
        ("1,x,0x1F,1,,,", "type:amount"),
        ("1,x,1,99999999999,,,", "type:n"),
        ("1,x,1,1.5,,,", "type:n"),
        ("1,x,1,1_000,,,", "type:n"),
        ("1,x,1,1,0000-00-00,,", "type:d"),
        ("1,x,1,1,infinity,,", "type:d"),
        ("1,x,1,1,today,,", "type:d"),
        ("1,x,1,1,2026-02-29,,", "type:d"),
        ("1,x,1,1,31/01/2026,,", "type:d"),
        ("1,x,1,1,,2026-01-31T25:00:00,", "type:at"),
        ("1,x,1,1,,now,", "type:at"),
        ("1,x,1,1,,,maybe", "type:flag"),
        ("1,x,1,1", "line:field_count"),
        ('1,"x"y,1,1,,,', "line:quoting"),
        ('1,"x,1,1,,,', "line:unterminated_quote"),
        ("1,x\0,1,1,,,", "line:nul_byte"),
    ],
)
def test_a_row_that_breaks_a_rule_is_quarantined_under_it(
    lab: LandingLab, table: Contract, line: str, rule: str
) -> None:
    counts = land(lab, table, line)
    assert (counts.read, counts.landed, counts.quarantined) == (2, 1, 1)
    assert [r for r, _ in lab.quarantined("demo__t")] == [rule]


@pytest.mark.parametrize(
    ("line", "column", "value"),
    [
        ("1,x,1.0,3.0,,,", "n", 3),
        ("1,x, 1.5 ,1,,,", "amount", Decimal("1.50")),
        ("1,x,1e2,1,,,", "amount", Decimal("100.00")),
        ("1,x,1,1,2024-02-29 00:00:00,,", "d::text", "2024-02-29"),
        ("1,x,1,1,9999-12-31,,", "d::text", "9999-12-31"),
        ("1,x,1,1,,2026-01-31T00:30:00,", "(at at time zone 'UTC')::text", "2026-01-30 16:30:00"),
        (
            "1,x,1,1,,2026-01-31 00:30:00+00,",
            "(at at time zone 'UTC')::text",
            "2026-01-31 00:30:00",
        ),
        ("1,x,1,1,,2026-01-31T00:30:00Z,", "(at at time zone 'UTC')::text", "2026-01-31 00:30:00"),
        ("NA,x,1,1,,,", "id", "NA"),
        ("1,x,1,1,,,False", "flag", False),
    ],
)
def test_plain_notations_are_read(
    lab: LandingLab, table: Contract, line: str, column: str, value: object
) -> None:
    assert land(lab, table, line).landed == 2
    assert lab.visible("demo__t", f"id, {column}")[0][1] == value


def test_every_broken_rule_of_a_row_is_told(lab: LandingLab, table: Contract) -> None:
    land(lab, table, "1,z,-1,1,,,")
    ((rule, message),) = lab.quarantined("demo__t")
    assert rule == "allowed:kind"
    assert "kind is not one of x, y: z" in message
    assert "check amount_is_not_negative is false" in message


def test_a_quarantined_row_says_where_it_stood(lab: LandingLab, table: Contract) -> None:
    land(lab, table, "1,x,abc,1,,,")
    ((locator, row, key),) = lab.rows(
        "select locator, row_data, key_values from quarantine.demo__t"
    )
    content = (lab.folder / "t.csv").read_bytes()
    assert content[locator["byte_from"] : locator["byte_to"]] == b"1,x,abc,1,,,\n"
    assert (locator["file"], locator["line"]) == ("t.csv", 3)
    assert row["amount"] == "abc"
    assert key == {"id": "1"}


def test_a_line_that_cannot_be_read_is_kept_as_a_place_and_not_as_text(
    lab: LandingLab, table: Contract
) -> None:
    land(lab, table, "1,x,secret")
    ((row, message),) = lab.rows("select row_data, message from quarantine.demo__t")
    assert row is None
    assert "secret" not in message


def test_equal_rows_count_once_and_different_rows_of_one_key_not_at_all(
    lab: LandingLab, table: Contract
) -> None:
    counts = land(lab, table, "1,x,1,1,,,", "1,x,1.00,1,,,", "2,x,1,1,,,", "2,y,2,1,,,")
    assert (counts.read, counts.landed) == (5, 2)
    assert (counts.quarantined, counts.deduplicated) == (2, 1)
    assert counts.money["deduplicated"] == {"CNY": Decimal("1.00")}
    assert counts.money["quarantined"] == {"CNY": Decimal("3.00")}
    assert {r for r, _ in lab.quarantined("demo__t")} == {"conflicting_key"}
    assert lab.visible("demo__t", "id") == [("1",), ("good",)]


def test_a_refused_change_keeps_the_version_before(lab: LandingLab, table: Contract) -> None:
    land(lab, table, "1,x,1,1,,,")
    counts = land(lab, table, "1,x,-5,1,,,")
    assert (counts.quarantined, counts.tombstoned, counts.unchanged) == (1, 0, 1)
    assert lab.visible("demo__t", "id, amount")[0] == ("1", Decimal("1.00"))
    counts = land(lab, table, "1,x,oops,1,,,")
    assert (counts.quarantined, counts.tombstoned) == (1, 0)


def test_nothing_is_taken_for_deleted_while_a_line_cannot_be_read(
    lab: LandingLab, table: Contract
) -> None:
    land(lab, table, "1,x,1,1,,,")
    counts = land(lab, table, "1,x")
    assert (counts.tombstoned, counts.withheld) == (0, 1)
    assert land(lab, table).tombstoned == 1


def test_the_newest_row_stands_where_the_contract_orders_them(lab: LandingLab) -> None:
    contract = lab.contract(
        CONTRACT.replace("    allowed:", "    deduplicate: newest\n    order_by: n\n    allowed:")
    )
    counts = land(lab, contract, "1,x,1,1,,,", "1,x,2,3,,,", "1,x,3,2,,,", "1,x,2,3,,,")
    assert (counts.landed, counts.superseded, counts.deduplicated) == (2, 2, 1)
    assert counts.money["superseded"] == {"CNY": Decimal("4.00")}
    assert lab.visible("demo__t", "id, amount")[0] == ("1", Decimal("2.00"))


def test_rows_and_money_add_up_whatever_comes(lab: LandingLab, table: Contract) -> None:
    land(lab, table, "1,x,1,1,,,", "2,x,2,1,,,")
    counts = land(
        lab,
        table,
        *("1,x,1,1,,,", "2,x,2.5,1,,,", "3,x,3,1,,,", "3,x,3,1,,,", "4,x,4,1,,,", "4,y,4,1,,,"),
        *("5,q,5,1,,,", ",x,6,1,,,", "7,x,7,seven,,,", "8,x,NaN,1,,,", "9,x", '10,"x,1'),
    )
    assert counts.read == 13
    assert (counts.landed, counts.unchanged, counts.quarantined) == (2, 2, 8)
    assert counts.money["read"] == {"CNY": Decimal("40.50")}
    counts.check()
