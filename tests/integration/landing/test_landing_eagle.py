"""The real files of Eagle National Bank: all of it lands or is quarantined with a reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from rapport.settings import load
from rapport.sources.contracts import load_contracts
from support.landing_lab import LandingLab

ROWS = {
    "clients": 5369,
    "districts": 77,
    "accounts": 4500,
    "dispositions": 5369,
    "loans": 682,
    "cards": 892,
    "orders": 6471,
    "transactions": 2160,
    "complaints": 11739,
    "calls": 3999,
    "reviews": 505,
    "property_loans": 1678,
}


@pytest.fixture
def eagle(lab: LandingLab, real_data: Path, monkeypatch: pytest.MonkeyPatch) -> LandingLab:
    monkeypatch.setenv("RAPPORT_EAGLE_DIR", str(real_data / "eagle_bank"))
    lab.settings = load()
    return lab


def test_every_row_of_the_real_files_is_accounted_for(eagle: LandingLab) -> None:
    contract = eagle.register(load_contracts(eagle.settings)["eagle"])
    report = eagle.extract(contract)
    assert {t.table: t.read for t in report.tables} == ROWS
    for counts in report.tables:
        counts.check()
        assert counts.read == counts.landed + counts.quarantined
    refused = {t.table: t.quarantined for t in report.tables if t.quarantined}
    assert refused == {"transactions": 31, "complaints": 192}

    # Negative lags and impossible minutes have their reasons.
    rules = "select rule, count(*) from quarantine.eagle__{} group by 1"
    assert eagle.rows(rules.format("complaints")) == [("check:sending_follows_receipt", 192)]
    assert eagle.rows(rules.format("transactions")) == [("type:booked_at", 31)]

    # Spellings of the client: every complaint and named call finds its client.
    orphans = (
        "select count(*) from landing.eagle__{} as t where client_id is not null and not exists"
        " (select from landing.eagle__clients as c where c.client_id = t.client_id)"
    )
    assert eagle.rows(orphans.format("complaints")) == [(0,)]
    assert eagle.rows(orphans.format("calls")) == [(0,)]

    # cp1252 with line breaks inside; a second of 60; two-digit years.
    assert (
        eagle.rows("select count(*) from landing.eagle__reviews where review_text like '%’%'")[0][0]
        > 0
    )
    assert (
        eagle.rows(
            "select count(*) from landing.eagle__reviews where review_text like E'%\\r\\n%'"
        )[0][0]
        > 0
    )
    assert eagle.rows(
        "select (booked_at at time zone 'Asia/Shanghai')::text from landing.eagle__transactions"
        " where transaction_id = 'T03459107'"
    ) == [("2013-02-28 12:26:00",)]
    assert eagle.rows(
        "select min(opened_date)::text, max(opened_date)::text from landing.eagle__accounts"
    ) == [("2013-01-01", "2017-12-29")]

    # The same files again: nothing new, nothing gone.
    again = eagle.extract(contract)
    assert [(t.landed, t.tombstoned) for t in again.tables] == [(0, 0)] * len(ROWS)
