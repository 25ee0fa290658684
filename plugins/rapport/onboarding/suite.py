"""First expectations of a new source, from the values it has today."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import yaml

from rapport.onboarding.profiles import ColumnProfile
from rapport.onboarding.tables import NewTable
from rapport.sources.table_contract import Column

_CODES = 12
"""Different values up to which a full text column is taken for a code."""


def suite_text(source: str, tables: Sequence[NewTable]) -> str:
    """YAML of the landing suite; every rule warns until a person has thought about it."""
    today = date.today().isoformat()
    objects: dict[str, Any] = {}
    for table in tables:
        rules = [r for c, p in zip(table.columns, table.profile.columns, strict=True)
                 for r in _rules(c, p, today)]  # fmt: skip
        if rules:
            objects[f"{source}__{table.profile.name}"] = {
                "allow_empty": {
                    "en": "A load lands only what changed.",
                    "zh": "每次只落地有变化的行。",
                    "since": date.today(),
                },
                "expectations": rules,
            }
    if not objects:
        counts = {"rule": "rows_were_read", "type": "expect_column_sum_to_be_between"}
        objects[source] = {"expectations": [{
            **counts, "kwargs": {"column": "rows_read", "min_value": 1}, "severity": "critical",
            **_reason("A load without rows is an empty folder.", "没有任何行。"),
        }]}  # fmt: skip
    head = (
        f"# {source}: first expectations, from the values of {today}. They warn; make critical what"
        " must hold,\n# and give every tolerance its own reason.\n"
    )
    document = {"owner": "to-be-named", "objects": objects}
    return head + yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=100)


def _rules(column: Column, profile: ColumnProfile, today: str) -> list[dict[str, Any]]:
    if column.is_person or not profile.rows:
        return []
    share = 1 - profile.nulls / profile.rows
    rules: list[dict[str, Any]] = []
    if 0.05 < share < 1:
        rules.append(
            {
                "rule": f"{column.name}_is_as_full_as_before",
                "type": "expect_column_values_to_not_be_null",
                "kwargs": {"column": column.name, "mostly": round(share * 0.9, 3)},
                "severity": "warning",
                **_reason(
                    f"{share:.1%} had a value on {today}.", f"{today} 有值比例 {share:.1%}。"
                ),
            }
        )
    if column.type == "text" and profile.is_full and 1 < len(profile.counts) <= _CODES:
        rules.append(
            {
                "rule": f"{column.name}_is_a_known_code",
                "type": "expect_column_values_to_be_in_set",
                "kwargs": {"column": column.name, "value_set": sorted(profile.counts)},
                "severity": "warning",
                **_reason(f"These were all codes on {today}.", f"{today} 的全部代码。"),
            }
        )
    if column.type == "date":
        rules.append(
            {
                "rule": f"{column.name}_falls_into_sensible_years",
                "type": "expect_column_values_to_be_between",
                "kwargs": {
                    "column": column.name,
                    "min_value": date(1900, 1, 1),
                    "max_value": date(2100, 1, 1),
                },
                "severity": "warning",
                **_reason("Outside is a misread format.", "范围之外多为格式误读。"),
            }
        )
    return rules


def _reason(en: str, zh: str) -> dict[str, Any]:
    return {"since": date.today(), "reason": {"en": en, "zh": zh}}
