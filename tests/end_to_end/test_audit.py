"""An auditor re-performs a release and follows a figure back to what was landed."""

from __future__ import annotations

import hashlib
from datetime import date, timedelta
from pathlib import Path

import pytest

from rapport.errors import RapportError
from rapport.pipeline import runner, steps
from rapport.pipeline.reproduction import reproduce
from rapport.publishing import overrides
from rapport.publishing.trace import trace
from rapport.quality.errors import GateFailed
from support.published_lender import AS_OF, Lender, run_command


def test_a_release_is_rebuilt_to_the_same_hashes_after_the_sources_moved_on(
    lender: Lender,
) -> None:
    release = lender.current_release()
    lender.change_source("loans", "update transactions set amount = amount + 1")
    steps.extract(lender.settings, "loans", "later")
    steps.validate_landing(lender.settings, "later", ask_later=True)
    result = reproduce(lender.settings, release)
    assert result.is_identical
    assert result.differing_parts == ()
    assert {m.mart: m.sha256_now for m in result.marts} == lender.hashes(release)
    assert lender.current_release() == release


def test_the_database_has_reconciled_the_exposure_of_the_release(lender: Lender) -> None:
    totals = lender.rows(
        "select control, currency, landed_rows, found_rows, landed_amount, found_amount, differing"
        " from ctl.control_total where release_id = %s",
        lender.current_release(),
    )
    controls = {control for control, *_ in totals}
    assert {"exposure", "loans.loans.principal_amount", "loans.transactions.amount"} <= controls
    assert all(row[2] == row[3] and row[4] == row[5] and row[6] == 0 for row in totals)
    ((exposure,),) = lender.rows(
        "select sum(outstanding_amount) from mart.loan_risk", role="bi_reader"
    )
    assert sum(r[5] for r in totals if r[0] == "exposure") == exposure


def test_a_figure_is_followed_back_to_models_batches_and_gates(lender: Lender) -> None:
    ((loan,),) = lender.rows(
        "select min(loan_id) from mart.loan_risk where not is_undrawn_only", role="bi_reader"
    )
    found = trace(lender.settings, "loan_risk", [loan])
    assert found.as_of_date == AS_OF
    assert found.models[-1]["name"] == "loan_risk"
    assert "stg_canonical__transactions" in {model["name"] for model in found.models}
    inputs = {item.table: item for item in found.inputs}
    assert inputs["loans.loans"].narrowed_by == "loan_id"
    assert [count for _, count in inputs["loans.loans"].batches] == [1]
    native = loan.removeprefix("loans:")
    booked = lender.count("loans", f"transactions where loan_id = '{native}'")
    assert sum(count for _, count in inputs["loans.transactions"].batches) == booked
    stages = {(gate.stage, gate.object) for gate in found.gates}
    assert {("marts", "loan_risk"), ("landing", "loans__loans")} <= stages
    assert ("staging", "stg_canonical__loans") in stages
    with pytest.raises(RapportError, match="has no row"):
        trace(lender.settings, "loan_risk", ["loans:none"])
    with pytest.raises(RapportError, match="The key of loan_risk is loan_id"):
        trace(lender.settings, "loan_risk", [])


def test_a_batch_that_failed_is_released_by_a_recorded_override(lender: Lender) -> None:
    lender.change_source("crm", "update clients set client_type = 'KUNDE'")
    with pytest.raises(GateFailed):
        runner.run(lender.settings, AS_OF, extract=["crm"], run_key="failing")
    failed = overrides.open_failures(lender.settings, "failing")
    assert {f.stage for f in failed} == {"landing"}
    for item in failed:
        why = ["--reason", "a new code list, being mapped", "--by", "li.wei"]
        until = ["--until", (date.today() + timedelta(days=7)).isoformat()]
        scope = ["--batch", str(item.batch_seq)]
        command = ["override", "add", item.stage, item.object, item.rule, *why, *until, *scope]
        assert run_command(command).returncode == 0
    # As `rapport run --no-extract` does: the batch is judged again, and taken with its override.
    steps.validate_landing(lender.settings, "the next run")
    [(status,)] = lender.rows("select status from ctl.batch where run_key = 'failing'")
    assert status == "accepted"
    [(applied,)] = lender.rows("select count(*) from ctl.applied_override")
    assert applied == len(failed)


def test_the_commands_say_what_they_found(lender: Lender, tmp_path: Path) -> None:
    ((client,),) = lender.rows("select min(client_id) from mart.clients", role="bi_reader")
    shown = run_command(["trace", "clients", client], COLUMNS="200")
    assert shown.returncode == 0, shown.stderr
    for word in ("mart.clients", "crm.clients", "Gates:", "models/marts/clients/clients.sql"):
        assert word in shown.stdout
    key, export = tmp_path / "key", tmp_path / "ledger"
    assert run_command(["ledger", "keygen", str(key)]).returncode == 0
    head = run_command(["ledger", "export", str(export)]).stdout.strip()
    entry_hash = head.partition(":")[2]
    assert len(bytes.fromhex(entry_hash)) == hashlib.sha256().digest_size
    checked = run_command(["verify", str(export), "--expect", head])
    assert checked.returncode == 0, checked.stderr
    export.write_text(export.read_text("utf-8").replace("published", "refused"), "utf-8")
    broken = run_command(["verify", str(export), "--expect", head])
    assert broken.returncode == 1
    assert "broken at entry 1" in broken.stderr
