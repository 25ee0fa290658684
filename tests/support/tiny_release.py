"""A warehouse with one tiny mart and one source, driven through the real functions of ``ctl``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from itertools import count
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from rapport.local import secret_files
from rapport.local.databases import address
from rapport.local.postgres import EmbeddedPostgres
from rapport.settings import Settings, load
from rapport.warehouse import ddl, dsn, roles
from rapport.warehouse.migrate import upgrade
from support.databases import create_database, drop_database

TREE = "tree-of-tests"
MART = ddl.MartTable(
    "tiny",
    "One row per client.",
    [
        ("client_id", "text", "Who."),
        ("as_of_date", "date", "When."),
        ("amount", "numeric(20,2)", "How much."),
    ],
    ["client_id", "as_of_date"],
)
OWN_DATABASE = "tiny"
SUITES = (("landing", "src__t"), ("staging", "stg"), ("marts", "tiny"))
_numbers = count(1)


@dataclass
class TinyWarehouse:
    """Steps of a run as single calls, each as the role that may make it."""

    settings: Settings
    _connections: dict[str, psycopg.Connection] = field(default_factory=dict)

    def as_role(self, role: str) -> psycopg.Connection:
        if role not in self._connections:
            self._connections[role] = dsn.connect(
                dsn.role_dsn(self.settings, role), application_name=f"test {role}", autocommit=True
            )
        return self._connections[role]

    def close(self) -> None:
        for connection in self._connections.values():
            connection.close()

    def call(self, role: str, query: str, *values: Any) -> Any:
        row = self.as_role(role).execute(query.encode(), values).fetchone()
        return None if row is None else row[0]

    def deploy(self) -> None:
        admin = self.as_role("admin")
        for slot in ("build_1", "build_2"):
            admin.execute(f"create schema {slot} authorization {roles.OWNER}".encode())
        admin.execute(f"set role {roles.OWNER}".encode())
        for slot in ("build_1", "build_2"):
            admin.execute(f"grant usage on schema {slot} to rapport_validator, auditor".encode())
            admin.execute("insert into ctl.slot (slot) values (%s)", [slot])
        admin.execute("insert into ctl.code_version values (%s, '{}', 'lock', '0')", [TREE])
        admin.execute("insert into ctl.source values ('src', 'hash', true, 24, '{t}')")
        table = ddl.LandingTable("src__t", [("id", "text"), ("v", "text")], ["id"])
        statements = [*ddl.landing_ddl(table), *ddl.store_ddl(MART)]
        statements += ddl.view_ddl(MART, [name for name, _, _ in MART.columns])
        for statement in statements:
            admin.execute(statement.encode())
        columns = [name for name, _, _ in MART.columns]
        admin.execute(
            "insert into ctl.registered_mart values (%s, 'tiny', %s, %s)",
            [TREE, columns, list(MART.key)],
        )
        for stage, name in SUITES:
            admin.execute(
                "insert into ctl.required_suite values (%s, %s, 'base', %s, 'h', 1, false)",
                [TREE, stage, name],
            )
        admin.execute("reset role")

    def open_batch(self, run_key: str) -> tuple[int, int]:
        row = (
            self.as_role("loader")
            .execute("select * from ctl.open_batch('src', %s, %s, 'hash')", [run_key, TREE])
            .fetchone()
        )
        assert row is not None
        return row

    def land(self, run_key: str, *keys: str, accept: bool = True) -> int:
        batch, fence = self.open_batch(run_key)
        loader = self.as_role("loader")
        for key in keys:
            loader.execute(
                "insert into landing.src__t (id, v, _from_batch) values (%s, 'x', %s)", [key, batch]
            )
        counts = {"read": len(keys), "landed": len(keys)} | dict.fromkeys(
            ("unchanged", "quarantined", "deduplicated", "superseded", "tombstoned"), 0
        )
        loader.execute("select ctl.record_table(%s, %s, 't', %s)", [batch, fence, Jsonb(counts)])
        loader.execute("select ctl.complete_batch(%s, %s)", [batch, fence])
        if accept:
            self.evidence("landing", "src__t", batch=batch)
            assert self.call("validator", "select ctl.accept_batch(%s)", batch)["reasons"] == []
        return batch

    def evidence(
        self,
        stage: str,
        name: str,
        *,
        batch: int | None = None,
        release: int | None = None,
        **changes: Any,
    ) -> int:
        result = {"expectation_type": "expect_x", "severity": "critical", "is_passed": True}
        result |= {k: changes.pop(k) for k in ("severity", "is_passed") if k in changes}
        payload = {
            "stage": stage,
            "suite": "base",
            "object": name,
            "suite_hash": "h",
            "batch_seq": batch,
            "release_id": release,
            "rows_evaluated": 1,
            "results": [result],
        }
        return int(
            self.call("validator", "select ctl.record_validation(%s)", Jsonb(payload | changes))
        )

    def open_release(self, as_of: date, run_key: str | None = None) -> int:
        key = run_key or f"run-{next(_numbers)}"
        release = self.call(
            "transformer", "select ctl.open_release(%s, %s, %s, null, '{}')", as_of, key, TREE
        )
        self.call("transformer", "select ctl.freeze_inputs(%s, '{src}')", release)
        return int(release)

    def reproduction(self, original: int, rows: dict[str, str], as_of: date) -> int:
        """A sealed reproduction of a release, built with these rows."""
        key = f"reproduce-{next(_numbers)}"
        release = int(
            self.call(
                "transformer", "select ctl.open_reproduction(%s, %s, %s)", original, key, TREE
            )
        )
        self.build(release, rows, as_of)
        self.seal(release)
        return release

    def build(self, release: int, rows: dict[str, str], as_of: date) -> str:
        """Build staging and the mart as the transformer; the slot's name."""
        transformer = self.as_role("transformer")
        slot = self.call("transformer", "select ctl.prepare_build(%s, 'staging')", release)
        transformer.execute(f"create table {slot}.stg as select 1 as n".encode())
        self.call("transformer", "select ctl.seal_staging(%s)", release)
        self.evidence("staging", "stg", release=release)
        self.call("transformer", "select ctl.prepare_build(%s, 'marts')", release)
        transformer.execute(
            f"create table {slot}.tiny"
            " (client_id text, as_of_date date, amount numeric(20,2))".encode()
        )
        for client, amount in rows.items():
            transformer.execute(
                f"insert into {slot}.tiny values (%s, %s, %s)".encode(), [client, as_of, amount]
            )
        return str(slot)

    def seal(self, release: int) -> None:
        self.call("transformer", "select ctl.seal_release(%s)", release)

    def candidate(self, as_of: date, rows: dict[str, str]) -> int:
        """A release that is built, sealed and validated, ready to be staged."""
        release = self.open_release(as_of)
        self.build(release, rows, as_of)
        self.seal(release)
        self.evidence("marts", "tiny", release=release)
        return release

    def publish(self, release: int) -> dict[str, Any]:
        self.call("publisher", "select ctl.stage(%s)", release)
        return dict(self.call("publisher", "select ctl.publish(%s, 'test')", release))

    def released(self, as_of: date, rows: dict[str, str]) -> int:
        release = self.candidate(as_of, rows)
        assert self.publish(release)["reasons"] == []
        return release

    def seen(self, as_of: date) -> dict[str, str]:
        rows = self.as_role("bi_reader").execute(
            "select client_id, amount::text from mart.tiny where as_of_date = %s", [as_of]
        )
        return dict(rows.fetchall())


@contextmanager
def tiny_warehouse(
    server: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> Iterator[TinyWarehouse]:
    """An own database, migrated, with the tiny mart deployed; dropped at the end."""
    name = create_database(server, OWN_DATABASE, "rapport_admin")
    password = secret_files.read(load().secrets, "warehouse.json")["rapport_admin"]
    url = address(server.port, name, "rapport_admin", password)
    monkeypatch.setenv("RAPPORT_WAREHOUSE_URL", url)
    upgrade(load())
    tiny = TinyWarehouse(load())
    try:
        tiny.deploy()
        yield tiny
    finally:
        tiny.close()
        drop_database(server, name)
