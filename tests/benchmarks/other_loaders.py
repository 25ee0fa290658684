"""The same rows moved by pandas + COPY and by dlt, for comparison."""

from __future__ import annotations

import io
import subprocess
import sys
import time
from pathlib import Path

from extract_lab import COLUMNS, ExtractLab

_DLT = """
import sys, dlt
from dlt.sources.sql_database import sql_table
source, warehouse, folder, rows = sys.argv[1:]
def limited(query, table):
    return query.where(table.c.payment_id <= int(rows))
table = sql_table(source, table="payments", backend="pyarrow", query_adapter_callback=limited,
                  reflection_level="full_with_precision")
pipeline = dlt.pipeline("bench", destination=dlt.destinations.postgres(warehouse),
                        dataset_name="bench_dlt", pipelines_dir=folder)
print(pipeline.run(table, write_disposition="replace"))
"""


def pandas_rate(lab: ExtractLab, rows: int) -> float:
    """Rows a second of ``read_sql`` in chunks and COPY of CSV."""
    import pandas as pd
    from sqlalchemy import create_engine

    with lab.connect("rapport") as warehouse:
        warehouse.execute("drop table if exists landing.bench_pandas")
        warehouse.execute(
            "create table landing.bench_pandas (like landing.bench__payments including all)"
        )
        engine = create_engine(
            lab.address("crm").replace("postgresql://", "postgresql+psycopg2://")
        )
        query = f"select {COLUMNS} from payments where payment_id <= {rows}"
        copy = f"copy landing.bench_pandas ({COLUMNS}, _from_batch) from stdin (format csv)"
        started = time.perf_counter()
        with engine.connect().execution_options(stream_results=True) as source:
            for frame in pd.read_sql(query, source, chunksize=50_000):
                text = io.StringIO()
                frame.assign(batch=1).to_csv(text, header=False, index=False)
                with warehouse.cursor() as cursor, cursor.copy(copy.encode()) as writing:
                    writing.write(text.getvalue())
        return rows / (time.perf_counter() - started)


def dlt_rate(lab: ExtractLab, rows: int) -> tuple[float | None, str]:
    """Rows a second of dlt with pyarrow, from an environment of its own; None and why not."""
    python = _environment(lab.folder / "dlt")
    if isinstance(python, str):
        return None, python
    script = lab.folder / "dlt_load.py"
    script.write_text(_DLT, encoding="utf-8")
    addresses = [
        lab.address(name).replace("postgresql://", f"postgresql{driver}://")
        for name, driver in (("crm", "+psycopg2"), ("rapport", ""))
    ]
    command = [str(python), str(script), *addresses, str(lab.folder / "pipelines"), str(rows)]
    started = time.perf_counter()
    environment = {
        "RUNTIME__DLTHUB_TELEMETRY": "false",
        "DO_NOT_TRACK": "1",
        "HOME": str(lab.folder),
        "PATH": "/usr/bin:/bin",
    }
    done = subprocess.run(
        command, capture_output=True, text=True, env=environment, cwd=lab.folder, check=False
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        return None, f"dlt failed: {last.replace(lab.server.password, '***')}"
    return rows / (time.perf_counter() - started), "with pyarrow, its start included"


def _environment(folder: Path) -> Path | str:
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    python = folder / "bin" / "python"
    packages = ["dlt[postgres,sql_database]", "pyarrow", "psycopg2-binary", "sqlalchemy<2.1"]
    command = [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check", *packages]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        return f"dlt cannot be installed here: {last[:200]}"
    return python
