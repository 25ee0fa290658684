"""SQL of key-range digests, the same on a source and on the warehouse."""

from __future__ import annotations

from collections.abc import Iterable

from rapport.sources.connectors import KeyRanges
from rapport.warehouse.ddl import literal

_CHUNK = 16


def key_expression(ranges: KeyRanges, value: str) -> str:
    """A typed key value in the order of the ranges."""
    return f'({value} collate "C")' if ranges.type == "text" else f"({value})"


def range_number(ranges: KeyRanges, value: str) -> str:
    """SQL for the number of the range of a key value."""
    if not ranges.bounds:
        return "0"
    bounds = ranges.bounds
    if ranges.type != "text" or len(bounds) <= _CHUNK:
        return _bucket(ranges, value, bounds)
    # width_bucket walks through an array of texts: two short walks take a third of one long one.
    chunks = [bounds[start : start + _CHUNK] for start in range(0, len(bounds), _CHUNK)]
    branches = " ".join(
        f"when {n} then {n * _CHUNK} + {_bucket(ranges, value, chunk)}"
        for n, chunk in enumerate(chunks)
    )
    heads = tuple(chunk[0] for chunk in chunks[1:])
    return f"case {_bucket(ranges, value, heads)} {branches} end"


def _bucket(ranges: KeyRanges, value: str, bounds: tuple[str, ...]) -> str:
    """SQL for how many of the bounds a key value has reached."""
    array = f"array[{', '.join(literal(bound) for bound in bounds)}]::{ranges.type}[]"
    if ranges.type == "text":
        array = f'({array} collate "C")'
    return f"width_bucket({key_expression(ranges, value)}, {array})"


def digest_columns(values: Iterable[str]) -> str:
    """SQL for number of rows and digest over the typed values of key and cursor."""
    row = f"row({', '.join(values)})::text"
    return f"count(*), coalesce(sum(hashtextextended({row}, 0)), 0)"


def range_condition(ranges: KeyRanges, numbers: Iterable[int], value: str = "k") -> str:
    """SQL that holds for the keys in the given ranges; neighbours become one interval."""
    key = key_expression(ranges, value)
    intervals: list[list[int]] = []
    for number in sorted(set(numbers)):
        if intervals and intervals[-1][1] == number - 1:
            intervals[-1][1] = number
        else:
            intervals.append([number, number])
    parts = []
    for first, last in intervals:
        sides = []
        if first > 0:
            sides.append(f"{key} >= {_bound(ranges, first - 1)}")
        if last < len(ranges.bounds):
            sides.append(f"{key} < {_bound(ranges, last)}")
        parts.append(f"({' and '.join(sides) or 'true'})")
    return f"({' or '.join(parts)})" if parts else "false"


def _bound(ranges: KeyRanges, index: int) -> str:
    return f"{literal(ranges.bounds[index])}::{ranges.type}"
