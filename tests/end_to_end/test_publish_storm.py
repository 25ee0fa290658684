"""A hundred changes of what readers see, under readers: nobody sees two releases at once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest

from rapport.local.postgres import EmbeddedPostgres
from rapport.warehouse import ddl, dsn, roles
from support.tiny_release import MART, TREE, TinyWarehouse, tiny_warehouse

DAY = date(2026, 7, 31)
ROWS = 50
PUBLISHES = 50
READERS = 3
TWIN = ddl.MartTable("twin", MART.description, MART.columns, MART.key)
# Each release carries one amount in all rows of both marts.
_SEEN = "select count(*), count(distinct amount), min(amount) from mart.{}"
_JOINED = (
    "select count(*), count(distinct (t.amount, w.amount)), min(t.amount - w.amount)"
    " from mart.tiny as t full join mart.twin as w using (client_id, as_of_date)"
)


@pytest.fixture
def twins(server: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch) -> Iterator[TinyWarehouse]:
    """The tiny warehouse with a second mart, so that there is something to mix."""
    with tiny_warehouse(server, monkeypatch) as tiny:
        admin = tiny.as_role("admin")
        admin.execute(f"set role {roles.OWNER}".encode())
        columns = [name for name, _, _ in TWIN.columns]
        for statement in [*ddl.store_ddl(TWIN), *ddl.view_ddl(TWIN, columns)]:
            admin.execute(statement.encode())
        admin.execute(
            "insert into ctl.registered_mart values (%s, 'twin', %s, %s)",
            [TREE, columns, list(TWIN.key)],
        )
        admin.execute("reset role")
        tiny.land("first", "a")
        yield tiny


def _publish(tiny: TinyWarehouse, number: int) -> int:
    release = tiny.open_release(DAY)
    slot = tiny.build(release, {f"c{n}": f"{number}.00" for n in range(ROWS)}, DAY)
    tiny.as_role("transformer").execute(f"create table {slot}.twin as table {slot}.tiny".encode())
    tiny.seal(release)
    tiny.evidence("marts", "tiny", release=release)
    assert tiny.publish(release)["decision"] == "published"
    return release


class Reader(threading.Thread):
    """Reads both marts over and over, in one transaction and in one statement."""

    def __init__(self, url: str, stop: threading.Event) -> None:
        super().__init__(daemon=True)
        self.url, self.stop = url, stop
        self.wrong: list[Any] = []
        self.amounts: set[Any] = set()
        self.rounds = 0

    def run(self) -> None:
        try:
            with dsn.connect(self.url, application_name="storm reader") as connection:
                while not self.stop.is_set():
                    with connection.transaction():
                        tiny, twin = (
                            connection.execute(_SEEN.format(mart).encode()).fetchone()
                            for mart in ("tiny", "twin")
                        )
                    joined = connection.execute(_JOINED.encode()).fetchone()
                    connection.rollback()
                    if tiny != twin or tiny[:2] != (ROWS, 1) or joined != (ROWS, 1, 0):
                        self.wrong.append((tiny, twin, joined))
                    self.amounts.add(tiny[2])
                    self.rounds += 1
        except Exception as error:
            self.wrong.append(repr(error))


def test_a_hundred_publishes_and_rollbacks_mix_nothing_and_fail_no_reader(
    twins: TinyWarehouse,
) -> None:
    previous = _publish(twins, 0)
    stop = threading.Event()
    readers = [Reader(dsn.role_dsn(twins.settings, "bi_reader"), stop) for _ in range(READERS)]
    for reader in readers:
        reader.start()
    for number in range(1, PUBLISHES + 1):
        current = _publish(twins, number)
        back = twins.call("publisher", "select ctl.rollback(%s, 'test', 'storm')", previous)
        assert back["decision"] == "rolled_back"
        previous = current
    stop.set()
    for reader in readers:
        reader.join(timeout=60)
        assert not reader.is_alive()
        assert not reader.wrong
    [(editions,)] = twins.as_role("auditor").execute(b"select max(edition) from ctl.edition")
    assert editions == 1 + 2 * PUBLISHES
    assert sum(reader.rounds for reader in readers) > PUBLISHES
    assert len(set().union(*(reader.amounts for reader in readers))) > 10
