"""The database decides what readers see: each rule shown by trying to break it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import psycopg
import pytest

from rapport.local.postgres import EmbeddedPostgres
from rapport.publishing import differences, releases
from rapport.settings import load
from support.tiny_release import TinyWarehouse, tiny_warehouse

JULY, AUGUST = date(2026, 7, 31), date(2026, 8, 31)


@pytest.fixture
def tiny(server: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch) -> Iterator[TinyWarehouse]:
    with tiny_warehouse(server, monkeypatch) as warehouse:
        warehouse.land("first", "a", "b")
        yield warehouse


def test_a_validated_release_is_published_and_seen(tiny: TinyWarehouse) -> None:
    tiny.released(JULY, {"a": "1.00", "b": "2.50"})
    assert tiny.seen(JULY) == {"a": "1.00", "b": "2.50"}


def test_a_release_without_evidence_is_refused_and_readers_keep_the_last(
    tiny: TinyWarehouse,
) -> None:
    tiny.released(JULY, {"a": "1.00"})
    release = tiny.open_release(JULY)
    tiny.build(release, {"a": "9.00"}, JULY)
    tiny.seal(release)
    decision = tiny.publish(release)
    assert decision["decision"] == "refused"
    assert decision["reasons"] == ["no passing evidence of suite base (marts) for tiny"]
    assert tiny.seen(JULY) == {"a": "1.00"}


@pytest.mark.parametrize(
    "change",
    [
        {"is_passed": False},
        {"suite_hash": "another"},
        {"results": []},
        {"results": [{"expectation_type": "x", "severity": "critical", "is_passed": True}] * 2},
    ],
    ids=["failed", "other suite", "nothing run", "other number of expectations"],
)
def test_evidence_that_does_not_match_the_registered_suite_does_not_count(
    tiny: TinyWarehouse, change: dict[str, object]
) -> None:
    release = tiny.open_release(JULY)
    tiny.build(release, {"a": "1.00"}, JULY)
    tiny.seal(release)
    tiny.evidence("marts", "tiny", release=release, **change)
    assert tiny.publish(release)["decision"] == "refused"


def test_a_failed_warning_does_not_stop_a_release(tiny: TinyWarehouse) -> None:
    release = tiny.open_release(JULY)
    tiny.build(release, {"a": "1.00"}, JULY)
    tiny.seal(release)
    tiny.evidence("marts", "tiny", release=release, severity="warning", is_passed=False)
    assert tiny.publish(release)["decision"] == "published"


def test_the_latest_evidence_counts_not_the_best(tiny: TinyWarehouse) -> None:
    release = tiny.candidate(JULY, {"a": "1.00"})
    tiny.evidence("marts", "tiny", release=release, is_passed=False)
    assert tiny.publish(release)["decision"] == "refused"


def test_an_empty_mart_is_refused_although_its_checks_passed(tiny: TinyWarehouse) -> None:
    release = tiny.candidate(JULY, {})
    assert tiny.publish(release)["decision"] == "refused"


def test_evidence_of_an_open_candidate_is_not_taken(tiny: TinyWarehouse) -> None:
    release = tiny.open_release(JULY)
    tiny.build(release, {"a": "1.00"}, JULY)
    with pytest.raises(psycopg.errors.RaiseException, match="is not sealed"):
        tiny.evidence("marts", "tiny", release=release)


def test_the_transformer_cannot_touch_a_sealed_candidate(tiny: TinyWarehouse) -> None:
    release = tiny.open_release(JULY)
    slot = tiny.build(release, {"a": "1.00"}, JULY)
    tiny.seal(release)
    for statement in (
        f"update {slot}.tiny set amount = 2",
        f"drop table {slot}.tiny",
        f"create table {slot}.other (n int)",
        f"alter table {slot}.tiny owner to rapport_transformer",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            tiny.as_role("transformer").execute(statement.encode())


def test_the_transformer_cannot_change_sealed_staging_while_it_builds_marts(
    tiny: TinyWarehouse,
) -> None:
    release = tiny.open_release(JULY)
    slot = tiny.build(release, {"a": "1.00"}, JULY)
    for statement in (f"update {slot}.stg set n = 2", f"drop table {slot}.stg"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            tiny.as_role("transformer").execute(statement.encode())


def test_what_was_stored_is_hashed_so_a_change_after_validation_is_found(
    tiny: TinyWarehouse,
) -> None:
    release = tiny.candidate(JULY, {"a": "1.00"})
    admin = tiny.as_role("admin")
    admin.execute("set role rapport_owner")
    admin.execute("update build_1.tiny set amount = 1.01")
    admin.execute("reset role")
    assert tiny.publish(release)["reasons"] == [
        "no passing evidence of suite base (marts) for tiny"
    ]


def test_rollback_shows_the_earlier_release_and_an_edition_can_be_pinned(
    tiny: TinyWarehouse,
) -> None:
    first = tiny.released(JULY, {"a": "1.00"})
    second = tiny.released(JULY, {"a": "2.00"})
    assert tiny.seen(JULY) == {"a": "2.00"}
    edition = releases.rollback(tiny.settings, first, actor="me", reason="wrong rate")
    assert (edition, tiny.seen(JULY)) == (3, {"a": "1.00"})
    reader = tiny.as_role("bi_reader")
    reader.execute("set mart.edition = '2'")
    assert tiny.seen(JULY) == {"a": "2.00"}
    reader.execute("set mart.edition = '4'")
    with pytest.raises(psycopg.errors.InvalidParameterValue, match="edition 4 is not available"):
        tiny.seen(JULY)
    reader.execute("reset mart.edition")
    assert releases.list_releases(tiny.settings)[0].release_id == second


def test_rolling_back_to_what_is_shown_or_never_was_is_refused(tiny: TinyWarehouse) -> None:
    current = tiny.released(JULY, {"a": "1.00"})
    for release, words in ((current, "already"), (999, "does not exist")):
        with pytest.raises(releases.RapportError, match=words):
            releases.rollback(tiny.settings, release, actor="me", reason="")


def test_is_latest_marks_the_newest_date_only(tiny: TinyWarehouse) -> None:
    tiny.released(JULY, {"a": "1.00"})
    tiny.released(AUGUST, {"a": "1.00"})
    rows = tiny.as_role("bi_reader").execute(
        "select as_of_date, is_latest from mart.tiny order by 1"
    )
    assert rows.fetchall() == [(JULY, False), (AUGUST, True)]


def test_a_release_opened_twice_by_one_run_is_one_release(tiny: TinyWarehouse) -> None:
    assert tiny.open_release(JULY, "same") == tiny.open_release(JULY, "same")


def test_publishing_twice_gives_one_edition(tiny: TinyWarehouse) -> None:
    release = tiny.candidate(JULY, {"a": "1.00"})
    first = tiny.publish(release)
    again = tiny.call("publisher", "select ctl.publish(%s, 'test')", release)
    assert first["edition"] == again["edition"] == 1


def test_an_older_run_does_not_overwrite_a_later_one_of_its_date(tiny: TinyWarehouse) -> None:
    older = tiny.candidate(JULY, {"a": "1.00"})
    tiny.released(JULY, {"a": "2.00"})
    assert tiny.publish(older)["decision"] == "refused"
    assert tiny.seen(JULY) == {"a": "2.00"}


def test_all_slots_lent_is_said_and_a_failed_release_gives_its_slot_back(
    tiny: TinyWarehouse,
) -> None:
    first, second = tiny.open_release(JULY), tiny.open_release(JULY)
    with pytest.raises(psycopg.errors.ObjectInUse, match="every build slot"):
        tiny.open_release(JULY)
    tiny.call("transformer", "select ctl.fail_release(%s, 'test')", first)
    assert tiny.open_release(JULY) > second


def test_the_difference_of_two_releases_counts_rows_and_cells(tiny: TinyWarehouse) -> None:
    first = tiny.released(JULY, {"a": "1.00", "b": "1.00"})
    second = tiny.released(AUGUST, {"a": "2.00", "c": "1.00"})
    (found,) = differences.diff(tiny.settings, first, second)
    assert (found.removed, found.added, found.changed) == (1, 1, 1)
    assert found.changed_columns == (("amount", 1),)


def test_pruning_keeps_the_newest_the_current_and_what_a_kept_release_read(
    tiny: TinyWarehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAPPORT_KEEP_RELEASES", "1")
    read_later = tiny.released(JULY, {"a": "1.00"})
    august = tiny.released(AUGUST, {"a": "1.00"})
    pruned = tiny.released(JULY, {"a": "2.00"})
    tiny.released(JULY, {"a": "3.00"})
    assert releases.prune(load()) == [pruned]
    kept = {r.release_id for r in releases.list_releases(tiny.settings) if r.status == "published"}
    assert {read_later, august} < kept
    reader = tiny.as_role("bi_reader")
    reader.execute("set mart.edition = '3'")
    with pytest.raises(psycopg.errors.InvalidParameterValue):
        tiny.seen(JULY)


def test_the_ledger_chains_every_decision(tiny: TinyWarehouse) -> None:
    tiny.released(JULY, {"a": "1.00"})
    tiny.publish(tiny.candidate(JULY, {}))
    rows = (
        tiny.as_role("auditor")
        .execute(
            "select previous_hash, entry_hash, entry::jsonb ->> 'decision',"
            " encode(sha256(convert_to(entry, 'UTF8')), 'hex') from ctl.ledger order by ledger_seq"
        )
        .fetchall()
    )
    assert [row[2] for row in rows] == ["published", "refused"]
    assert rows[1][0] == rows[0][1]
    assert all(row[1] == row[3] for row in rows)


@pytest.mark.parametrize(
    ("role", "statement"),
    [
        ("bi_reader", "select * from store.tiny"),
        ("bi_reader", "select * from ctl.release"),
        ("bi_reader", "select * from landing.src__t"),
        ("publisher", "insert into ctl.pointer values ('2026-01-31', 1, 1)"),
        ("publisher", "select ctl.move_pointer(1, '2026-01-31', 'publish', 'me', '')"),
        ("publisher", "update store.tiny set amount = 0"),
        ("validator", "select ctl.publish(1, 'me')"),
        ("transformer", "select ctl.record_validation('{}')"),
        ("transformer", "insert into landing.src__t (id, _from_batch) values ('z', 1)"),
        ("loader", "delete from landing.src__t"),
        ("loader", "update landing.src__t set v = 'other'"),
        ("loader", "select ctl.accept_batch(1)"),
        ("auditor", "select row_data from quarantine.src__t"),
        ("auditor", "delete from ctl.ledger"),
        ("admin", "drop role postgres"),
    ],
)
def test_a_role_cannot_do_another_ones_work(tiny: TinyWarehouse, role: str, statement: str) -> None:
    with pytest.raises(
        (psycopg.errors.InsufficientPrivilege, psycopg.errors.ReadOnlySqlTransaction)
    ):
        tiny.as_role(role).execute(statement.encode())


def test_a_reproduction_has_the_inputs_of_its_original_and_is_never_published(
    tiny: TinyWarehouse,
) -> None:
    original = tiny.released(JULY, {"a": "1.00"})
    tiny.land("later", "c")
    again = tiny.reproduction(original, {"a": "1.00"}, JULY)
    inputs = "select array_agg(batch_seq) from ctl.release_input where release_id = %s"
    assert tiny.call("auditor", inputs, again) == tiny.call("auditor", inputs, original)
    with pytest.raises(psycopg.errors.RaiseException, match="never stored"):
        tiny.publish(again)
    reasons = tiny.call("publisher", "select ctl.publish(%s, 'test')", again)["reasons"]
    assert "release is a reproduction" in reasons


@pytest.mark.parametrize(("amount", "identical"), [("1.00", True), ("1.01", False)])
def test_a_reproduction_is_compared_by_content_and_kept_in_the_ledger(
    tiny: TinyWarehouse, amount: str, identical: bool
) -> None:
    original = tiny.released(JULY, {"a": "1.00"})
    again = tiny.reproduction(original, {"a": amount}, JULY)
    answer = tiny.call("transformer", "select ctl.conclude_reproduction(%s)", again)
    assert answer["identical"] is identical
    assert [mart["is_identical"] for mart in answer["marts"]] == [identical]
    entry = tiny.call(
        "auditor", "select entry::jsonb from ctl.ledger order by ledger_seq desc limit 1"
    )
    assert (entry["decision"], entry["identical"]) == ("reproduced", identical)
    assert tiny.seen(JULY) == {"a": "1.00"}
    assert tiny.call("auditor", "select count(*) from ctl.slot where release_id is not null") == 0


def test_what_was_never_stored_cannot_be_reproduced(tiny: TinyWarehouse) -> None:
    with pytest.raises(psycopg.errors.InvalidParameterValue, match="never stored"):
        tiny.reproduction(tiny.open_release(JULY), {}, JULY)


def test_a_failed_release_opened_again_by_its_run_is_frozen_anew(tiny: TinyWarehouse) -> None:
    release = tiny.open_release(JULY, "one run")
    tiny.call("transformer", "select ctl.fail_release(%s, 'test')", release)
    newer = tiny.land("later", "c")
    assert tiny.open_release(JULY, "one run") == release
    frozen = "select batch_seq from ctl.release_input where release_id = %s"
    assert tiny.call("auditor", frozen, release) == newer


def test_publishing_and_rolling_back_compare_the_edition_the_caller_has_seen(
    tiny: TinyWarehouse,
) -> None:
    first = tiny.released(JULY, {"a": "1.00"})
    second = tiny.candidate(JULY, {"a": "2.00"})
    tiny.call("publisher", "select ctl.stage(%s)", second)
    publish = "select ctl.publish(%s, 'test', %s)"
    refused = tiny.call("publisher", publish, second, 0)
    assert refused["reasons"] == ["readers of 2026-07-31 see edition 1, not the expected 0"]
    third = tiny.candidate(JULY, {"a": "3.00"})
    tiny.call("publisher", "select ctl.stage(%s)", third)
    assert tiny.call("publisher", publish, third, 1)["edition"] == 2
    back = "select ctl.rollback(%s, 'test', 'why', %s)"
    assert tiny.call("publisher", back, first, 1)["decision"] == "refused"
    assert tiny.call("publisher", back, first, 2)["edition"] == 3


def test_a_stored_row_changed_after_staging_is_found_when_publishing(tiny: TinyWarehouse) -> None:
    release = tiny.candidate(JULY, {"a": "1.00"})
    tiny.call("publisher", "select ctl.stage(%s)", release)
    admin = tiny.as_role("admin")
    admin.execute("set role rapport_owner")
    admin.execute("update store.tiny set amount = 1.01")
    admin.execute("reset role")
    answer = tiny.call("publisher", "select ctl.publish(%s, 'test')", release)
    assert answer["reasons"] == ["store.tiny is not what was staged"]
