"""An extraction in a process of its own, that stops at a named point until it may go on.

``python -m support.landing_child CONTRACT RUN_KEY POINT FLAG``: writes the file FLAG when it has
come to POINT and waits for FLAG.go.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from rapport.landing import batches, table_load
from rapport.settings import load
from rapport.sources.connectors import binary_copy
from rapport.sources.contracts import parse_contract
from rapport.warehouse import dsn
from support.landing_lab import TREE

POINTS = ("before_snapshot", "between_tables", "mid_copy", "before_watermark", "after_commit")


def main(contract: str, run_key: str, point: str, flag: str) -> None:
    pause = _pause(Path(flag))
    if point == "before_snapshot":
        batches.open_snapshot = _before(pause, batches.open_snapshot)
    elif point == "between_tables":
        batches.land_table = _before(pause, batches.land_table, skip=1)
    elif point == "mid_copy":
        binary_copy._blocks = _inside(pause, binary_copy._blocks)
    elif point == "before_watermark":
        table_load.record_watermark = _before(pause, table_load.record_watermark)
    batches.extract_source(
        parse_contract(Path(contract)),
        load(),
        loader_dsn=dsn.role_dsn(load(), "loader"),
        run_key=run_key,
        tree_hash=TREE,
    )
    if point == "after_commit":
        pause()


def _pause(flag: Path) -> Callable[[], None]:
    def pause() -> None:
        flag.touch()
        while not flag.with_suffix(".go").exists():
            time.sleep(0.02)

    return pause


def _before(pause: Callable[[], None], function: Any, skip: int = 0) -> Any:
    calls = iter(range(1000))

    def patched(*arguments: Any, **named: Any) -> Any:
        if next(calls) == skip:
            pause()
        return function(*arguments, **named)

    return patched


def _inside(pause: Callable[[], None], function: Any) -> Any:
    def patched(messages: Iterator[bytes]) -> Iterator[bytes]:
        for number, block in enumerate(function(messages)):
            if number == 1:
                pause()
            yield block

    return patched


if __name__ == "__main__":
    main(*sys.argv[1:5])
