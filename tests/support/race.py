"""Concurrent writers with delayed commits against repeated pulls, beside the naive watermark."""

from __future__ import annotations

import random
import threading
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg

from rapport.sources.contracts import Contract
from support.source_lab import SourceLab

_UPSERT = (
    "insert into loans values (%s, %s, now()) on conflict (loan_id)"
    " do update set amount = excluded.amount, updated_at = excluded.updated_at"
)


@dataclass(frozen=True)
class RaceResult:
    """Source transactions, pulls, and rows that a copy lacks or holds in an old version."""

    transactions: int
    pulls: int
    missing: int
    stale: int
    naive_missing: int
    naive_stale: int


class NaiveCopy:
    """What most pipelines do: everything above the largest updated_at that was seen."""

    def __init__(self) -> None:
        self.rows: dict[str, Any] = {}
        self._seen: datetime | None = None

    def pull(self, source: psycopg.Connection) -> None:
        query = "select loan_id, amount, updated_at from loans"
        if self._seen is None:
            found = source.execute(query).fetchall()
        else:
            found = source.execute(f"{query} where updated_at > %s", [self._seen]).fetchall()
        for key, amount, updated_at in found:
            self.rows[key] = (amount, updated_at)
            self._seen = updated_at if self._seen is None else max(self._seen, updated_at)


def race(
    source: SourceLab, contract: Contract, *, writers: int, transactions: int, pulls: int
) -> RaceResult:
    """Pull while ``writers`` make ``transactions`` in all; at least ``pulls`` pulls."""
    threads = [
        threading.Thread(target=_write, args=(source.writer(), n, transactions // writers))
        for n in range(writers)
    ]
    naive = NaiveCopy()
    reader = source.server.connect(source.name)
    done = 0
    for thread in threads:
        thread.start()
    while done < pulls or any(thread.is_alive() for thread in threads):
        naive.pull(reader)
        source.land(contract)
        done += 1
    for thread in threads:
        thread.join()
    naive.pull(reader)
    source.land(contract)
    reader.close()
    theirs = {k: (a, u) for k, a, u in source.run("select loan_id, amount, updated_at from loans")}
    found = source.lab.visible("demo__loans", "loan_id, amount, updated_at")
    ours = {k: (a, u) for k, a, u in found}
    return RaceResult(
        writers * (transactions // writers),
        done + 1,
        *_losses(theirs, ours),
        *_losses(theirs, naive.rows),
    )


def _losses(theirs: dict[str, Any], copy: dict[str, Any]) -> tuple[int, int]:
    missing = sum(key not in copy for key in theirs)
    stale = sum(key in copy and copy[key] != row for key, row in theirs.items())
    return missing, stale + sum(key not in theirs for key in copy)


def _write(connection: psycopg.Connection, writer: int, transactions: int) -> None:
    """One row per transaction, half of them new; some commit late, as busy systems do."""
    draw = random.Random(writer)
    for number in range(transactions):
        # A key of its own or one of the writer's earlier ones: no lock ever waits for another.
        key = number if draw.random() < 0.5 else draw.randrange(number + 1)
        connection.execute(_UPSERT, [f"{writer}-{key:06}", number])
        delay = draw.choice((0, 0, 0.002, 0.01, 0.05, 0.2 if number % 20 == 0 else 0.0))
        if delay:
            connection.execute("select pg_sleep(%s)", [delay])
        connection.commit()
