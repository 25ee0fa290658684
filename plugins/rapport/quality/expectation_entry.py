"""One expectation of a suite file, strictly: nothing unknown, nothing unexplained."""

from __future__ import annotations

import importlib.util
import re
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from rapport.quality.entry import Entry
from rapport.quality.model import CUSTOM_SQL, SEVERITIES, Expectation, Reason, Severity

_RULE = re.compile(r"^[a-z][a-z0-9_]{2,80}$")
# Keys are proven by dbt tests, landing indexes and the primary keys of the store.
_UNIQUENESS = frozenset(
    {
        "expect_column_values_to_be_unique",
        "expect_compound_columns_to_be_unique",
        "expect_multicolumn_values_to_be_unique",
    }
)
# The runner sets these itself: the batch or release is no business of a suite file.
_RESERVED = ("row_condition", "condition_parser", "batch_id", "result_format", "severity")


def read(entry: Entry, *, owner: str) -> Expectation:
    """Typed expectation of one YAML entry.

    Raises:
        RapportError: names file, line and key.
    """
    entry.keys_only("rule", "type", "kwargs", "severity", "reason", "owner", "since")
    rule = entry["rule"].text()
    if not _RULE.match(rule):
        raise entry["rule"].error("a rule is named in lower_snake_case")
    kind = entry["type"].text()
    if kind not in known_types():
        raise entry["type"].error(f"Great Expectations has no type {kind!r}")
    if kind in _UNIQUENESS:
        raise entry["type"].error(
            "uniqueness is not a gate's business; a key is checked where it is declared",
            next_step="Use a primary key in the dbt model, or "
            "expect_column_proportion_of_unique_values_to_be_between for a share.",
        )
    severity = entry["severity"].text()
    if severity not in SEVERITIES:
        raise entry["severity"].error(f"must be one of: {', '.join(SEVERITIES)}")
    return Expectation(rule, kind, _kwargs(entry, kind), _severity(severity), _why(entry, owner))


def reason(entry: Entry, *, owner: str) -> Reason:
    """The ``{en, zh, since, owner?}`` that an allowance must carry."""
    entry.keys_only("en", "zh", "since", "owner")
    by = entry.get("owner")
    return Reason(
        entry["en"].text(), entry["zh"].text(), by.text() if by else owner, _day(entry["since"])
    )


@cache
def known_types() -> frozenset[str]:
    """Names of the expectation types, from file names: importing the library costs seconds."""
    spec = importlib.util.find_spec("great_expectations")
    if spec is None or spec.origin is None:
        raise RuntimeError("great_expectations is not installed")
    folder = Path(spec.origin).parent / "expectations" / "core"
    return frozenset(f.stem for f in folder.glob("expect_*.py")) | {CUSTOM_SQL}


def _kwargs(entry: Entry, kind: str) -> dict[str, Any]:
    given = entry["kwargs"]
    for key, child in given.mapping().items():
        if key in _RESERVED:
            raise child.error("is set by the runner, not by a suite")
    kwargs: dict[str, Any] = given.value
    if kind == CUSTOM_SQL:
        given.keys_only("unexpected_rows_query", "description")
        if "{batch}" not in given["unexpected_rows_query"].text():
            raise given["unexpected_rows_query"].error(
                "must read {batch}: otherwise it judges something else than this object"
            )
    return {k: v.isoformat() if isinstance(v, date) else v for k, v in kwargs.items()}


def _severity(text: str) -> Severity:
    return "critical" if text == "critical" else "warning"


def _why(entry: Entry, owner: str) -> Reason:
    text, by = entry["reason"], entry.get("owner")
    text.keys_only("en", "zh")
    return Reason(
        text["en"].text(), text["zh"].text(), by.text() if by else owner, _day(entry["since"])
    )


def _day(entry: Entry) -> date:
    if type(entry.value) is not date:
        raise entry.error("must be a date, YYYY-MM-DD: a tolerance is decided on some day")
    return entry.value
