"""An own server with a large source table, and the commands that move it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from rapport.local import ports, secret_files
from rapport.local.binaries import program
from rapport.local.databases import address, ensure_databases
from rapport.local.postgres import SUPERUSER, EmbeddedPostgres
from rapport.settings import load

CONTRACT = """
source: bench
connector: postgres
connection: bench
tables:
  payments:
    key: [payment_id]
    cursor_safety: open_transactions
    cursor: updated_at
    control_amount: amount
    control_currency: currency
    columns:
      payment_id: bigint
      loan_id: text required
      kind: text required
      booked_date: date required
      amount: numeric(20,2) required
      principal_part: numeric(20,2)
      interest_part: numeric(20,2)
      currency: text required
      note: text
      updated_at: timestamptz required
    checks: {amount_is_positive: amount > 0}
"""
COLUMNS = (
    "payment_id, loan_id, kind, booked_date, amount, principal_part, interest_part, currency, note,"
    " updated_at"
)
_FILL = """
create table payments (payment_id bigint primary key, loan_id text not null, kind text not null,
  booked_date date not null, amount numeric(20,2) not null, principal_part numeric(20,2),
  interest_part numeric(20,2), currency text not null, note text, updated_at timestamptz not null);
insert into payments
select n, 'L' || lpad((n % 50000)::text, 6, '0'), case n % 3 when 0 then 'fee' else 'repayment' end,
  date '2015-01-01' + (n % 3000)::int, (n % 9999999 + 1) / 100.0, (n % 7777777) / 100.0,
  (n % 77777) / 100.0, 'CNY', 'instalment ' || n % 1000, now() - interval '2 days'
from generate_series(1, {rows}) as n;
create index on payments (updated_at);
"""
_CHANGE = """
update payments set amount = amount + 1, updated_at = now() where payment_id % 100 = 42
"""


@dataclass
class ExtractLab:
    """The source is database ``crm`` of an own, durable server; the warehouse is ``rapport``."""

    server: EmbeddedPostgres
    folder: Path
    rows: int

    def fill(self) -> None:
        with self.server.connect("crm") as source:
            source.execute("set role simulator")
            source.execute(_FILL.format(rows=self.rows).encode())
        with self.server.connect("crm") as source:
            source.execute("reset role")
            source.execute("grant pg_read_all_stats to source_reader")
            source.execute("vacuum analyze payments")
            source.execute("checkpoint")

    def change(self) -> int:
        with self.server.connect("crm") as source:
            source.execute("set role simulator")
            return source.execute(_CHANGE.encode()).rowcount

    def checkpoint(self) -> None:
        """Nothing that one measurement leaves behind shall burden the next."""
        with self.server.connect("rapport") as warehouse:
            warehouse.execute("checkpoint")

    def limit(self) -> float:
        """Seconds of ``psql COPY | psql COPY`` into a table like landing's, same indexes."""
        with self.server.connect("rapport") as warehouse:
            warehouse.execute("drop table if exists landing.bench_limit")
            warehouse.execute(
                "create table landing.bench_limit (like landing.bench__payments including all)"
            )
        self.checkpoint()
        read = f"copy (select {COLUMNS}, 1::bigint from payments) to stdout (format binary)"
        write = f"copy landing.bench_limit ({COLUMNS}, _from_batch) from stdin (format binary)"
        started = time.perf_counter()
        with subprocess.Popen(self._psql("crm", read), stdout=subprocess.PIPE) as source:
            subprocess.run(self._psql("rapport", write), stdin=source.stdout, check=True)
        return time.perf_counter() - started

    def extract(self) -> tuple[float, float]:
        """Run ``rapport extract bench``; seconds and peak memory in MB."""
        self.checkpoint()
        command = [sys.executable, "-m", "rapport.cli", "extract", "bench"]
        started = time.perf_counter()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        peak = 0.0
        while process.poll() is None:
            peak = max(peak, _peak_memory(process.pid))
            time.sleep(0.02)
        seconds = time.perf_counter() - started
        if process.returncode:
            raise SystemExit("`rapport extract bench` failed; see its message above.")
        return seconds, peak

    def accept(self) -> None:
        """What the run's next step does: without it the next batch would undo this one."""
        code = (
            "from rapport.pipeline.steps import validate_landing;"
            "from rapport.settings import load; validate_landing(load(), 'bench')"
        )
        subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)

    def landed(self) -> int:
        with self.server.connect("rapport") as warehouse:
            row = warehouse.execute(
                "select count(*) from landing.bench__payments where _to_batch > 9e18"
            ).fetchone()
        assert row is not None
        return int(row[0])

    def address(self, database: str) -> str:
        return address(self.server.port, database, SUPERUSER, self.server.password)

    def connect(self, database: str) -> psycopg.Connection:
        return self.server.connect(database)

    def _psql(self, database: str, command: str) -> list[str]:
        return [str(program("psql")), "-qXc", command, self.address(database)]


def _peak_memory(process: int) -> float:
    """MB. Not from the parent's accounts: there a child starts with the peak of its parent."""
    try:
        status = Path(f"/proc/{process}/status").read_text(encoding="utf-8")
    except OSError:
        return 0.0
    found = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(found[0]) / 1024 if found else 0.0


@contextmanager
def extract_lab(folder: Path, rows: int) -> Iterator[ExtractLab]:
    """Server, source rows and deployed warehouse; all gone afterwards."""
    for name in [n for n in os.environ if n.startswith("RAPPORT_")]:
        del os.environ[name]
    port = ports.find_free()
    project = folder / "project"
    (project / "contracts").mkdir(parents=True)
    (project / "contracts" / "bench.yml").write_text(CONTRACT, encoding="utf-8")
    os.environ |= {
        "RAPPORT_HOME": str(folder / "home"),
        "RAPPORT_DATABASE_PORT": str(port),
        "RAPPORT_PROJECT_PATH": str(project),
        "RAPPORT_SOURCES": "bench",
        "DO_NOT_TRACK": "1",
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    }
    settings = load()
    password = secret_files.ensure(settings.secrets, "postgres.json", [SUPERUSER])[SUPERUSER]
    server = EmbeddedPostgres(settings.state / "postgres", port, password)
    server.init()
    server.start()
    try:
        ensure_databases(server, settings)
        reader = secret_files.read(settings.secrets, "local_roles.json")["source_reader"]
        os.environ["RAPPORT_SOURCE_BENCH_URL"] = address(port, "crm", "source_reader", reader)
        from rapport.local.warehouse import ensure_deployed

        lab = ExtractLab(server, folder, rows)
        lab.fill()
        ensure_deployed(settings)
        yield lab
    finally:
        server.stop()
