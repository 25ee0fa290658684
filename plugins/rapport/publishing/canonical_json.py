"""JSON as RFC 8785 writes it: one text for one value, so that it can be hashed and signed."""

from __future__ import annotations

import json
from typing import Any

_SAFE = 2**53 - 1


def canonical(value: Any) -> str:
    """The canonical text of a value of objects, lists, texts, safe integers, booleans and null.

    Raises:
        ValueError: for any other number (a double is not exact; give its digits as a text) or type.
    """
    if isinstance(value, dict):
        # Member names sort by UTF-16 code units, which big-endian bytes do too.
        names = sorted(value, key=lambda name: name.encode("utf-16-be", "surrogatepass"))
        return "{" + ",".join(f"{_text(name)}:{canonical(value[name])}" for name in names) + "}"
    if isinstance(value, list):
        return "[" + ",".join(canonical(item) for item in value) + "]"
    if isinstance(value, str):
        return _text(value)
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, int) and abs(value) <= _SAFE:
        return str(value)
    raise ValueError(f"{value!r} has no canonical form here")


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)
