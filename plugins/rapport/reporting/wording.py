"""How figures, thresholds and decisions are put into words, English and Chinese."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

IDENTITY = ("landed", "unchanged", "quarantined", "deduplicated", "superseded")
_STAGES = {
    "landing": ("Landing", "落地"),
    "staging": ("Staging", "暂存"),
    "marts": ("Marts", "集市"),
}
_DECISIONS = {
    "published": ("good", "PUBLISHED", "已发布"),
    "refused": ("bad", "REFUSED – nothing was published", "拒绝发布"),
    "failed": ("bad", "FAILED – nothing was published", "失败，未发布"),
    "abandoned": ("bad", "ABANDONED – nothing was published", "已放弃，未发布"),
    "pruned": ("idle", "PRUNED – published once, data removed since", "曾发布，数据已清理"),
    "reproduced": ("idle", "REPRODUCTION – built to compare, never published", "重算比对，不发布"),
}


def decision(status: str, has_failures: bool) -> tuple[str, str, str]:
    """Tone (good, bad, idle) and the two words for what became of a release."""
    if status in _DECISIONS:
        return _DECISIONS[status]
    if has_failures:
        return "bad", "STOPPED AT A GATE – nothing was published", "被关卡拦截，未发布"
    return "idle", f"NOT PUBLISHED (YET): {status}", "尚未发布"


def stage(name: str) -> tuple[str, str]:
    return _STAGES.get(name, (name, name))


def threshold(gate: Mapping[str, Any]) -> str:
    """What the rule asks for, from the arguments it was run with."""
    kwargs = gate["kwargs"]
    if "unexpected_rows_query" in kwargs:
        return "no such row / 不得有此类行"
    parts = []
    low, high = kwargs.get("min_value"), kwargs.get("max_value")
    if low is not None:
        parts.append(f"{'>' if kwargs.get('strict_min') else '≥'} {low}")
    if high is not None:
        parts.append(f"{'<' if kwargs.get('strict_max') else '≤'} {high}")
    if "value_set" in kwargs:
        parts.append("in " + ", ".join(str(v) for v in kwargs["value_set"]))
    if "regex" in kwargs:
        parts.append(f"matches {kwargs['regex']}")
    if "mostly" in kwargs:
        parts.append(f"in {_percent(kwargs['mostly'])} % of rows")
    return ", ".join(parts) or "in every row / 每一行"


def _percent(share: float) -> str:
    return f"{(Decimal(str(share)) * 100).normalize():f}"


def rule(gate: Mapping[str, Any]) -> str:
    return str(gate["kwargs"].get("rule") or gate["expectation_type"])


def key_text(key: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={value}" for name, value in key.items())


def number(value: Any) -> str:
    """Thousands apart, exactly; – for nothing."""
    if value is None:
        return "–"
    if isinstance(value, int | Decimal):
        return f"{value:,}"
    return str(value)


def moment(value: datetime | None) -> str:
    return "–" if value is None else value.strftime("%Y-%m-%d %H:%M:%S UTC")


def money_lines(counts: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Per table and currency: money read, its five parts, and the difference (0 or a defect)."""
    lines = []
    for row in counts:
        money = row["money"] or {}
        currencies = sorted({c for part in money.values() for c in part})
        for currency in currencies:
            amounts = {
                part: Decimal(str(money.get(part, {}).get(currency, 0)))
                for part in ("read", *IDENTITY)
            }
            difference = amounts["read"] - sum(amounts[part] for part in IDENTITY)
            lines.append({**row, "currency": currency, **amounts, "difference": difference})
    return lines
