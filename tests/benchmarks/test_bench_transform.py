"""The benchmark itself works: a short sample, whose figures say nothing about speed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

KEYS = {"rows", "seconds", "dpd_ratio", "ecl_seconds", "growth_exponent"}


def test_a_short_sample_ends_in_one_line_of_figures() -> None:
    script = Path(__file__).with_name("bench_transform.py")
    command = [sys.executable, str(script), "--rows", "10000"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    figures = json.loads(done.stdout.strip().splitlines()[-1])
    assert set(figures) == KEYS
    assert figures["rows"] > 9000
    assert figures["dpd_ratio"] > 0 < figures["seconds"]
