"""What a gate is made of: suites, expectations, and what came of running them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal, get_args

Stage = Literal["landing", "staging", "marts"]
Severity = Literal["critical", "warning"]
STAGES: tuple[Stage, ...] = get_args(Stage)
SEVERITIES: tuple[Severity, ...] = get_args(Severity)
CUSTOM_SQL = "unexpected_rows_expectation"
UNEVALUATED = "could not be evaluated"


@dataclass(frozen=True)
class Reason:
    """Why a rule or a tolerance stands, in English and Chinese, who answers for it, since when."""

    en: str
    zh: str
    owner: str
    since: date

    def __str__(self) -> str:
        return f"{self.en} / {self.zh} ({self.owner}, {self.since.isoformat()})"


@dataclass(frozen=True)
class Expectation:
    """One rule: a Great Expectations type with its arguments, or SQL that must find no row."""

    rule: str
    type: str
    kwargs: Mapping[str, Any]
    severity: Severity
    reason: Reason

    @property
    def column(self) -> str | None:
        return self.kwargs.get("column")

    @property
    def is_sql(self) -> bool:
        return self.type == CUSTOM_SQL


@dataclass(frozen=True)
class Suite:
    """All rules of one file for one object (a table, or a pseudo-object of ``ctl``).

    ``landed`` maps an entity to the sources that land it in the canonical layout; it serves the
    ``${landed:<entity>}`` placeholder and is no part of the hash.
    """

    stage: Stage
    suite: str
    object: str
    key: tuple[str, ...]
    expectations: tuple[Expectation, ...]
    empty_reason: Reason | None = None
    landed: Mapping[str, tuple[str, ...]] = field(default_factory=dict, compare=False, repr=False)

    @property
    def allow_empty(self) -> bool:
        return self.empty_reason is not None

    @property
    def expectation_count(self) -> int:
        return len(self.expectations)

    @property
    def suite_hash(self) -> str:
        """SHA-256 over canonical JSON of everything that decides the outcome."""
        content = {
            "stage": self.stage,
            "suite": self.suite,
            "object": self.object,
            "key": self.key,
            "allow_empty": self.empty_reason and str(self.empty_reason),
            "expectations": [
                [e.rule, e.type, dict(e.kwargs), e.severity, str(e.reason)]
                for e in self.expectations
            ],
        }
        text = json.dumps(
            content, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=str
        )
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class Finding:
    """What came of one expectation. ``failed_keys`` is a sample of at most ten rows."""

    expectation: Expectation
    is_passed: bool
    observed: str | None = None
    unexpected_count: int | None = None
    failed_keys: tuple[Mapping[str, Any], ...] = ()
    detail_query: str | None = None


@dataclass(frozen=True)
class Outcome:
    """What came of one suite over one object, as recorded under ``validation_id``."""

    suite: Suite
    table: str
    rows_evaluated: int
    findings: tuple[Finding, ...]
    validation_id: int | None = None

    @property
    def failures(self) -> tuple[Finding, ...]:
        return tuple(
            f for f in self.findings if not f.is_passed and f.expectation.severity == "critical"
        )

    @property
    def warnings(self) -> tuple[Finding, ...]:
        return tuple(
            f for f in self.findings if not f.is_passed and f.expectation.severity == "warning"
        )

    @property
    def is_empty_unasked(self) -> bool:
        return self.rows_evaluated == 0 and not self.suite.allow_empty

    @property
    def was_read(self) -> bool:
        """Whether the table could be read at all; if not, the findings say why."""
        return not all(str(f.observed).startswith(UNEVALUATED) for f in self.findings)

    @property
    def is_passed(self) -> bool:
        """A warning does not stop a run; a critical failure or an unexpected emptiness does."""
        return not self.failures and not self.is_empty_unasked
