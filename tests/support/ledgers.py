"""Exports of a ledger, written as `rapport ledger export` writes them, without a warehouse."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from rapport.publishing.canonical_json import canonical
from rapport.publishing.ledger import START, Head
from rapport.publishing.signing import sign_head


def records(lines: list[str]) -> list[dict[str, Any]]:
    """The entries behind lines of an export, without number and link."""
    entries = [json.loads(line).get("entry") for line in lines]
    return [{k: v for k, v in e.items() if k not in ("seq", "previous")} for e in entries if e]


def chained(entries: list[dict[str, Any]]) -> tuple[list[str], Head]:
    """Lines of an export of these entries, and its head."""
    lines, head = [], Head(0, START)
    for number, entry in enumerate(entries, start=1):
        full = entry | {"seq": number, "previous": head.hash}
        digest = hashlib.sha256(canonical(full).encode()).hexdigest()
        lines.append(canonical({"entry": full, "hash": digest}))
        head = Head(number, digest)
    return lines, head


def signed(head: Head, key: Path) -> str:
    """The line of a signed head."""
    key_id, signature = sign_head(key, head.seq, head.hash)
    return canonical({"head": head.seq, "hash": head.hash, "key": key_id, "signature": signature})


def sample(count: int) -> list[dict[str, Any]]:
    """Entries like those of releases."""
    return [
        {
            "decision": "published" if number % 5 else "refused",
            "release": number,
            "as_of": f"2026-{number % 12 + 1:02}-28",
            "actor": "li.wei / 李伟",
            "marts": {"loan_risk": {"rows": 100 + number, "sha256": f"{number:064x}"}},
            "controls": {"exposure CNY": {"landed": f"{number * 1000}.05"}},
            "reasons": [] if number % 5 else ["no evidence"],
        }
        for number in range(1, count + 1)
    ]


def write(path: Path, lines: list[str]) -> Path:
    path.write_bytes("".join(f"{line}\n" for line in lines).encode("utf-8", "surrogateescape"))
    return path
