"""The real files of Eagle National Bank, from the folder to published marts."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from rapport.local.postgres import EmbeddedPostgres
from rapport.settings import Settings, load
from rapport.warehouse import dsn
from support.databases import copy_database, drop_database
from support.published_lender import admin_url, run_command

AS_OF = date(2018, 12, 31)
_DATABASE = "eagle_bank"
_FILES = {
    "clients": "client.csv",
    "districts": "district.csv",
    "accounts": "account.csv",
    "dispositions": "disposition.csv",
    "loans": "loan.csv",
    "cards": "card.csv",
    "orders": "order.csv",
    "transactions": "transaction_sample.csv",
    "complaints": "complaints.csv.gz",
    "calls": "CRMCallCenterLogs.csv",
    "reviews": "CRMReviews.csv",
    "property_loans": "LuxuryLoanPortfolio.csv",
}


@dataclass(frozen=True)
class Bank:
    """The warehouse after one run over the files, and the variables it was made with."""

    folder: Path
    environment: dict[str, str]
    output: str
    settings: Settings

    def rows(self, query: str, *values: Any, role: str = "auditor") -> list[tuple[Any, ...]]:
        with dsn.connect(dsn.role_dsn(self.settings, role)) as connection:
            return connection.execute(query.encode(), values).fetchall()


@pytest.fixture(scope="module")
def bank(real_data: Path, server: EmbeddedPostgres, warehouse_template: str) -> Iterator[Bank]:
    folder = real_data / "eagle_bank"
    if not folder.is_dir():
        pytest.skip(f"{real_data} holds no eagle_bank")
    copy_database(server, warehouse_template, _DATABASE, "rapport_admin")
    environment = {
        "RAPPORT_WAREHOUSE_URL": admin_url(load(), _DATABASE),
        "RAPPORT_SOURCES": "eagle",
        "RAPPORT_EAGLE_DIR": str(folder),
        "RAPPORT_REPORTING_CURRENCY": "USD",
    }
    # The reporting currency belongs to the code version, so this version is deployed first.
    for arguments in (["deploy"], ["run", "--as-of", AS_OF.isoformat()]):
        done = run_command(arguments, **environment)
        assert done.returncode == 0, done.stdout + done.stderr
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        yield Bank(folder, environment, done.stdout, load())
    drop_database(server, _DATABASE)


def _records(path: Path) -> int:
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", encoding="cp1252", newline="") as file:
        return sum(1 for _ in csv.reader(file)) - 1


def test_every_row_of_every_file_is_accounted_for_exactly(bank: Bank) -> None:
    counts = bank.rows(
        "select table_name, rows_read, rows_landed + rows_unchanged + rows_quarantined"
        " + rows_deduplicated + rows_superseded from ctl.batch_table"
    )
    assert {table for table, _, _ in counts} == set(_FILES)
    for table, read, accounted in counts:
        assert read == accounted == _records(bank.folder / _FILES[table]), table


def test_all_loans_and_all_clients_come_through(bank: Bank) -> None:
    assert bank.rows(
        "select table_name, rows_read, rows_landed from ctl.batch_table"
        " where table_name in ('clients', 'loans') order by 1"
    ) == [("clients", 5369, 5369), ("loans", 682, 682)]
    assert bank.rows("select count(*) from mart.clients", role="bi_reader") == [(5369,)]
    core = "select count(*) from mart.loan_risk where loan_id like 'eagle:L0%%'"
    assert bank.rows(core, role="bi_reader") == [(682,)]


def test_what_is_quarantined_names_its_rule_and_its_place(bank: Bank) -> None:
    counted = bank.rows(
        "select table_name, rows_quarantined from ctl.batch_table where rows_quarantined > 0"
    )
    for table, expected in counted:
        query = (
            "select count(*), count(*) filter (where rule <> '' and message <> '')"
            f" from quarantine.eagle__{table}"
        )
        assert bank.rows(query) == [(expected, expected)], table


def test_loans_without_payments_have_no_days_past_due_but_a_reason(bank: Bank) -> None:
    loans = bank.rows(
        "select loan_id, dpd_contractual, coalesce(insufficient_reason, '')"
        " from mart.loan_risk where loan_id like 'eagle:L0%%'",
        role="bi_reader",
    )
    known = [days for _, days, _ in loans if days is not None]
    unknown = [reason for _, days, reason in loans if days is None]
    assert "PAYMENTS_NOT_COVERED" in unknown, "the files hold payments of a few accounts only"
    assert set(unknown) <= {"PAYMENTS_NOT_COVERED", "LOAN_CLOSED"}
    assert all(days < 2000 for days in known)
    print(f"days past due known of {len(known)} loans, at most {max(known, default=None)}")


def test_reading_the_same_files_again_lands_nothing(bank: Bank) -> None:
    done = run_command(["extract", "eagle"], **bank.environment)
    assert done.returncode == 0, done.stdout + done.stderr
    counts = bank.rows(
        "select table_name, rows_landed, rows_tombstoned,"
        " rows_read - rows_unchanged - rows_quarantined - rows_deduplicated"
        " from ctl.batch_table where batch_seq = (select max(batch_seq) from ctl.batch)"
    )
    assert {table for table, *_ in counts} == set(_FILES)
    assert all(rest == [0, 0, 0] for _, *rest in counts), counts
