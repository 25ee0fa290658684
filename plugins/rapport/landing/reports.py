"""What a batch did, in rows and in money."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from rapport.errors import RapportError

OUTCOMES = ("landed", "unchanged", "quarantined", "deduplicated", "superseded")
Money = Mapping[str, Decimal]
"""Exact sums by currency."""


@dataclass(frozen=True)
class TableCounts:
    """Rows of one table in one batch. ``read`` is the sum of the five outcomes, also in money.

    Attributes:
        tombstoned: keys that a full read no longer holds; apart from the identity.
        withheld: missing keys not tombstoned, because parts of the input could not be read.
        money: sums of the control amount by outcome (and ``read``) and currency.
    """

    table: str
    read: int = 0
    landed: int = 0
    unchanged: int = 0
    quarantined: int = 0
    deduplicated: int = 0
    superseded: int = 0
    tombstoned: int = 0
    withheld: int = 0
    money: Mapping[str, Money] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """The form of ``ctl.record_table``; money as text, to the last digit."""
        counts: dict[str, Any] = {name: getattr(self, name) for name in ("read", *OUTCOMES)}
        counts["tombstoned"] = self.tombstoned
        counts["money"] = {
            outcome: {currency: str(amount) for currency, amount in sorted(sums.items())}
            for outcome, sums in self.money.items()
        }
        return counts

    def check(self) -> None:
        """Refuse figures in which a row or a cent is lost."""
        accounted = sum(getattr(self, outcome) for outcome in OUTCOMES)
        if self.read != accounted:
            raise RapportError(
                f"{self.table}: {self.read} rows read, but {accounted} accounted for;"
                " nothing landed."
            )
        read = self.money.get("read", {})
        parts = [self.money.get(outcome, {}) for outcome in OUTCOMES]
        for currency in {c for sums in (read, *parts) for c in sums}:
            total = sum((sums.get(currency, Decimal(0)) for sums in parts), Decimal(0))
            if total != read.get(currency, Decimal(0)):
                raise RapportError(
                    f"{self.table}: {read.get(currency, 0)} {currency} read, but {total}"
                    " accounted for; nothing landed."
                )


@dataclass(frozen=True)
class BatchReport:
    """One batch of a source; ``is_new`` is false when this run had already landed it."""

    batch_seq: int
    source: str
    tables: list[TableCounts]
    is_new: bool = True
