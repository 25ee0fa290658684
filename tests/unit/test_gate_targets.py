"""Which rows a suite judges, and what its placeholders stand for."""

from __future__ import annotations

from datetime import date

import pytest

from rapport.errors import RapportError
from rapport.quality.model import Expectation, Reason, Stage, Suite
from rapport.quality.targets import Scope

RULE = Expectation(
    "rule", "expect_table_row_count_to_be_between", {}, "critical", Reason("e", "z", "o", date.min)
)
BATCH = Scope(batch_seq=7, source="crm")
RELEASE = Scope(release_id=3, slot="build_2", as_of="2026-10-31")


def suite(stage: Stage, name: str) -> Suite:
    return Suite(stage, "s", name, ("id",), (RULE,), landed={"loans": ("files", "loans")})


@pytest.mark.parametrize(
    ("scope", "stage", "name", "relation"),
    [
        (
            BATCH,
            "landing",
            "crm__clients",
            "(select * from landing.crm__clients where _from_batch = 7 and _is_deleted = false)",
        ),
        (BATCH, "landing", "crm", "(select * from ctl.batch_table where batch_seq = 7)"),
        (
            RELEASE,
            "staging",
            "release_input",
            "(select * from ctl.release_input where release_id = 3)",
        ),
        (RELEASE, "marts", "clients", "(select * from build_2.clients where true)"),
    ],
)
def test_only_the_rows_of_this_batch_or_release_are_judged(
    scope: Scope, stage: Stage, name: str, relation: str
) -> None:
    assert scope.target(suite(stage, name)).relation() == relation


def test_placeholders_become_literals_of_this_release() -> None:
    text = RELEASE.expand("select ${as_of}, ${release_id} from ${slot}.x", suite("marts", "x"))
    assert text == "select date '2026-10-31', 3 from build_2.x"


def test_what_was_landed_is_read_at_the_frozen_inputs_of_every_source() -> None:
    text = RELEASE.expand("${landed}", suite("staging", "stg_canonical__loans"))
    assert text.count("union all") == 1
    for part in ("landing.files__loans", "landing.loans__loans", "t._from_batch <= i.batch_seq"):
        assert part in text
    assert "limit 0" in RELEASE.expand("${landed:clients}", suite("marts", "x"))


def test_totals_cover_every_amount_of_the_entity() -> None:
    text = RELEASE.expand("${totals}", suite("staging", "stg_canonical__transactions"))
    assert text == (
        "count(*) as row_count, sum(amount) as amount, sum(principal_part) as principal_part,"
        " sum(interest_part) as interest_part"
    )


@pytest.mark.parametrize("text", ["${slot}", "${as_of}", "${nonsense}", "${landed:nonsense}"])
def test_a_placeholder_that_means_nothing_here_is_an_error(text: str) -> None:
    with pytest.raises(RapportError, match="means nothing at this stage"):
        BATCH.expand(text, suite("landing", "crm"))
