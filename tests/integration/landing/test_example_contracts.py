"""Other files of the same kinds fit the contracts of the example projects."""

from __future__ import annotations

from pathlib import Path

import pytest

from rapport.sources.contracts import parse_contract
from support.landing_lab import LandingLab

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"
SBA_HEADER = (
    "LoanNr_ChkDgt,Name,City,State,Zip,Bank,BankState,NAICS,ApprovalDate,ApprovalFY,Term,NoEmp,"
    "ChgOffDate,DisbursementDate,DisbursementGross,BalanceGross,MIS_Status,ChgOffPrinGr,GrAppv,"
    "SBA_Appv\n"
)
SBA_ROWS = [
    "1000014003,ABC HOBBYCRAFT,EVANSVILLE,IN,47711,FIFTH THIRD BANK,OH,451120,28-Feb-97,1997,84,4,"
    ',28-Feb-99,"$60,000.00 ",$0.00 ,P I F,$0.00 ,"$60,000.00 ","$48,000.00 "\n',
    "1000024006,LANDMARK BAR,NEW PARIS,IN,46526,1ST SOURCE BANK,IN,722410,2/28/1997,1997,60,2,"
    "1/15/2001,5/31/1997,40000,0,CHGOFF,20000,40000,32000\n",
    "1000034009,THIRD,X,CA,90000,BANK,CA,531210,1997-02-28,1997,60,2,,1997-05-31,40000,0,PIF,0,"
    "40000,32000\n",
    "1000044009,FOURTH,X,CA,90000,BANK,CA,531210,15074,1997,60,2,.,15095,40000,0,PIF,0,40000,32000\n",
]


def test_sba_dates_and_amounts_come_in_every_known_notation(
    lab: LandingLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SBA_DIR", str(lab.folder))
    lab.write("SBAnational.csv", SBA_HEADER + "".join(SBA_ROWS))
    contract = lab.register(parse_contract(EXAMPLES / "sba" / "contracts" / "sba.yml"))
    assert lab.land(contract, "loans").landed == 4, lab.quarantined("sba__loans")
    columns = "loan_no, approved_date::text, disbursed_amount::text, charged_off_date::text, status"
    assert lab.visible("sba__loans", columns) == [
        ("1000014003", "1997-02-28", "60000.00", None, "PIF"),
        ("1000024006", "1997-02-28", "40000.00", "2001-01-15", "CHGOFF"),
        ("1000034009", "1997-02-28", "40000.00", None, "PIF"),
        ("1000044009", "2001-04-09", "40000.00", None, "PIF"),
    ]


IBRD = {
    "long": (
        "End of Period,Loan Number,Region,Country / Economy Code,Country / Economy,Borrower,"
        "Loan Type,Loan Status,Interest Rate,Project ID,Project Name,"
        "Original Principal Amount (US$),Disbursed Amount (US$),Loans Held (US$)\n"
        "05/31/2023 12:00:00 AM,IBRD00010,AFRICA,NA,Namibia,TREASURY,NPL,Repaying,4.25,P1,ROADS,"
        "100.00,50.00,25.00\n"
    ),
    "api": (
        "end_of_period,loan_number,region,country_code,country,borrower,loan_type,loan_status,"
        "interest_rate,project_id,project_name,original_principal_amount,disbursed_amount,"
        "loans_held\n"
        "2023-06-30T00:00:00.000,IBRD00010,AFRICA,NA,Namibia,TREASURY,NPL,Repaying,4.25,P1,ROADS,"
        "100,50,24\n"
    ),
}


def test_ibrd_months_of_different_downloads_stand_side_by_side(
    lab: LandingLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IBRD_DIR", str(lab.folder))
    contract = lab.register(parse_contract(EXAMPLES / "ibrd" / "contracts" / "ibrd.yml"))
    for name, content in IBRD.items():
        lab.write(f"{name}.csv", content)
    assert lab.land(contract, "statements").landed == 2, lab.quarantined("ibrd__statements")
    columns = "period_end::text, loan_no, country_code, principal_amount::text, held_amount::text"
    assert lab.visible("ibrd__statements", columns) == [
        ("2023-05-31", "IBRD00010", "NA", "100.00", "25.00"),
        ("2023-06-30", "IBRD00010", "NA", "100.00", "24.00"),
    ]
