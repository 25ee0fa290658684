"""What a person is told when a gate stops a run."""

from __future__ import annotations

from collections.abc import Sequence

from rapport.errors import RapportError
from rapport.quality.model import Finding, Outcome

_SHOWN = 10


class GateFailed(RapportError):
    """Critical expectations failed; nothing is published and the last release stays.

    ``outcomes`` are the failed ones; the evidence of all is in ``ctl.validation``.
    """

    def __init__(self, outcomes: Sequence[Outcome]) -> None:
        self.outcomes = tuple(outcomes)
        count = sum(max(1, len(o.failures)) for o in outcomes)
        stage = outcomes[0].suite.stage
        lines = [
            f"{stage} gate failed: {_critical(count, 'rule')} not met; nothing is published, "
            "the last release stays readable.",
            f"{stage} 关卡未通过：{count} 条关键规则不满足；不会发布，上一版本仍可读取。",
        ]
        for outcome in outcomes:
            lines += _described(outcome)
        super().__init__(
            "\n".join(lines),
            next_step="Mend the data at its source (or the rule, with a dated reason) and run "
            "again: `rapport run --as-of D`; or let it through on record, `rapport override add`, "
            "then `rapport run --as-of D --no-extract`. "
            "请在源头修正数据（或注明日期与理由调整规则）后重新运行；或登记放行后不抽取重跑。",
        )


def detail_command(query: str) -> str:
    """Shell line that shows the failing rows to somebody who may see them."""
    escaped = query
    for character in ("\\", '"', "$", "`"):
        escaped = escaped.replace(character, f"\\{character}")
    return f'rapport psql validator -c "{escaped}"'


def _critical(count: int, noun: str) -> str:
    return f"{count} critical {noun}{'' if count == 1 else 's'}"


def _described(outcome: Outcome) -> list[str]:
    suite = outcome.suite
    whose = "" if outcome.table.endswith(f".{suite.object}") else f" of {suite.object}"
    head = f"suite {suite.stage}/{suite.suite}, table {outcome.table}{whose}"
    if outcome.is_empty_unasked and outcome.was_read:
        return [
            f"  {head}: no rows / 没有数据. An empty table passes every check on columns, "
            "so it needs an explicit `allow_empty`."
        ]
    lines: list[str] = []
    for found in outcome.failures:
        lines += _finding_lines(head, found)
    return lines


def _finding_lines(head: str, found: Finding) -> list[str]:
    expectation = found.expectation
    what = expectation.rule + (f" ({expectation.column})" if expectation.column else "")
    lines = [
        f"  {head}, rule / 规则 {what}: {found.observed}",
        f"    why / 原因: {expectation.reason}",
    ]
    if found.failed_keys:
        keys = "; ".join(
            ", ".join(f"{k}={v}" for k, v in key.items()) for key in found.failed_keys[:_SHOWN]
        )
        lines.append(f"    rows / 行数: {found.unexpected_count}; keys / 主键: {keys}")
    if found.detail_query:
        lines.append(f"    look / 查看: {detail_command(found.detail_query)}")
    return lines
