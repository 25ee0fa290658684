"""A small simulated lender for tests: 150 clients over 30 months up to a leap day."""

from __future__ import annotations

from datetime import date
from functools import cache

import pandas as pd
import pyarrow as pa

from rapport.simulator import run, truth

END = date(2024, 2, 29)
CLIENTS = 150
Tables = dict[str, pa.Table]


@cache
def world(end: date = END, seed: int = 7) -> Tables:
    """Its canonical tables as seen at ``end``; the first run always ended at ``END``."""
    return run._generate(run.State(CLIENTS, 30, seed, END, end))[1]


@cache
def planted() -> pd.DataFrame:
    """Its ground truth."""
    latent, _ = run._generate(run.State(CLIENTS, 30, 7, END, END))
    return truth.table(latent).to_pandas()


def frame(name: str, tables: Tables | None = None) -> pd.DataFrame:
    return (world() if tables is None else tables)[name].to_pandas()
