"""Ranges of keys: every key is in exactly the range that its number says."""

from __future__ import annotations

import pytest

from rapport.sources.connectors import KeyRanges
from rapport.sources.connectors.key_ranges import range_condition, range_number
from support.landing_lab import LandingLab


@pytest.mark.parametrize("count", [0, 1, 16, 17, 31, 100])
@pytest.mark.parametrize("type_", ["text", "integer"])
def test_the_number_of_a_range_and_its_condition_agree(
    lab: LandingLab, count: int, type_: str
) -> None:
    bounds = tuple(str(1010 + 7 * n) for n in range(count))
    ranges = KeyRanges("k", type_, bounds)
    ((wrong,),) = lab.rows(
        f"select count(*) from (select n::{type_} as k from generate_series(1000, 1800) as n) as t"
        f" where {range_number(ranges, 'k')} is distinct from"
        f" (select count(*) from unnest(array[{', '.join(bounds)}]::integer[]) as b"
        " where b <= k::integer)"
    )
    assert wrong == 0
    numbers = [n for n in (0, 1, 2, count // 2, count) if n <= count]
    ((differing,),) = lab.rows(
        f"select count(*) from (select n::{type_} as k from generate_series(1000, 1800) as n) as t"
        f" where {range_condition(ranges, numbers)}"
        f" <> ({range_number(ranges, 'k')} = any(array{numbers}))"
    )
    assert differing == 0
