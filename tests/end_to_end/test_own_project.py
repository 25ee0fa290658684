"""A user plugs in a system of their own without touching a file of ours."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from rapport.local import secret_files
from rapport.local.databases import address
from rapport.settings import load
from rapport.warehouse import dsn
from support.published_lender import run_command

CONTRACT = """
source: core
connector: files
folder: {folder}
layout: models
max_staleness_hours: 24
coverage: {{clients: complete, loans: complete, instalments: complete, transactions: none}}
tables:
  borrowers:
    file: borrowers.csv
    delimiter: ";"
    key: [borrower_no]
    columns:
      borrower_no: {{type: text}}
      title: {{type: text, from: "Company title"}}
      since: {{type: date, format: DD.MM.YYYY}}
  credits:
    file: credits.csv
    delimiter: ";"
    key: [credit_no]
    control_amount: amount
    control_currency: EUR
    columns:
      credit_no: {{type: text}}
      borrower_no: {{type: text, required: true}}
      amount: {{type: "numeric(20,2)", decimal: ",", thousands: "."}}
      paid_out: {{type: date, format: DD.MM.YYYY}}
    checks:
      amount_is_positive: amount > 0
"""
SOURCES = """
version: 2
sources:
  - name: core
    schema: landing
    tables:
      - {name: borrowers, identifier: core__borrowers}
      - {name: credits, identifier: core__credits}
"""
SUITE = """
owner: me
objects:
  core__credits:
    allow_empty:
      {en: A day without change lands nothing., zh: 无变动则不落地。, since: 2026-11-01}
    expectations:
      - rule: amounts_stay_small
        type: expect_column_max_to_be_between
        kwargs: {column: amount, max_value: 1000000}
        severity: critical
        since: 2026-11-01
        reason: {en: No credit is above a million., zh: 单笔贷款不超过一百万。}
"""


def typed_nulls(names: str, type_: str) -> str:
    return ", ".join(f"cast(null as {type_}) as {name}" for name in names.split())


CLIENTS = f"""
with borrowers as ({{{{ landed('core', 'borrowers') }}}}),
stg_core__clients as (
    select borrower_no as client_id, title as name, 'corporate' as client_type,
      since as onboarded_date, {typed_nulls("closed_date kyc_review_due_date", "date")},
      {typed_nulls("legal_id industry_code region parent_client_id", "text")},
      {typed_nulls("relationship_manager_id currency", "text")},
      {typed_nulls("annual_revenue_amount", "numeric")}
    from borrowers
)
select * from stg_core__clients
"""
LOANS = f"""
with credits as ({{{{ landed('core', 'credits') }}}}),
stg_core__loans as (
    select credit_no as loan_id, borrower_no as client_id, amount as principal_amount,
      'EUR' as currency, paid_out as disbursed_date,
      {typed_nulls("facility_id application_id replaces_loan_id product day_count", "text")},
      {typed_nulls("maturity_date closed_date written_off_date", "date")},
      {typed_nulls("collateral_valuation_date", "date")},
      {typed_nulls("effective_interest_rate collateral_amount", "numeric")}
    from credits
)
select * from stg_core__loans
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Contract, staging models and a suite in a folder of the user's, beside the exported files."""
    files = {
        "contracts/core.yml": CONTRACT.format(folder=tmp_path / "export"),
        "models/staging/core/_core__sources.yml": SOURCES,
        "models/staging/core/stg_core__clients.sql": CLIENTS,
        "models/staging/core/stg_core__loans.sql": LOANS,
        "expectations/landing/core.yml": SUITE,
        "../export/borrowers.csv": (
            "borrower_no;Company title;since\n7;Mühle & Söhne;01.02.2019\n8;Werft;31.12.2020\n"
        ),
        "../export/credits.csv": (
            "credit_no;borrower_no;amount;paid_out\n1;7;12.500,50;15.03.2024\n2;8;-1,00;01.01.2024\n"
        ),
    }
    for name, content in files.items():
        path = tmp_path / "project" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.resolve().write_text(content, encoding="utf-8")
    return tmp_path / "project"


def test_a_source_of_ones_own_is_landed_gated_built_and_published(
    project: Path,
    warehouse_template: str,
    database_copy: Callable[[str, str], str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    current = load()
    password = secret_files.read(current.secrets, "warehouse.json")["rapport_admin"]
    name = database_copy(warehouse_template, "rapport_admin")
    url = address(current.database_port, name, "rapport_admin", password)
    for variable, value in {
        "RAPPORT_WAREHOUSE_URL": url,
        "RAPPORT_PROJECT_PATH": str(project),
        "RAPPORT_SOURCES": "core",
    }.items():
        monkeypatch.setenv(variable, value)
    for command in (["deploy"], ["run", "--as-of", "2024-06-30"]):
        done = run_command(command)
        assert done.returncode == 0, done.stdout + done.stderr

    with dsn.connect(dsn.role_dsn(load(), "auditor")) as connection:
        loans = connection.execute(
            "select loan_id, client_id, principal_amount::text, dpd_contractual,"
            " insufficient_reason from mart.loan_risk"
        ).fetchall()
        refused = connection.execute("select rule from quarantine.core__credits").fetchall()
        gates = connection.execute(
            "select count(*) from ctl.validation where object = 'core__credits' and is_passed"
        ).fetchone()
    ((loan, client, amount, dpd, reason),) = loans
    assert (loan, client, amount, dpd) == ("core:1", "core:7", "12500.50", None)
    assert "PAYMENTS_NOT_COVERED" in reason
    assert refused == [("check:amount_is_positive",)]
    assert gates == (1,)
