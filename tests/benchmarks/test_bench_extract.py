"""The benchmark itself works: a short sample, whose figures say nothing about speed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

KEYS = {
    *("rows", "first_s", "limit_s", "ratio_to_limit", "ratio_to_dlt"),
    *("delta_s", "delta_ratio", "peak_rss_mb"),
}


def test_a_short_sample_ends_in_one_line_of_figures() -> None:
    script = Path(__file__).with_name("bench_extract.py")
    command = [sys.executable, str(script), "--rows", "2000", "--compare-rows", "0"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    figures = json.loads(done.stdout.strip().splitlines()[-1])
    assert set(figures) == KEYS
    assert figures["rows"] == 2000
    assert figures["ratio_to_dlt"] is None
    assert figures["first_s"] > 0 < figures["limit_s"]
