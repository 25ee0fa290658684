"""docs/faults.md says what the fault tests say, and no promised fault is without a test."""

from __future__ import annotations

from support.fault_table import PAGE, faults, page

PROMISED = [
    *(f"C{n}" for n in (1, 2, 3, 4, 5, 15)),
    *(f"F{n}" for n in range(1, 16)),
    *(f"V{n}" for n in range(1, 18)),
    *(f"R{n}" for n in range(1, 11)),
    *(f"S{n}" for n in range(1, 10)),
    *(f"T{n}" for n in range(1, 8)),
    *("I1", "I3", "I13", "I14"),
]


def test_the_page_is_made_from_the_tests() -> None:
    again = "PYTHONPATH=tests .venv/bin/python -m support.fault_table"
    assert PAGE.read_text(encoding="utf-8") == page(), f"make it anew: {again}"


def test_every_promised_fault_of_extraction_has_a_test() -> None:
    assert set(PROMISED) <= {fault.code for fault in faults()}
