"""V1-V17: values that are no value, too large, or mean something else than they say."""

from __future__ import annotations

import pytest

from rapport.sources.contracts import Contract
from support.fault_lab import CONTRACT, HEADER, keys, land, line, rules
from support.landing_lab import LandingLab
from support.source_lab import OPEN_TRANSACTIONS, SourceLab

fault = pytest.mark.fault


@pytest.fixture
def loans(lab: LandingLab) -> Contract:
    return lab.contract(CONTRACT)


def refuses(lab: LandingLab, loans: Contract, rule: str, **values: str) -> None:
    """One bad row among good ones is quarantined under its rule; the others land."""
    counts = land(lab, loans, HEADER + line("bad", **values) + line("good"))
    assert (counts.landed, counts.quarantined) == (1, 1)
    assert rules(lab) == [rule]
    assert keys(lab) == ["good"]


@fault("V1", "NaN in an amount", "Quarantined, from files and from databases.")
def test_v1_nan_is_no_amount(lab: LandingLab, loans: Contract) -> None:
    refuses(lab, loans, "type:amount", amount="NaN")


@fault("V1", "NaN in an amount", "Quarantined, from files and from databases.")
def test_v1_nan_from_a_database_is_no_amount(source: SourceLab) -> None:
    source.see_all_transactions()
    source.run("insert into loans values ('bad', 'NaN'), ('good', 1)")
    counts = source.land(source.lab.contract(OPEN_TRANSACTIONS))
    assert (counts.landed, counts.quarantined) == (1, 1)
    assert rules(source.lab) == ["finite:amount"]


@fault("V2", "infinite amounts", "Quarantined.")
@pytest.mark.parametrize("value", ["Infinity", "-Infinity", "inf"])
def test_v2_infinity_is_no_amount(lab: LandingLab, loans: Contract, value: str) -> None:
    refuses(lab, loans, "type:amount", amount=value)


@fault("V3", "a number that is too large", "Quarantined, never cut.")
def test_v3_overflow_is_refused(lab: LandingLab, loans: Contract) -> None:
    refuses(lab, loans, "type:amount", amount="1" + "0" * 30)


@fault("V4", "decimal comma and thousands", "Read where declared, quarantined elsewhere.")
def test_v4_a_comma_is_refused_where_it_is_not_declared(lab: LandingLab, loans: Contract) -> None:
    refuses(lab, loans, "type:amount", amount='"1.234,50"')


@fault("V4", "decimal comma and thousands", "Read where declared, quarantined elsewhere.")
def test_v4_a_comma_is_read_where_it_is_declared(lab: LandingLab) -> None:
    declared = 'amount: {type: "numeric(20,2)", decimal: ",", thousands: "."}'
    loans = lab.contract(CONTRACT.replace("amount: numeric(20,2)", declared))
    land(lab, loans, HEADER + line("a", amount='"1.234,50"'))
    assert lab.visible("demo__loans", "amount::text") == [("1234.50",)]


@fault("V5", "0000-00-00", "Quarantined.")
def test_v5_a_zero_date_is_refused(lab: LandingLab, loans: Contract) -> None:
    refuses(lab, loans, "type:on_date", on_date="0000-00-00")


@fault("V6", "year 9999 and infinite dates", "Quarantined by type or by the contract's rule.")
@pytest.mark.parametrize(
    ("value", "rule"),
    [
        ("infinity", "type:on_date"),
        ("9999-12-31", "check:date_is_not_in_the_future"),
    ],
)
def test_v6_a_placeholder_date_is_refused(
    lab: LandingLab, loans: Contract, value: str, rule: str
) -> None:
    refuses(lab, loans, rule, on_date=value)


@fault(
    "V7",
    "daylight-saving gap and overlap",
    "A time that the clock skipped is quarantined; one that came twice is read as standard time.",
)
def test_v7_a_skipped_hour_is_refused_and_a_repeated_one_read(
    lab: LandingLab, loans: Contract
) -> None:
    refuses(lab, loans, "type:at", at="2026-03-29T02:30:00")
    land(lab, loans, HEADER + line("good", at="2026-10-25T02:30:00"))
    assert lab.visible("demo__loans", "at::text") == [("2026-10-25 01:30:00+00",)]


@fault("V8", "local time without a zone", "Read in the declared zone, else the business time zone.")
def test_v8_a_local_time_is_read_in_the_declared_zone(lab: LandingLab, loans: Contract) -> None:
    land(lab, loans, HEADER + line("a", at="2026-01-31T00:30:00"))
    assert lab.visible("demo__loans", "at::text") == [("2026-01-30 23:30:00+00",)]


@fault("V9", "a score outside its scale", "Quarantined by the rule of the contract.")
@pytest.mark.parametrize("value", ["11", "-1"])
def test_v9_a_score_outside_its_scale_is_refused(
    lab: LandingLab, loans: Contract, value: str
) -> None:
    refuses(lab, loans, "check:score_is_in_range", score=value)


@fault("V10", "a negative payment", "Quarantined by the rule of the contract.")
def test_v10_a_negative_amount_is_refused(lab: LandingLab, loans: Contract) -> None:
    refuses(lab, loans, "check:amount_is_not_negative", amount="-1")


@fault(
    "V11",
    "a payment above the balance",
    "Lands as delivered, counted to the cent: whether it is right shows only beside the loan.",
)
def test_v11_a_large_payment_lands_to_the_cent(lab: LandingLab, loans: Contract) -> None:
    counts = land(lab, loans, HEADER + line("a", amount="999999999999.99"))
    assert str(counts.money["landed"]["CNY"]) == "999999999999.99"


@fault(
    "V12",
    "a future date",
    "Quarantined where the contract has a rule; dates after as_of_date never reach a mart.",
)
def test_v12_a_future_date_is_refused(lab: LandingLab, loans: Contract) -> None:
    refuses(lab, loans, "check:date_is_not_in_the_future", on_date="2031-01-01")


@fault("V13", "an unknown currency", "Quarantined; its money is accounted for under its own code.")
def test_v13_an_unknown_currency_is_refused(lab: LandingLab, loans: Contract) -> None:
    refuses(lab, loans, "allowed:currency", currency="CNX")


@fault("V14", "leading, trailing and full-width spaces", "Stripped from keys that say so: one key.")
def test_v14_spaces_around_a_key_make_no_other_key(lab: LandingLab, loans: Contract) -> None:
    land(lab, loans, HEADER + line("a"))
    counts = land(lab, loans, HEADER + line(" \u3000a\u00a0"))
    assert (counts.landed, counts.unchanged, counts.tombstoned) == (0, 1, 0)


@fault(
    "V15",
    "NFC and NFD duplicates, look-alikes",
    "Different keys, both kept: none is dropped or merged by guess.",
)
def test_v15_look_alikes_stay_apart(lab: LandingLab, loans: Contract) -> None:
    counts = land(lab, loans, HEADER + line("é") + line("e\u0301") + line("А") + line("A"))
    assert counts.landed == 4
    assert len(keys(lab)) == 4


@fault("V16", "the same key twice", "Equal rows count once; different ones are all quarantined.")
def test_v16_the_same_key_twice_is_settled(lab: LandingLab, loans: Contract) -> None:
    rows = line("same") * 2 + line("other") + line("other", note="x") + line("good")
    counts = land(lab, loans, HEADER + rows)
    assert (counts.landed, counts.deduplicated, counts.quarantined) == (2, 1, 2)
    assert set(rules(lab)) == {"conflicting_key"}
    assert keys(lab) == ["good", "same"]


@fault("V17", "a NULL key", "Quarantined.")
def test_v17_a_row_without_a_key_is_refused(lab: LandingLab, loans: Contract) -> None:
    counts = land(lab, loans, HEADER + line("") + line("good"))
    assert (counts.landed, rules(lab)) == (1, ["key_is_null"])
