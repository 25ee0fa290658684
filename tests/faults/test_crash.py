"""C1-C5, C15, I1, I3, I14: the loader, its connections or the server die at any point.

After each, the run is simply started again, and landing has the content of a run that was never
disturbed.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from rapport.errors import RapportError
from rapport.local.postgres import EmbeddedPostgres
from rapport.sources.contracts import Contract
from support.fault_lab import accounted, content_hash
from support.landing_child import POINTS
from support.landing_lab import LandingLab
from support.source_lab import OPEN_TRANSACTIONS, SourceLab

fault = pytest.mark.fault
FEES = """\
  fees:
    key: [fee_id]
    columns: {fee_id: text}
"""
TABLES = ("demo__loans", "demo__fees")


@pytest.fixture
def loans(source: SourceLab) -> Contract:
    """A first batch is in; the second, which the tests disturb, brings 20,000 rows more."""
    source.see_all_transactions()
    source.run("create table fees (fee_id text primary key); grant select on fees to source_reader")
    source.run("insert into fees values ('f1')")
    source.run("insert into loans select 'L' || n, n from generate_series(1, 100) as n")
    contract = source.lab.contract(OPEN_TRANSACTIONS + FEES)
    source.land(contract)
    source.run("insert into loans select 'M' || n, n from generate_series(1, 20000) as n")
    source.run("update loans set amount = 0, updated_at = now() where loan_id < 'L2'")
    source.run("insert into fees values ('f2')")
    return contract


@pytest.fixture
def expected(source: SourceLab, loans: Contract) -> str:
    """Content of an undisturbed run, which is then undone."""
    batch = source.lab.extract(loans, "undisturbed", accept=False).batch_seq
    content = content_hash(source.lab, *TABLES)
    source.lab.rows(f"select ctl.reject_batch({batch}, 'test')", role="validator")
    assert content_hash(source.lab, *TABLES) != content
    return content


@contextmanager
def stopped_at(point: str, lab: LandingLab) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """A loader that has come to a point and waits there."""
    flag = lab.folder / f"at_{point}"
    child = subprocess.Popen(
        [
            *(sys.executable, "-m", "support.landing_child"),
            *(str(lab.folder / "demo.yml"), "disturbed", point, str(flag)),
        ],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        deadline = time.monotonic() + 60
        while not flag.exists():
            assert child.poll() is None, child.stderr and child.stderr.read()
            assert time.monotonic() < deadline
            time.sleep(0.02)
        yield child, flag.with_suffix(".go")
    finally:
        child.kill()
        child.communicate()


def retry(source: SourceLab, contract: Contract, expected: str) -> None:
    """The same run again: it ends right, with every row accounted for."""
    report = source.lab.extract(contract, "disturbed")
    if not report.is_new:
        source.lab.rows(f"select ctl.accept_batch({report.batch_seq})", role="validator")
    for counts in report.tables:
        accounted(counts)
    assert content_hash(source.lab, *TABLES) == expected
    assert source.is_in_step()
    assert source.lab.extract(contract, "afterwards").tables[0].landed == 0


BEFORE_COMMIT = POINTS[:-1]
CRASHES = [
    pytest.param(
        "before_snapshot",
        marks=fault("C1", "killed before the snapshot", "The empty batch is undone by the retry."),
        id="c1_before_snapshot",
    ),
    pytest.param(
        "between_tables",
        marks=fault("C2", "killed between two tables", "The half batch is undone by the retry."),
        id="c2_mid_extract",
    ),
    pytest.param(
        "mid_copy",
        marks=fault("C3", "killed inside COPY", "No row of it is visible; the retry starts over."),
        id="c3_mid_copy",
    ),
    pytest.param(
        "before_watermark",
        marks=fault("C4", "killed after COPY, before the watermark", "Rows go with the watermark."),
        id="c4_before_watermark",
    ),
    pytest.param(
        "after_commit",
        marks=fault("C5", "killed after the commit", "The retry finds its batch; reads nothing."),
        id="c5_after_commit",
    ),
]


@pytest.mark.parametrize("point", CRASHES)
def test_a_killed_loader_leaves_nothing_behind(
    source: SourceLab, loans: Contract, expected: str, point: str
) -> None:
    with stopped_at(point, source.lab) as (child, _):
        child.send_signal(signal.SIGKILL)
        child.wait()
    retry(source, loans, expected)


@pytest.mark.parametrize("point", CRASHES)
def test_a_retry_beside_a_stopped_loader_ends_right(
    source: SourceLab, loans: Contract, expected: str, point: str
) -> None:
    with stopped_at(point, source.lab) as (child, _):
        child.send_signal(signal.SIGSTOP)
        retry(source, loans, expected)
        child.send_signal(signal.SIGCONT)


@fault(
    "C15", "a zombie that goes on late", "Its connection and its fence are gone; it lands nothing."
)
@pytest.mark.parametrize("point", BEFORE_COMMIT)
def test_c15_a_zombie_lands_nothing(
    source: SourceLab, loans: Contract, expected: str, point: str
) -> None:
    with stopped_at(point, source.lab) as (zombie, go):
        retry(source, loans, expected)
        batches = source.lab.rows("select batch_seq, status from ctl.batch order by 1")
        go.touch()
        assert zombie.wait(60) != 0
        assert content_hash(source.lab, *TABLES) == expected
        assert source.lab.rows("select batch_seq, status from ctl.batch order by 1") == batches


@fault(
    "I1", "PostgreSQL restarts at once inside COPY", "The run fails clearly; the retry ends right."
)
def test_i1_an_immediate_restart_inside_copy(
    server: EmbeddedPostgres, source: SourceLab, loans: Contract, expected: str
) -> None:
    with stopped_at("mid_copy", source.lab) as (child, go):
        assert server._pg_ctl("stop", "-w", "-m", "immediate").returncode == 0
        server.start()
        go.touch()
        assert child.wait(60) != 0
    source.reconnect()
    retry(source, loans, expected)


@fault(
    "I3",
    "a connection is cut",
    "The run fails clearly, nothing of it is visible, a retry ends right.",
)
@pytest.mark.parametrize("point", BEFORE_COMMIT)
@pytest.mark.parametrize("role", ["source_reader", "rapport_loader"])
def test_i3_a_cut_connection_is_said_clearly(
    source: SourceLab, loans: Contract, expected: str, point: str, role: str
) -> None:
    with stopped_at(point, source.lab) as (child, go):
        cut = source.run(
            "select pg_terminate_backend(pid, 5000) from pg_stat_activity where usename = "
            f"'{role}' and application_name like 'rapport extract%'"
        )
        go.touch()
        _, errors = child.communicate(timeout=60)
        if role == "rapport_loader" or (cut and point != "before_watermark"):
            assert child.returncode != 0
            assert "RapportError" in errors
    retry(source, loans, expected)


@fault(
    "I14",
    "a statement timeout in the source",
    "The error names table and cause; the retry ends right.",
)
def test_i14_a_statement_timeout_in_the_source(
    source: SourceLab, loans: Contract, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    source.run(
        "alter table loans rename to slow; create view loans as select * from slow"
        " where pg_sleep(0.001) is not null; grant select on loans to source_reader"
    )
    source.run(f'alter role source_reader in database "{source.name}" set statement_timeout = 300')
    with pytest.raises(RapportError, match=r"demo\.loans: reading public\.loans failed: cancel"):
        source.land(loans)
    source.run(f'alter role source_reader in database "{source.name}" reset statement_timeout')
    source.run("drop view loans; alter table slow rename to loans")
    retry(source, loans, expected)
