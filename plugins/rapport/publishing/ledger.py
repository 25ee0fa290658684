"""The ledger outside the warehouse: sign its head, export it, check an export without a database.

An export is text, one JSON object a line: the entries in order, each with its hash, then the
signed heads. Every line is canonical JSON, so that no change of a byte goes unseen.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rapport.errors import RapportError
from rapport.publishing.canonical_json import canonical
from rapport.publishing.signing import Verifier, sign_head
from rapport.settings import Settings
from rapport.warehouse import dsn

START = "0" * 64


@dataclass(frozen=True)
class Head:
    """The end of a ledger: number and SHA-256 (hex) of its last entry; written ``seq:hash``."""

    seq: int
    hash: str

    def __str__(self) -> str:
        return f"{self.seq}:{self.hash}"


class LedgerBroken(RapportError):
    """The export is not the ledger that was written; the message names the first broken entry."""


def sign(settings: Settings) -> Head | None:
    """Sign the head with the key of RAPPORT_SIGNING_KEY and keep it; None when no key is set."""
    if settings.signing_key is None:
        return None
    with dsn.connect(dsn.role_dsn(settings, "publisher"), application_name="rapport ledger") as c:
        row = c.execute("select ledger_seq, ledger_hash from ctl.head").fetchone()
        head = Head(*row) if row else Head(0, START)
        if head.seq:
            key_id, signature = sign_head(settings.signing_key, head.seq, head.hash)
            c.execute(
                "select ctl.record_signature(%s, %s, %s, %s)",
                [head.seq, head.hash, key_id, signature],
            )
    return head


def export(settings: Settings, path: Path) -> Head:
    """Write all entries and signatures to a file; the head, to be kept apart from the file."""
    with dsn.connect(dsn.role_dsn(settings, "auditor"), application_name="rapport ledger") as c:
        entries = c.execute("select entry, entry_hash from ctl.ledger order by ledger_seq")
        lines, head = [], Head(0, START)
        for number, (entry, entry_hash) in enumerate(entries.fetchall(), start=1):
            lines.append(canonical({"entry": json.loads(entry), "hash": entry_hash}))
            head = Head(number, entry_hash)
        signatures = c.execute(
            "select ledger_seq, entry_hash, key_id, signature from ctl.ledger_signature"
            " order by ledger_seq, key_id"
        )
        lines += [
            canonical({"head": seq, "hash": h, "key": key, "signature": signature})
            for seq, h, key, signature in signatures.fetchall()
        ]
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return head


def verify(path: Path, key: Path | None = None, expect: str | None = None) -> Head:
    """Check an export, offline; its head.

    Args:
        key: public key; the last entry must then be signed by it.
        expect: a head kept apart, as ``seq:hash``; the export must hold it.

    Raises:
        LedgerBroken: naming the first entry that is not as it was written.
    """
    try:
        lines = path.read_bytes().decode("utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise LedgerBroken(f"{path} cannot be read as an export: {error}") from error
    if lines.pop() != "":
        raise LedgerBroken(f"{path}: the last line is cut.")
    hashes: list[str] = []
    signatures: list[dict[str, Any]] = []
    for number, line in enumerate(lines, start=1):
        record = _record(line, number)
        if "head" in record:
            signatures.append(record)
        elif signatures:
            raise _broken(number, "an entry stands after the signed heads")
        else:
            hashes.append(_checked(record, number, hashes[-1] if hashes else START))
    head = Head(len(hashes), hashes[-1] if hashes else START)
    _check_signatures(signatures, hashes, Verifier(key) if key else None, head)
    if expect is not None:
        _check_expected(expect, hashes)
    return head


def _record(line: str, number: int) -> dict[str, Any]:
    try:
        record = json.loads(line)
        if isinstance(record, dict) and canonical(record) == line and _is_known(record):
            return record
    except (ValueError, RecursionError):
        pass
    raise _broken(number, "the line is not what an export writes")


def _is_known(record: dict[str, Any]) -> bool:
    if set(record) == {"entry", "hash"}:
        return isinstance(record["entry"], dict) and isinstance(record["hash"], str)
    if set(record) != {"head", "hash", "key", "signature"}:
        return False
    return isinstance(record["head"], int) and all(
        isinstance(record[name], str) for name in ("hash", "key", "signature")
    )


def _checked(record: dict[str, Any], number: int, previous: str) -> str:
    entry, claimed = record["entry"], str(record["hash"])
    if hashlib.sha256(canonical(entry).encode()).hexdigest() != claimed:
        raise _broken(number, "its content does not have its hash")
    if entry.get("seq") != number:
        raise _broken(number, f"it calls itself entry {entry.get('seq')}")
    if entry.get("previous") != previous:
        raise _broken(number, "it does not follow the entry before it")
    return claimed


def _check_signatures(
    records: list[dict[str, Any]], hashes: list[str], verifier: Verifier | None, head: Head
) -> None:
    for item in records:
        seq = item["head"]
        if not 1 <= seq <= len(hashes):
            raise _broken(len(hashes) + 1, f"entry {seq} was signed, but is not there")
        if hashes[seq - 1] != item["hash"]:
            raise _broken(seq, "it is not what was signed")
    if verifier is None:
        return
    mine = [item for item in records if item["key"] == verifier.key_id]
    for item in mine:
        if not verifier.accepts(item["head"], item["hash"], item["signature"]):
            raise _broken(item["head"], "the signature over it is false")
    if head.seq and not any(item["head"] == head.seq for item in mine):
        signed = max((item["head"] for item in mine), default=0)
        raise _broken(signed + 1, f"no head from here on is signed by key {verifier.key_id}")


def _check_expected(expect: str, hashes: list[str]) -> None:
    number, _, wanted = expect.partition(":")
    if not (number.isdecimal() and number.isascii() and len(wanted) == 64):
        raise RapportError(f"{expect!r} is no head.", next_step="Give it as SEQ:SHA256.")
    seq = int(number)
    if seq > len(hashes):
        raise _broken(len(hashes) + 1, f"the end is cut off: the expected head is entry {seq}")
    if (hashes[seq - 1] if seq else START) != wanted:
        # The chain itself holds, so it was written anew: where it began cannot be told from it.
        raise _broken(seq, "it is not the expected head; it or an entry before it was replaced")


def _broken(number: int, why: str) -> LedgerBroken:
    return LedgerBroken(
        f"The ledger is broken at entry {number}: {why}.",
        next_step="Compare with an earlier export; docs/threat_model.md says who could do it.",
    )
