"""Gates on a real PostgreSQL: bad data is stopped at each stage, and the evidence says how."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from psycopg.rows import dict_row

from rapport.errors import RapportError
from rapport.local.postgres import EmbeddedPostgres
from rapport.notifications.event import gate_reasons
from rapport.quality.errors import GateFailed
from rapport.quality.model import Outcome, Suite
from rapport.quality.runner import require_passed, validate
from rapport.quality.suites import load_suites
from rapport.reporting import release_page
from rapport.settings import Settings, load
from rapport.warehouse import dsn
from support.tiny_release import TREE, TinyWarehouse, tiny_warehouse

OCTOBER = date(2026, 10, 31)
LANDING, STAGING, MARTS = "landing/src.yml", "staging/stg.yml", "marts/tiny.yml"
WHY = "since: 2026-11-23, reason: {en: Because., zh: 因为。}"
NOT_X = f"""
      - {{rule: value_is_known, type: expect_column_values_to_be_in_set, severity: critical,
         kwargs: {{column: v, value_set: [x, y]}}, {WHY}}}"""
POSITIVE = f"""
      - {{rule: amount_is_positive, type: expect_column_values_to_be_between, severity: critical,
         kwargs: {{column: amount, min_value: 0}}, {WHY}}}"""


def document(name: str, key: str, rules: str, *, may_be_empty: bool = False) -> str:
    allowed = "    allow_empty: {en: May be., zh: 可以。, since: 2026-11-23}\n"
    return (
        f"owner: stewards\nobjects:\n  {name}:\n    key: [{key}]\n"
        f"{allowed if may_be_empty else ''}    expectations:{rules}\n"
    )


@dataclass(frozen=True)
class Table:
    key: tuple[str, ...] = ("id",)
    entity: str | None = None


@dataclass(frozen=True)
class Contract:
    source: str = "src"
    layout: str = "models"
    tables: dict[str, Table] = field(default_factory=lambda: {"t": Table()})


@dataclass
class Gates:
    """The tiny warehouse with suites of this test, registered as the required ones."""

    tiny: TinyWarehouse
    root: Path
    suites: list[Suite] = field(default_factory=list)

    @property
    def settings(self) -> Settings:
        return load().model_copy(update={"reports_dir": self.root / "reports"})

    def write(self, **files: str) -> None:
        for stage, (name, text) in {
            "landing": (LANDING, files.get("landing")),
            "staging": (STAGING, files.get("staging")),
            "marts": (MARTS, files.get("marts")),
        }.items():
            path = self.root / "expectations" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            default = {
                "landing": document("src__t", "id", NOT_X),
                "staging": document("stg", "n", _row_count(1)),
                "marts": document("tiny", "client_id", POSITIVE),
            }[stage]
            path.write_text(text or default, encoding="utf-8")
        self.suites = load_suites(Settings(root=self.root), {"src": Contract()})
        admin = self.tiny.as_role("admin")
        admin.execute("set role rapport_owner")
        admin.execute("delete from ctl.required_suite")
        for s in self.suites:
            admin.execute(
                "insert into ctl.required_suite values (%s, %s, %s, %s, %s, %s, %s)",
                [
                    TREE,
                    s.stage,
                    s.suite,
                    s.object,
                    s.suite_hash,
                    s.expectation_count,
                    s.allow_empty,
                ],
            )
        admin.execute("reset role")

    def of(self, stage: str) -> list[Suite]:
        return [s for s in self.suites if s.stage == stage]

    def judge(self, stage: str, **scope: Any) -> list[Outcome]:
        validator = dsn.role_dsn(self.settings, "validator")
        return validate(self.settings, self.of(stage), validator_dsn=validator, **scope)

    def land(self, run_key: str, **rows: str) -> int:
        batch, fence = self.tiny.open_batch(run_key)
        loader = self.tiny.as_role("loader")
        for key, value in rows.items():
            loader.execute(
                "insert into landing.src__t (id, v, _from_batch) values (%s, %s, %s)",
                [key, value, batch],
            )
        n = len(rows)
        counts = f'{{"read": {n}, "landed": {n}, "unchanged": 0, "quarantined": 0,'
        counts += ' "deduplicated": 0, "superseded": 0, "tombstoned": 0}'
        loader.execute("select ctl.record_table(%s, %s, 't', %s)", [batch, fence, counts])
        loader.execute("select ctl.complete_batch(%s, %s)", [batch, fence])
        return batch

    def accept(self, batch: int) -> dict[str, Any]:
        return dict(self.tiny.call("validator", "select ctl.accept_batch(%s)", batch))

    def candidate(self, rows: dict[str, str]) -> tuple[int, str]:
        """A sealed release whose staging has passed, and its slot."""
        release = self.tiny.open_release(OCTOBER)
        transformer = self.tiny.as_role("transformer")
        slot = self.tiny.call("transformer", "select ctl.prepare_build(%s, 'staging')", release)
        transformer.execute(f"create table {slot}.stg as select 1 as n".encode())
        self.tiny.call("transformer", "select ctl.seal_staging(%s)", release)
        require_passed(self.judge("staging", release_id=release, schema=slot))
        self.tiny.call("transformer", "select ctl.prepare_build(%s, 'marts')", release)
        transformer.execute(
            f"create table {slot}.tiny (client_id text, as_of_date date, amount numeric)".encode()
        )
        for client, amount in rows.items():
            transformer.execute(
                f"insert into {slot}.tiny values (%s, %s, %s)".encode(), [client, OCTOBER, amount]
            )
        self.tiny.seal(release)
        return release, str(slot)

    def released(self, rows: dict[str, str]) -> int:
        release, slot = self.candidate(rows)
        require_passed(self.judge("marts", release_id=release, schema=slot))
        assert self.tiny.publish(release)["reasons"] == []
        return release

    def evidence(self, query: str, *values: object) -> Sequence[dict[str, Any]]:
        with self.tiny.as_role("auditor").cursor(row_factory=dict_row) as cursor:
            return cursor.execute(query.encode(), values).fetchall()


def _row_count(low: int) -> str:
    return f"""
      - {{rule: there_are_rows, type: expect_table_row_count_to_be_between, severity: critical,
         kwargs: {{min_value: {low}}}, {WHY}}}"""


@pytest.fixture
def gates(
    server: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Gates]:
    with tiny_warehouse(server, monkeypatch) as tiny:
        made = Gates(tiny, tmp_path)
        made.write()
        batch = made.land("first", a="x", b="y")
        require_passed(made.judge("landing", batch_seq=batch))
        assert made.accept(batch)["decision"] == "accepted"
        yield made


def test_landing_stops_a_bad_batch_and_names_table_rule_count_and_keys(gates: Gates) -> None:
    gates.released({"a": "1.00"})
    batch = gates.land("second", c="x", d="wrong", e="worse")
    with pytest.raises(GateFailed) as caught:
        require_passed(gates.judge("landing", batch_seq=batch))
    message = str(caught.value)
    assert "suite landing/src, table landing.src__t, rule / 规则 value_is_known (v)" in message
    assert "2 of 3 rows" in message
    assert "id=d; id=e" in message
    assert f"_from_batch = {batch}" in message
    assert 'rapport psql validator -c "' in message
    assert "Because. / 因为。 (stewards, 2026-11-23)" in message
    assert gate_reasons(caught.value) == ("landing: src__t: value_is_known: 2 of 3 rows",)
    assert gates.accept(batch)["decision"] == "refused"
    assert gates.tiny.seen(OCTOBER) == {"a": "1.00"}


def test_staging_stops_a_bad_build_and_readers_keep_the_last_release(gates: Gates) -> None:
    gates.released({"a": "1.00"})
    gates.write(staging=document("stg", "n", _row_count(2)))
    with pytest.raises(GateFailed, match=r"staging/stg, table build_\d\.stg, rule .*: 1\n"):
        gates.candidate({"a": "2.00"})
    assert gates.tiny.seen(OCTOBER) == {"a": "1.00"}


def test_marts_stop_a_bad_candidate_even_if_somebody_publishes_it_by_hand(gates: Gates) -> None:
    gates.released({"a": "1.00"})
    release, slot = gates.candidate({"a": "2.00", "b": "-0.01"})
    with pytest.raises(GateFailed, match=r"client_id=b, amount=-0\.01"):
        require_passed(gates.judge("marts", release_id=release, schema=slot))
    decision = gates.tiny.publish(release)
    assert decision["decision"] == "refused"
    assert gates.tiny.seen(OCTOBER) == {"a": "1.00"}


def test_a_failed_warning_is_recorded_and_does_not_stop(gates: Gates) -> None:
    gates.write(marts=document("tiny", "client_id", POSITIVE.replace("critical", "warning")))
    release, slot = gates.candidate({"a": "-1.00"})
    (outcome,) = gates.judge("marts", release_id=release, schema=slot)
    assert outcome.is_passed
    assert [f.expectation.rule for f in outcome.warnings] == ["amount_is_positive"]
    assert gates.tiny.publish(release)["decision"] == "published"


def test_an_empty_table_passes_no_check_unless_that_is_allowed(gates: Gates) -> None:
    release, slot = gates.candidate({})
    (outcome,) = gates.judge("marts", release_id=release, schema=slot)
    assert not outcome.is_passed
    with pytest.raises(GateFailed, match="no rows / 没有数据"):
        require_passed([outcome])
    assert gates.tiny.publish(release)["decision"] == "refused"


def test_an_empty_table_may_be_allowed_with_a_reason(gates: Gates) -> None:
    gates.write(marts=document("tiny", "client_id", POSITIVE, may_be_empty=True))
    gates.released({})
    assert gates.tiny.seen(OCTOBER) == {}


def test_no_suite_is_no_pass(gates: Gates) -> None:
    with pytest.raises(RapportError, match="no suite means no evidence"):
        validate(gates.settings, [], validator_dsn="unused", batch_seq=1)


def test_only_the_rows_of_the_batch_are_judged(gates: Gates) -> None:
    bad = gates.land("second", c="wrong")
    with pytest.raises(GateFailed):
        require_passed(gates.judge("landing", batch_seq=bad))
    gates.tiny.call("validator", "select ctl.reject_batch(%s, 'test')", bad)
    good = gates.land("third", d="x", e="y")
    (outcome,) = gates.judge("landing", batch_seq=good)
    assert (outcome.is_passed, outcome.rows_evaluated) == (True, 2)
    assert gates.accept(good)["decision"] == "accepted"


def test_suites_of_another_source_or_an_unknown_batch_are_refused(gates: Gates) -> None:
    batch = gates.land("second", c="x")
    for suite in (gates.of("marts")[0], gates.of("staging")[0]):
        with pytest.raises(RapportError, match="cannot judge it"):
            validate(
                gates.settings,
                [suite],
                validator_dsn=dsn.role_dsn(gates.settings, "validator"),
                batch_seq=batch,
            )
    with pytest.raises(RapportError, match="Batch 999 does not exist"):
        gates.judge("landing", batch_seq=999)


def test_an_expectation_that_raises_is_a_failed_one_and_the_others_still_count(
    gates: Gates,
) -> None:
    broken = f"""
      - {{rule: no_such_column, type: expect_column_values_to_not_be_null, severity: critical,
         kwargs: {{column: nowhere}}, {WHY}}}
      - {{rule: no_such_table, type: unexpected_rows_expectation, severity: critical,
         kwargs: {{unexpected_rows_query: "select * from {{batch}} as b, nowhere"}}, {WHY}}}
      - {{rule: wrong_arguments, type: expect_column_values_to_be_in_set, severity: critical,
         kwargs: {{column: v, mostly: 7}}, {WHY}}}"""
    gates.write(landing=document("src__t", "id", NOT_X + broken))
    batch = gates.land("second", c="x")
    (outcome,) = gates.judge("landing", batch_seq=batch)
    found = {f.expectation.rule: f for f in outcome.findings}
    assert found["value_is_known"].is_passed
    for rule in ("no_such_column", "no_such_table", "wrong_arguments"):
        assert not found[rule].is_passed
        assert str(found[rule].observed).startswith("could not be evaluated: ")
    assert gates.accept(batch)["decision"] == "refused"


@pytest.mark.parametrize("may_be_empty", [True, False])
def test_a_table_that_is_not_there_is_not_an_empty_one(gates: Gates, may_be_empty: bool) -> None:
    mean = f"""
      - {{rule: mean_is_low, type: expect_column_mean_to_be_between, severity: critical,
         kwargs: {{column: amount, max_value: 9}}, {WHY}}}"""
    gates.write(staging=document("gone", "n", mean, may_be_empty=may_be_empty))
    with pytest.raises(GateFailed, match=r"mean_is_low .*: could not be evaluated: "):
        gates.candidate({"a": "1.00"})


def test_evidence_holds_figures_at_most_ten_keys_and_a_query_that_finds_them_all(
    gates: Gates,
) -> None:
    rows = {f"k{n:02}": "wrong" for n in range(12)}
    batch = gates.land("second", ok="x", **rows)
    (outcome,) = gates.judge("landing", batch_seq=batch)
    (row,) = gates.evidence(
        "select v.*, r.* from ctl.validation as v join ctl.validation_result as r"
        " using (validation_id) where v.validation_id = %s",
        outcome.validation_id,
    )
    assert (row["batch_seq"], row["rows_evaluated"], row["run_count"]) == (batch, 13, 1)
    assert row["suite_hash"] == outcome.suite.suite_hash
    assert row["kwargs"] == {"rule": "value_is_known", "column": "v", "value_set": ["x", "y"]}
    assert (row["observed"], row["unexpected_count"]) == ("12 of 13 rows", 12)
    keys = gates.evidence(
        "select key_values from ctl.failed_row where validation_id = %s", outcome.validation_id
    )
    assert len(keys) == 10
    assert keys[0]["key_values"] == {"id": "k00"}  # the value itself might name a person
    found = gates.tiny.as_role("validator").execute(row["detail_query"].encode()).fetchall()
    assert len(found) == 12


def test_a_limit_that_is_a_date_still_gives_keys_and_a_query_that_runs(gates: Gates) -> None:
    rule = f"""
      - {{rule: not_of_the_past, type: expect_column_values_to_be_between, severity: critical,
         kwargs: {{column: as_of_date, min_value: 2027-01-01}}, {WHY}}}"""
    gates.write(marts=document("tiny", "client_id", rule))
    release, slot = gates.candidate({"a": "1.00"})
    with pytest.raises(GateFailed, match="client_id=a") as caught:
        require_passed(gates.judge("marts", release_id=release, schema=slot))
    assert "datetime" not in str(caught.value)


def test_many_suites_at_once_judge_each_its_own_table(gates: Gates) -> None:
    for n in range(1, 5):
        rules = _row_count(n) + _row_count(n).replace("there_are_rows", "no_more").replace(
            "min_value", "max_value"
        )
        path = gates.root / "expectations" / "staging" / f"t{n}.yml"
        path.write_text(document(f"t{n}", "n", rules), encoding="utf-8")
    suites = load_suites(Settings(root=gates.root), {"src": Contract()})
    release = gates.tiny.open_release(OCTOBER)
    slot = gates.tiny.call("transformer", "select ctl.prepare_build(%s, 'staging')", release)
    for n in range(1, 5):
        gates.tiny.as_role("transformer").execute(
            f"create table {slot}.t{n} as select n from generate_series(1, {n}) as n".encode()
        )
    mine = [s for s in suites if s.object.startswith("t") and s.stage == "staging"] * 3
    outcomes = validate(
        gates.settings,
        mine,
        validator_dsn=dsn.role_dsn(gates.settings, "validator"),
        release_id=release,
        schema=str(slot),
    )
    assert [o.is_passed for o in outcomes] == [True] * 12
    assert [o.rows_evaluated for o in outcomes] == [int(s.object[1:]) for s in mine]


def test_the_shipped_suites_are_understood_by_great_expectations() -> None:
    from rapport.quality.engine import domain_object
    from rapport.sources.contracts import load_contracts

    suites = load_suites(load(), load_contracts(load()))
    made = [domain_object(e, e.kwargs, n) for s in suites for n, e in enumerate(s.expectations)]
    assert len(made) > 100


def test_the_page_of_a_published_release_tells_decision_figures_and_change(gates: Gates) -> None:
    first = gates.released({"a": "1.00", "b": "2.00"})
    second = gates.released({"a": "1.50", "c": "3.00"})
    auditor = dsn.role_dsn(gates.settings, "auditor")
    page = release_page.write(gates.settings, second, auditor).read_text(encoding="utf-8")
    assert "PUBLISHED" in page
    assert "已发布" in page
    assert f'release <span lang="zh">版本</span> {first}' in page
    assert "amount (1)" in page
    assert "value is known" in page
    (old,) = gates.evidence("select content_hash from ctl.store_mart where release_id = %s", second)
    assert old["content_hash"] in page
    for outside in ("<script", "http://", "https://", "<link", "<img", "@import"):
        assert outside not in page


def test_the_page_of_a_run_that_failed_at_landing_shows_the_rule_first_and_escapes_data(
    gates: Gates,
) -> None:
    release = gates.tiny.call(
        "transformer", "select ctl.open_release(%s, 'bad', %s, null, '{}')", OCTOBER, TREE
    )
    batch = gates.land("bad", **{"<script>alert(1)</script>": "wrong"})
    with pytest.raises(GateFailed) as caught:
        require_passed(gates.judge("landing", batch_seq=batch))
    gates.tiny.call("transformer", "select ctl.fail_release(%s, %s)", release, str(caught.value))
    auditor = dsn.role_dsn(gates.settings, "auditor")
    path = release_page.write(gates.settings, release, auditor)
    page = path.read_text(encoding="utf-8")
    assert path.name == f"release_{release}.html"
    assert [p.name for p in path.parent.iterdir()] == [path.name]
    assert "FAILED – nothing was published" in page
    assert page.index("value is known") < page.index("Every row accounted for")
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<script" not in page
    assert "Nothing is published for this date." in page


def test_a_page_of_no_release_says_so(gates: Gates) -> None:
    with pytest.raises(RapportError, match="There is no release 999"):
        release_page.write(gates.settings, 999, dsn.role_dsn(gates.settings, "auditor"))
