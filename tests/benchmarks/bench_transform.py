"""Speed of the risk layer: beside one statement written by hand, and as the book grows.

Usage: ``python tests/benchmarks/bench_transform.py [--rows 5000000]``, or ``make bench-transform``.
Two books are built, of a tenth of the rows (instalments and payments) and of all. The last line
is one JSON object: ``rows``; ``seconds`` of the whole risk layer (sum over its models);
``dpd_ratio``, the models of days past due, bucket and outstanding over the statement;
``ecl_seconds`` of the models of expected loss; ``growth_exponent`` of ``seconds`` over the rows.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import shutil
import sys
import tempfile
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(CHECKOUT / "tests"), str(CHECKOUT / "plugins")]

from transform_lab import DPD_MODELS, TransformLab, transform_labs  # noqa: E402


def _risk_seconds(nodes: dict[str, float]) -> float:
    return sum(nodes.values())


def _ecl_seconds(nodes: dict[str, float]) -> float:
    return sum(s for name, s in nodes.items() if name.startswith("int_exposure"))


def _dpd_ratio(lab: TransformLab) -> float:
    nodes = lab.build("--select", *DPD_MODELS, "--exclude-resource-type", "test", threads=1)
    ours = sum(nodes[name] for name in DPD_MODELS)
    by_hand = lab.by_hand()
    if different := lab.differences():
        raise SystemExit(f"The statement and loan_risk differ for {different} loans.")
    print(f"days past due {ours:.2f} s, by hand {by_hand:.2f} s", flush=True)
    return ours / by_hand


def measure(labs: list[TransformLab]) -> dict[str, float | int]:
    """All figures; progress in words on the way."""
    rows, builds = [], []
    for lab in labs:
        rows.append(lab.fill())
        builds.append(lab.build())
        slowest = sorted(builds[-1].items(), key=lambda item: -item[1])[:8]
        print(f"{rows[-1]} rows: risk layer {_risk_seconds(builds[-1]):.1f} s;", end=" ")
        print(", ".join(f"{name} {seconds:.1f}" for name, seconds in slowest), flush=True)
    small, large = (_risk_seconds(build) for build in builds)
    return {
        "rows": rows[-1],
        "seconds": round(large, 3),
        "dpd_ratio": round(_dpd_ratio(labs[-1]), 3),
        "ecl_seconds": round(_ecl_seconds(builds[-1]), 3),
        "growth_exponent": round(math.log(large / small) / math.log(rows[1] / rows[0]), 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=int(os.environ.get("BENCH_ROWS", "5000000")))
    options = parser.parse_args()
    state = CHECKOUT / ".rapport"
    state.mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="bench-", dir=state))
    folder.chmod(0o755)
    try:
        with transform_labs(folder, (options.rows // 10, options.rows)) as labs:
            figures = measure(labs)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
