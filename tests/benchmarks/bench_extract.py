"""Speed of `rapport extract` beside the limit of the machine, dlt, and pandas with COPY.

Usage: ``python tests/benchmarks/bench_extract.py [--rows 1000000] [--compare-rows 200000]``, or
``make bench-extract ROWS=5000000``. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import tempfile
from pathlib import Path

from extract_lab import ExtractLab, extract_lab
from other_loaders import dlt_rate, pandas_rate

CHECKOUT = Path(__file__).resolve().parents[2]


def measure(lab: ExtractLab, compare_rows: int) -> dict[str, float | int | None]:
    """All figures; progress in words on the way."""
    rows = lab.rows
    first, memory = lab.extract()
    if lab.landed() != rows:
        raise SystemExit(f"{lab.landed()} of {rows} rows are in landing.")
    limit = lab.limit()
    print(f"first load {first:.2f} s, psql | psql {limit:.2f} s, peak {memory:.0f} MB", flush=True)
    lab.accept()
    changed = lab.change()
    delta, delta_memory = lab.extract()
    print(f"{changed} changed rows {delta:.2f} s, peak {delta_memory:.0f} MB", flush=True)
    dlt, why = None, "left out"
    if compare_rows:
        some = min(rows, compare_rows)
        print(f"pandas + COPY: {pandas_rate(lab, some):,.0f} rows/s of {some:,}", flush=True)
        dlt, why = dlt_rate(lab, some)
    print(f"dlt: {why}" + (f", {dlt:,.0f} rows/s" if dlt else ""), flush=True)
    return {
        "rows": rows,
        "first_s": round(first, 3),
        "limit_s": round(limit, 3),
        "ratio_to_limit": round(limit / first, 3),
        "ratio_to_dlt": round(rows / first / dlt, 2) if dlt else None,
        "delta_s": round(delta, 3),
        "delta_ratio": round((delta - 2) / first, 4),
        "peak_rss_mb": round(max(memory, delta_memory), 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=int(os.environ.get("BENCH_ROWS", "1000000")))
    parser.add_argument(
        "--compare-rows",
        type=int,
        default=int(os.environ.get("BENCH_COMPARE_ROWS", "200000")),
        help="rows for pandas and dlt (0: leave them out)",
    )
    options = parser.parse_args()
    state = CHECKOUT / ".rapport"
    state.mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="bench-", dir=state))
    folder.chmod(0o755)
    try:
        with extract_lab(folder, options.rows) as lab:
            figures = measure(lab, options.compare_rows)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
