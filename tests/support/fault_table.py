"""The page docs/faults.md, made from the marks of the fault tests.

``python -m support.fault_table`` (with ``tests`` on the path) writes it.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import NamedTuple

CHECKOUT = Path(__file__).resolve().parents[2]
FOLDER = CHECKOUT / "tests" / "faults"
PAGE = CHECKOUT / "docs" / "faults.md"
_GROUPS = {
    "C": "Crash (killed, and retried; also while the old process still lives)",
    "I": "Infrastructure",
    "F": "Files",
    "V": "Values",
    "R": "Relations",
    "S": "Schema",
    "T": "Time",
    "G": "Gates",
}
_HEAD = """\
# Faults

What Rapport does when something breaks, and the test that shows it. The invariant after each: per
table, read = landed + unchanged + quarantined + deduplicated + superseded, in rows and in money;
readers keep the last good release; starting the same run again ends right.

`make test-faults` runs the tests. This page is made from their marks (`pytest.mark.fault`) by
`PYTHONPATH=tests python -m support.fault_table`.
"""


class Fault(NamedTuple):
    """One mark: code (F1), the fault, what happens then, and where the test is."""

    code: str
    name: str
    effect: str
    test: str

    @property
    def order(self) -> tuple[int, int]:
        return list(_GROUPS).index(self.code[0]), int(self.code[1:])


def faults() -> list[Fault]:
    """All marks of the fault tests, by code; each effect once."""
    found: dict[tuple[str, str, str], Fault] = {}
    for path in sorted(FOLDER.glob("test_*.py")):
        for function, call in _marks(ast.parse(path.read_text(encoding="utf-8"))):
            code, name, effect = (ast.literal_eval(argument) for argument in call.args)
            place = (
                f"[{function}](../tests/faults/{path.name})"
                if function
                else (f"[{path.stem}](../tests/faults/{path.name})")
            )
            found.setdefault((code, name, effect), Fault(code, name, effect, place))
    return sorted(found.values(), key=lambda fault: fault.order)


def page() -> str:
    """The whole page."""
    parts = [_HEAD]
    for letter, title in _GROUPS.items():
        rows = [f for f in faults() if f.code[0] == letter]
        if rows:
            parts.append(f"## {title}\n\n| | fault | what happens | test |\n|---|---|---|---|\n")
            parts[-1] += "".join(f"| {f.code} | {f.name} | {f.effect} | {f.test} |\n" for f in rows)
    return "\n".join(parts)


def _marks(module: ast.Module) -> list[tuple[str, ast.Call]]:
    """(test function or "", call) of every ``fault(...)`` with a code, in the order of the file."""
    result: list[tuple[str, ast.Call]] = []
    for node in module.body:
        name = node.name if isinstance(node, ast.FunctionDef) else ""
        for call in ast.walk(node):
            if isinstance(call, ast.Call) and _is_mark(call):
                result.append((name, call))
    return result


def _is_mark(call: ast.Call) -> bool:
    called = call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")
    first = call.args[0] if call.args else None
    return (
        called == "fault"
        and isinstance(first, ast.Constant)
        and re.fullmatch(r"[CIFVRSTG]\d+", str(first.value)) is not None
    )


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
