"""Make a world, load it, move it on by a month."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.csv

from rapport.errors import RapportError
from rapport.month_end import last_month_end
from rapport.settings import Settings
from rapport.simulator import dirt as plant_dirt
from rapport.simulator import entities, load, truth
from rapport.simulator.dates import as_date, month_of
from rapport.simulator.frames import data_frame
from rapport.simulator.world import Span, World

SIDES = ("crm", "loans")
_RULES = 1  # a new number when the same seed gives another world


@dataclass(frozen=True)
class State:
    """What a simulated world is made from; kept beside the databases for ``advance``."""

    clients: int
    months: int
    seed: int
    base_end: date
    end: date

    @property
    def span(self) -> Span:
        base = month_of(self.base_end)
        return Span(base - self.months + 1, base, month_of(self.end))


@dataclass(frozen=True)
class SimulationSummary:
    """Rows per entity after the run; ``changes`` are (inserted, updated) rows of ``advance``."""

    state: State
    rows: dict[str, int]
    seconds_generate: float
    seconds_load: float
    changes: dict[str, tuple[int, int]] = field(default_factory=dict)

    @property
    def total_rows(self) -> int:
        return sum(self.rows.values())


def next_month_end(day: date) -> date:
    later = (day + timedelta(days=1)).replace(day=28) + timedelta(days=4)
    return later.replace(day=1) - timedelta(days=1)


def _check(clients: int, months: int, end: date) -> None:
    if clients < 1 or months < 1:
        raise RapportError("The simulator needs at least one client and one month.")
    if clients > 900_000:
        raise RapportError("The simulator's keys are made for up to 900,000 clients.")
    if (end + timedelta(days=1)).day != 1:
        raise RapportError(
            f"The simulated world must end on a month-end, not on {end}.",
            next_step=f"Use {end.replace(day=1) - timedelta(days=1)}.",
        )


def _generate(state: State) -> tuple[World, dict[str, pa.Table]]:
    _check(state.clients, state.months, state.end)
    return entities.create(state.clients, state.span, state.seed)


def generate(clients: int, months: int, seed: int, end: date) -> dict[str, pd.DataFrame]:
    """Every canonical entity as a frame with Arrow types (decimals are exact), sorted by key."""
    _, tables = _generate(State(clients, months, seed, end, end))
    return {name: data_frame(table) for name, table in tables.items()}


def write_csv(frames: Mapping[str, pd.DataFrame], folder: Path) -> list[Path]:
    """One UTF-8 CSV with header per entity; NULL is an empty field."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, frame in frames.items():
        paths.append(folder / f"{name}.csv")
        table = pa.Table.from_pandas(frame, preserve_index=False)
        options = pyarrow.csv.WriteOptions(quoting_style="needed")
        pyarrow.csv.write_csv(load.printable(table), paths[-1], options)
    return paths


def simulate(
    settings: Settings,
    *,
    clients: int = 500,
    months: int = 36,
    seed: int = 7,
    end: date | None = None,
    dirt: float = 0,
    dsns: Mapping[str, str] | None = None,
) -> SimulationSummary:
    """Fill both source databases anew with a lender of ``months`` months up to ``end``.

    Args:
        dirt: share of rows to spoil (0: none); what was planted stands in ``dirt.csv``.
    """
    last = end or last_month_end(datetime.now(UTC), settings.business_time_zone)
    state = State(clients, months, seed, last, last)
    began = time.perf_counter()
    world, tables = _generate(state)
    made = time.perf_counter()
    for side, dsn in _dsns(settings, dsns).items():
        load.replace_all(dsn, {name: tables[name] for name in load.entities(side)})
    _remember(settings, state, world)
    (_folder(settings) / plant_dirt.LEDGER).unlink(missing_ok=True)
    if dirt:
        plant_dirt.plant(_dsns(settings, dsns), dirt, _folder(settings))
    rows = {name: table.num_rows for name, table in tables.items()}
    return SimulationSummary(state, rows, made - began, time.perf_counter() - made)


def advance(
    settings: Settings, months: int = 1, *, dsns: Mapping[str, str] | None = None
) -> SimulationSummary:
    """Move the world on: history stays, new facts come, some mutable rows change."""
    state = recall(settings)
    end = state.end
    for _ in range(months):
        end = next_month_end(end)
    state = State(state.clients, state.months, state.seed, state.base_end, end)
    began = time.perf_counter()
    world, tables = _generate(state)
    made = time.perf_counter()
    changes: dict[str, tuple[int, int]] = {}
    for side, dsn in _dsns(settings, dsns).items():
        changes |= load.merge(dsn, {name: tables[name] for name in load.entities(side)})
    _remember(settings, state, world)
    rows = {name: table.num_rows for name, table in tables.items()}
    return SimulationSummary(state, rows, made - began, time.perf_counter() - made, changes)


def _dsns(settings: Settings, given: Mapping[str, str] | None) -> dict[str, str]:
    if given is not None:
        return {side: given[side] for side in SIDES}
    from rapport.local.sources import simulator_dsn

    return {side: simulator_dsn(settings, side) for side in SIDES}


def _folder(settings: Settings) -> Path:
    return settings.state / "simulator"


def _remember(settings: Settings, state: State, world: World) -> None:
    folder = _folder(settings)
    folder.mkdir(parents=True, exist_ok=True)
    truth.write(world, folder / "ground_truth.csv")
    text = json.dumps({**asdict(state), "rules": _RULES}, default=str, indent=1)
    (folder / "state.json").write_text(text, "utf-8")


def recall(settings: Settings) -> State:
    """The state of the last ``simulate`` or ``advance``."""
    path = _folder(settings) / "state.json"
    try:
        saved = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise RapportError(
            "There is no simulated world to advance.", next_step="Run `rapport simulate` first."
        ) from None
    if saved.pop("rules") != _RULES:
        raise RapportError(
            "The simulated world was made by another version of the simulator.",
            next_step="Run `rapport simulate` to make it anew.",
        )
    for name in ("base_end", "end"):
        saved[name] = date.fromisoformat(saved[name])
    return State(**saved)


__all__ = ["SimulationSummary", "State", "advance", "as_date", "generate", "simulate", "write_csv"]
