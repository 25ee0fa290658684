"""Busy source: rows committed late, out of order and in bursts, while the loader pulls."""

from __future__ import annotations

import pytest

from support.race import race
from support.source_lab import OPEN_TRANSACTIONS, SourceLab


@pytest.mark.timeout(900)
def test_a_hundred_pulls_during_ten_thousand_transactions_lose_nothing(
    source: SourceLab, record_property: pytest.RecordProperty
) -> None:
    source.see_all_transactions()
    source.run("create index on loans (updated_at)")
    contract = source.lab.contract(OPEN_TRANSACTIONS)
    result = race(source, contract, writers=8, transactions=10_000, pulls=100)
    record_property("race", str(result))
    print(result)
    assert result.transactions >= 10_000
    assert result.pulls >= 100
    assert (result.missing, result.stale) == (0, 0)
    assert result.naive_missing + result.naive_stale > 0
