"""The one kind of event: a run ended, well or badly. Counts and names of rules, never a key."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from rapport.quality.errors import GateFailed

Status = Literal["published", "refused", "failed"]
_HEADLINES: dict[Status, tuple[str, str]] = {
    "published": ("published", "已发布"),
    "refused": ("refused, the last release stays", "被拒绝发布，上一版本保持不变"),
    "failed": ("failed, the last release stays", "运行失败，上一版本保持不变"),
}


@dataclass(frozen=True)
class Event:
    """What is told of a run.

    ``reasons`` are sentences without business keys: who may see those finds them with
    ``next_command`` or in the report of the release.
    """

    status: Status
    as_of_date: date
    run_key: str
    release_id: int | None = None
    reasons: tuple[str, ...] = ()
    next_command: str | None = None

    @property
    def subject(self) -> str:
        english, chinese = _HEADLINES[self.status]
        return f"Rapport {self.as_of_date.isoformat()}: {english} / {chinese}"

    def text(self) -> str:
        """The message for people, English and Chinese."""
        release = "–" if self.release_id is None else str(self.release_id)
        lines = [
            self.subject,
            "",
            f"Reporting date / 报告日: {self.as_of_date.isoformat()}",
            f"Release / 版本: {release}",
            f"Run / 运行: {self.run_key}",
        ]
        if self.reasons:
            lines += ["", "Reasons / 原因:", *(f"- {reason}" for reason in self.reasons)]
        if self.next_command:
            lines += ["", f"Next / 下一步: {self.next_command}"]
        return "\n".join(lines) + "\n"

    def payload(self) -> dict[str, Any]:
        """The same for machines, as JSON."""
        return {
            "event": "rapport.run",
            "status": self.status,
            "as_of_date": self.as_of_date.isoformat(),
            "release_id": self.release_id,
            "run_key": self.run_key,
            "reasons": list(self.reasons),
            "next_command": self.next_command,
            "text": self.text(),
        }


def gate_reasons(error: GateFailed) -> tuple[str, ...]:
    """Table, rule and number of rows of every failed gate, without the keys."""
    return tuple(
        f"{outcome.suite.stage}: {outcome.suite.object}: {rule}: {observed}"
        for outcome in error.outcomes
        for rule, observed in _rules(outcome)
    )


def _rules(outcome: Any) -> Sequence[tuple[str, str | None]]:
    if outcome.is_empty_unasked:
        return [("no rows / 没有数据", "0")]
    return [(f.expectation.rule, f.observed) for f in outcome.failures]
