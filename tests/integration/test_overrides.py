"""A failed expectation is let through by a named person, on record, until a date; else never."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg
import pytest

from rapport.errors import RapportError
from rapport.local.postgres import EmbeddedPostgres
from rapport.publishing import overrides
from support.tiny_release import TinyWarehouse, tiny_warehouse

JULY = date(2026, 7, 31)
SOON = datetime.now(UTC) + timedelta(days=7)
FAILED = {
    "is_passed": False,
    "results": [
        {
            "expectation_type": "expect_x",
            "kwargs": {"rule": "amounts_are_right"},
            "severity": "critical",
            "is_passed": False,
            "observed": "3 rows",
        }
    ],
}


@pytest.fixture
def tiny(server: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch) -> Iterator[TinyWarehouse]:
    with tiny_warehouse(server, monkeypatch) as warehouse:
        warehouse.land("first", "a")
        yield warehouse


def failing(tiny: TinyWarehouse, **changes: Any) -> int:
    release = tiny.open_release(JULY)
    tiny.build(release, {"a": "1.00"}, JULY)
    tiny.seal(release)
    tiny.evidence("marts", "tiny", release=release, **(FAILED | changes))
    return release


def let_through(tiny: TinyWarehouse, **changes: Any) -> int:
    given: dict[str, Any] = {
        "stage": "marts",
        "object_name": "tiny",
        "rule": "amounts_are_right",
        "reason": "known since the migration",
        "approved_by": "li.wei",
        "expires_at": SOON,
    }
    return overrides.add(tiny.settings, **(given | changes))


@pytest.mark.parametrize("scope", ["release", "every run"])
def test_an_override_lets_its_failure_through_and_readers_are_told(
    tiny: TinyWarehouse, scope: str
) -> None:
    release = failing(tiny)
    assert tiny.publish(release)["decision"] == "refused"
    again = failing(tiny)
    number = let_through(tiny, release_id=again if scope == "release" else None)
    assert tiny.publish(again)["decision"] == "published"
    waiver = tiny.as_role("bi_reader").execute(
        "select release_id, rule, approved_by, expires_at, is_expired, override_id"
        " from mart.waivers"
    )
    assert waiver.fetchall() == [(again, "amounts_are_right", "li.wei", SOON, False, number)]
    entry = tiny.call(
        "auditor", "select entry::jsonb -> 'overrides' from ctl.ledger order by 1 desc nulls last"
    )
    assert [item["approved_by"] for item in entry] == ["li.wei"]


def test_what_stops_a_run_is_listed_until_it_is_let_through(tiny: TinyWarehouse) -> None:
    release = failing(tiny)
    key = tiny.call("auditor", "select run_key from ctl.release where release_id = %s", release)
    (found,) = overrides.open_failures(tiny.settings, key)
    assert (found.stage, found.object, found.rule) == ("marts", "tiny", "amounts_are_right")
    assert (found.release_id, found.batch_seq, found.observed) == (release, None, "3 rows")
    batch = tiny.land("second", "b", accept=False)
    tiny.evidence("landing", "src__t", batch=batch, **FAILED)
    assert [f.batch_seq for f in overrides.open_failures(tiny.settings, "second")] == [batch]
    let_through(tiny, release_id=release)
    assert overrides.open_failures(tiny.settings, key) == []
    evidence = tiny.call("auditor", "select max(validation_id) from ctl.validation")
    assert overrides.waived_validations(tiny.settings, range(1, evidence + 1)) == {
        tiny.call("auditor", "select max(validation_id) from ctl.validation where stage = 'marts'")
    }


@pytest.mark.parametrize(
    "other",
    [
        {"rule": "another_rule"},
        {"stage": "staging", "object_name": "stg"},
        {"release_id": 1},
    ],
    ids=["rule", "object", "release"],
)
def test_an_override_of_something_else_lets_nothing_through(
    tiny: TinyWarehouse, other: dict[str, Any]
) -> None:
    tiny.released(JULY, {"a": "1.00"})
    let_through(tiny, **other)
    assert tiny.publish(failing(tiny))["decision"] == "refused"


def test_an_expired_or_revoked_override_does_not_count(tiny: TinyWarehouse) -> None:
    number = let_through(tiny)
    admin = tiny.as_role("admin")
    admin.execute("set role rapport_owner")
    admin.execute("update ctl.override set expires_at = now() - interval '1 second'")
    assert tiny.publish(failing(tiny))["decision"] == "refused"
    admin.execute("update ctl.override set expires_at = now() + interval '1 day'")
    admin.execute("reset role")
    overrides.revoke(tiny.settings, number, revoked_by="li.wei", reason="mended")
    assert tiny.publish(failing(tiny))["decision"] == "refused"
    assert [item.state for item in overrides.list_overrides(tiny.settings)] == ["revoked"]
    with pytest.raises(RapportError, match="no override"):
        overrides.revoke(tiny.settings, number, revoked_by="li.wei", reason="again")


def test_other_evidence_is_not_let_through_with_it(tiny: TinyWarehouse) -> None:
    """Only the failure is waived: the suite, its size and the content hash must still fit."""
    let_through(tiny)
    assert tiny.publish(failing(tiny, suite_hash="another"))["decision"] == "refused"
    twice = FAILED["results"] * 2  # type: ignore[operator]
    assert tiny.publish(failing(tiny, results=twice))["decision"] == "refused"


def test_a_warning_needs_an_override_where_the_deployment_says_so(tiny: TinyWarehouse) -> None:
    warning = {"results": [{**FAILED["results"][0], "severity": "warning"}]}  # type: ignore[index]
    assert tiny.publish(failing(tiny, **warning))["decision"] == "published"
    admin = tiny.as_role("admin")
    admin.execute("set role rapport_owner")
    admin.execute("update ctl.code_version set warnings_need_override = true")
    admin.execute("reset role")
    assert tiny.publish(failing(tiny, **warning))["reasons"] == [
        "warning amounts_are_right of marts tiny has no override"
    ]
    let_through(tiny)
    assert tiny.publish(failing(tiny, **warning))["decision"] == "published"


def test_what_could_not_be_evaluated_is_never_let_through(tiny: TinyWarehouse) -> None:
    let_through(tiny)
    unknown = [{**FAILED["results"][0], "observed": "could not be evaluated: no table"}]  # type: ignore[index]
    assert tiny.publish(failing(tiny, results=unknown))["decision"] == "refused"


def test_a_batch_that_failed_is_accepted_with_an_override(tiny: TinyWarehouse) -> None:
    batch = tiny.land("second", "b", accept=False)
    tiny.evidence("landing", "src__t", batch=batch, **FAILED)
    accept = "select ctl.accept_batch(%s)"
    assert tiny.call("validator", accept, batch)["decision"] == "refused"
    let_through(tiny, stage="landing", object_name="src__t", batch_seq=batch)
    assert tiny.call("validator", accept, batch)["decision"] == "accepted"
    tiny.released(JULY, {"a": "1.00"})
    waivers = tiny.as_role("bi_reader").execute("select stage, batch_seq from mart.waivers")
    assert waivers.fetchall() == [("landing", batch)]


@pytest.mark.parametrize(
    "wrong",
    [
        {"approved_by": " "},
        {"approved_by": "nobody"},
        {"reason": "because"},
        {"expires_at": datetime.now(UTC) - timedelta(minutes=1)},
        {"expires_at": datetime.now(UTC) + timedelta(days=400)},
        {"object_name": "no_such_table"},
        {"release_id": 999},
        {"batch_seq": 1},
    ],
    ids=str,
)
def test_an_override_without_person_reason_or_end_is_refused(
    tiny: TinyWarehouse, wrong: dict[str, Any]
) -> None:
    with pytest.raises(RapportError, match="not recorded"):
        let_through(tiny, **wrong)


def test_who_publishes_or_validates_cannot_waive_and_who_waives_cannot_publish(
    tiny: TinyWarehouse,
) -> None:
    add = "select ctl.add_override('marts', 'tiny', 'r', null, null, 'long enough', 'me', now())"
    for role, statement in (
        ("publisher", add),
        ("validator", add),
        ("transformer", add),
        ("approver", "select ctl.publish(1, 'me')"),
        ("approver", "insert into ctl.override default values"),
        ("approver", "select * from store.tiny"),
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            tiny.as_role(role).execute(statement.encode())
