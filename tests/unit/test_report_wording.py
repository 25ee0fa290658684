"""What a release page says in words and figures."""

from __future__ import annotations

import subprocess
from decimal import Decimal
from typing import Any

import pytest

from rapport.quality.errors import detail_command
from rapport.reporting import wording


def test_money_that_is_not_accounted_for_shows_as_a_difference_to_the_cent() -> None:
    money = {"read": {"CNY": "100.00", "USD": "5.00"}, "landed": {"CNY": "99.99", "USD": "5.00"}}
    lines = wording.money_lines([{"table_name": "loans", "money": money}])
    assert [(line["currency"], line["difference"]) for line in lines] == [
        ("CNY", Decimal("0.01")),
        ("USD", Decimal("0.00")),
    ]


@pytest.mark.parametrize(
    ("kwargs", "expected"),
    [
        ({"min_value": 0, "strict_min": True}, "> 0"),
        ({"min_value": 0, "max_value": 1, "mostly": 0.999}, "≥ 0, ≤ 1, in 99.9 % of rows"),
        ({"value_set": ["a", "b"]}, "in a, b"),
        ({"column": "name"}, "in every row / 每一行"),
        ({"unexpected_rows_query": "select 1"}, "no such row / 不得有此类行"),
    ],
)
def test_a_threshold_is_put_into_words(kwargs: dict[str, Any], expected: str) -> None:
    assert wording.threshold({"kwargs": kwargs}) == expected


@pytest.mark.parametrize("status", ["refused", "failed", "abandoned"])
def test_what_was_not_published_says_so(status: str) -> None:
    tone, english, chinese = wording.decision(status, has_failures=False)
    assert (tone, "nothing was published" in english) == ("bad", True)
    assert "未发布" in chinese or "拒绝发布" in chinese


def test_a_candidate_with_a_failed_gate_is_no_quiet_work_in_progress() -> None:
    assert wording.decision("sealed", has_failures=True)[0] == "bad"
    assert wording.decision("sealed", has_failures=False)[0] == "idle"


def test_the_detail_command_survives_a_shell() -> None:
    query = """select "a" from t where b ~ '^[A-Z]{3}$' and c = `d` and e = E'\\\\'"""
    command = detail_command(query).removeprefix("rapport psql validator -c ")
    shell = subprocess.run(
        ["sh", "-c", f"printf %s {command}"], capture_output=True, text=True, check=True
    )
    assert shell.stdout == query
