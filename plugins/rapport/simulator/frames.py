"""Integer arrays to typed columns: exact decimals, dates, UTC instants, text.

A table is a dict of columns. Text columns are Arrow arrays already; every other column is an
integer array in the unit of its canonical type (numeric(p, s): 10^-s; date: days; timestamptz:
microseconds; boolean: 0, 1) with ``NULL`` for missing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import yaml
from numpy.typing import NDArray

from rapport.simulator.dates import NULL
from rapport.simulator.draws import Bools, Ints

Table = dict[str, Any]


@cache
def canonical() -> dict[str, dict[str, Any]]:
    """The canonical layout: entity -> side, key, columns."""
    text = resources.files("rapport.sources").joinpath("canonical.yml").read_text("utf-8")
    layout: dict[str, dict[str, Any]] = yaml.safe_load(text)
    return layout


def column_types(entity: str) -> dict[str, str]:
    """Column name -> PostgreSQL type, in canonical order."""
    columns: dict[str, str] = canonical()[entity]["columns"]
    return {name: spec.split()[0] for name, spec in columns.items()}


def required_columns(entity: str) -> set[str]:
    """Key columns and those flagged required."""
    spec = canonical()[entity]
    flagged = {name for name, words in spec["columns"].items() if "required" in words.split()}
    return flagged | set(spec["key"])


def take(table: Table, keep: Bools | Ints) -> Table:
    """The rows of every column where ``keep`` holds (or at those positions)."""
    where = np.flatnonzero(keep) if keep.dtype == np.bool_ else keep
    return {
        name: column[where] if isinstance(column, np.ndarray) else column.take(pa.array(where))
        for name, column in table.items()
    }


def stack(tables: Sequence[Table]) -> Table:
    """Tables of the same columns under one another."""
    result: Table = {}
    for name, first in tables[0].items():
        parts = [table[name] for table in tables]
        result[name] = (
            np.concatenate(parts) if isinstance(first, np.ndarray) else pa.concat_arrays(parts)
        )
    return result


def label(values: Sequence[str | None], index: NDArray[Any], missing: Bools | None = None) -> Any:
    """Text column ``values[index]``; NULL where ``missing``."""
    picked = pa.array(np.asarray(index), mask=missing)
    return pc.take(pa.array(values, pa.string()), picked)


def identifier(prefix: str, *parts: tuple[Ints, int], missing: Bools | None = None) -> Any:
    """Text column such as ``LN000123-0672`` from numbers with their widths."""
    texts = [pc.utf8_lpad(pc.cast(pa.array(n), pa.string()), width, "0") for n, width in parts]
    joined = texts[0] if len(texts) == 1 else pc.binary_join_element_wise(*texts, "-")
    result = pc.binary_join_element_wise(pa.scalar(prefix), joined, "")
    return result if missing is None else blank(result, missing)


def join(*columns: Any) -> Any:
    """Text columns put together without anything between."""
    return pc.binary_join_element_wise(*columns, "")


def blank(column: Any, missing: Bools) -> Any:
    """The text column with NULL where ``missing``."""
    return pc.if_else(pa.array(missing), pa.scalar(None, pa.string()), column)


def _decimal(values: Ints, precision: int, scale: int, valid: Bools) -> Any:
    wide = np.empty((len(values), 2), dtype=np.int64)
    wide[:, 0] = np.where(valid, values, 0)
    wide[:, 1] = wide[:, 0] >> 63
    mask = pa.py_buffer(np.packbits(valid, bitorder="little"))
    return pa.Array.from_buffers(
        pa.decimal128(precision, scale), len(values), [mask, pa.py_buffer(wide)]
    )


def _typed(values: Any, sql_type: str) -> Any:
    if not isinstance(values, np.ndarray):
        return values
    numbers = values.astype(np.int64)
    missing = numbers == NULL
    if match := re.fullmatch(r"numeric\((\d+),(\d+)\)", sql_type):
        return _decimal(numbers, int(match[1]), int(match[2]), ~missing)
    filled = np.where(missing, 0, numbers)
    if sql_type == "date":
        return pa.array(filled.astype(np.int32), mask=missing).cast(pa.date32())
    if sql_type == "timestamptz":
        return pa.array(filled, mask=missing).cast(pa.timestamp("us", tz="UTC"))
    if sql_type == "boolean":
        return pa.array(filled.astype(bool), mask=missing)
    if sql_type == "integer":
        return pa.array(filled.astype(np.int32), mask=missing)
    raise TypeError(f"a {sql_type} column needs text, got {values.dtype}")


def arrow_table(entity: str, table: Mapping[str, Any]) -> pa.Table:
    """All canonical columns of the entity in order, typed, rows sorted by key."""
    types = column_types(entity)
    if unknown := set(table) ^ set(types):
        raise KeyError(f"{entity}: columns differ from the canonical layout: {sorted(unknown)}")
    result = pa.table({name: _typed(table[name], sql) for name, sql in types.items()})
    return result.sort_by([(name, "ascending") for name in canonical()[entity]["key"]])


def data_frame(table: pa.Table) -> pd.DataFrame:
    """The same table as pandas, with Arrow types (decimals stay exact)."""
    frame: pd.DataFrame = table.to_pandas(types_mapper=pd.ArrowDtype)
    return frame
