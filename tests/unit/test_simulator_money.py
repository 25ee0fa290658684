"""Simulated money: schedules, cash, balances and days past due agree to the cent."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pandas as pd

from support.simulated_lender import END, frame


def test_every_schedule_version_repays_the_principal() -> None:
    rows = frame("instalments")
    sums = rows.groupby(["loan_id", "schedule_version"])["principal_due_amount"].sum().reset_index()
    loans = frame("loans").set_index("loan_id")["principal_amount"]
    assert (sums["principal_due_amount"] == sums["loan_id"].map(loans)).all()
    assert (rows["schedule_version"] == 2).any()


def signed(part: str) -> pd.Series:
    cash = frame("transactions")
    sign = (
        cash["kind"].map({"repayment": 1, "recovery": 1, "write_off": 1, "reversal": -1}).fillna(0)
    )
    return cash[part].fillna(Decimal(0)) * sign.map(Decimal)


def test_balances_are_principal_less_principal_parts_at_every_month_end() -> None:
    cash = frame("transactions")
    cash["repaid"] = signed("principal_part")
    loans = frame("loans").set_index("loan_id")["principal_amount"]
    for day, at in frame("loan_balances").groupby("balance_date"):
        repaid = cash[cash["booked_date"] <= day].groupby("loan_id")["repaid"].sum()
        expected = at["loan_id"].map(loans) - at["loan_id"].map(repaid).fillna(Decimal(0))
        assert (expected == at["outstanding_amount"]).all(), day
        assert (at["outstanding_amount"] >= 0).all()


def test_amounts_split_exactly_and_a_reversal_mirrors_its_payment() -> None:
    cash = frame("transactions")
    paid = cash[cash["kind"].isin(["repayment", "reversal"])]
    fee = paid["amount"] - paid["principal_part"] - paid["interest_part"]
    assert (fee >= 0).all()
    back = cash[cash["kind"] == "reversal"]
    assert len(back) > 0
    origin = cash.set_index("transaction_id").loc[back["reverses_transaction_id"]]
    for column in ("amount", "principal_part", "interest_part", "loan_id"):
        assert (origin[column].to_numpy() == back[column].to_numpy()).all()
    assert (origin["booked_date"].to_numpy() <= back["booked_date"].to_numpy()).all()


def test_days_past_due_agree_with_a_plain_recount() -> None:
    """Oldest instalment first, another code path: loan by loan, in Decimal."""
    cash = frame("transactions")
    cash["cash"] = cash["amount"] * cash["kind"].map(
        {"repayment": 1, "recovery": 1, "reversal": -1}
    ).fillna(0).map(Decimal)
    rows = frame("instalments").sort_values(["loan_id", "due_date"])
    rows["due"] = (
        rows["principal_due_amount"] + rows["interest_due_amount"] + rows["fee_due_amount"]
    )
    by_loan = dict(iter(rows.groupby("loan_id")))
    paid_by_loan = dict(iter(cash.groupby("loan_id")))
    lost = frame("loans").set_index("loan_id")["written_off_date"]
    checked = 0
    for day in (date(2023, 1, 31), date(2023, 8, 31), END):
        balances = frame("loan_balances")
        for row in balances[balances["balance_date"] == day].itertuples():
            plan = by_loan[row.loan_id]
            plan = plan[plan["schedule_valid_from"] <= day]
            plan = plan[plan["schedule_version"] == plan["schedule_version"].max()]
            money = paid_by_loan[row.loan_id]
            left = money.loc[money["booked_date"] <= day, "cash"].sum()
            dpd = 0
            for due_date, due in zip(plan["due_date"], plan["due"], strict=True):
                left -= due
                if left < 0:
                    dpd = max(0, (day - due_date).days)
                    break
            if pd.notna(lost[row.loan_id]) and lost[row.loan_id] <= day:
                assert pd.isna(row.dpd_days)
            else:
                assert row.dpd_days == dpd, row.loan_id
            checked += 1
    assert checked > 300


def test_a_closed_loan_owes_nothing_and_a_written_off_one_lost_the_rest() -> None:
    loans = frame("loans").set_index("loan_id")
    last = frame("loan_balances").drop_duplicates("loan_id", keep="last").set_index("loan_id")
    ended = loans["closed_date"].notna() | loans["written_off_date"].notna()
    assert loans["closed_date"].notna().any()
    assert loans["written_off_date"].notna().any()
    assert not (loans["closed_date"].notna() & loans["written_off_date"].notna()).any()
    assert (last.loc[loans.index[ended], "outstanding_amount"] == 0).all()
    assert (last.loc[loans.index[~ended], "outstanding_amount"] > 0).all()


def test_statements_balance() -> None:
    sheet = frame("financial_statements")
    assert (sheet["total_assets"] == sheet["total_liabilities"] + sheet["equity"]).all()
    assert (sheet["current_assets"] <= sheet["total_assets"]).all()
    assert (sheet["current_liabilities"] <= sheet["total_liabilities"]).all()
