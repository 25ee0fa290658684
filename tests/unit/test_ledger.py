"""An exported ledger is checked without a database, and the first broken entry is named."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from rapport.errors import RapportError
from rapport.publishing import signing
from rapport.publishing.canonical_json import canonical
from rapport.publishing.ledger import LedgerBroken, verify
from support import ledgers


@pytest.fixture
def key(tmp_path: Path) -> Path:
    signing.make_key(tmp_path / "key")
    return tmp_path / "key"


def test_canonical_json_is_that_of_the_rfc() -> None:
    # RFC 8785, 3.2.3: names in the order of UTF-16 code units; 3.2.2.2: escapes.
    names = ["€", "\r", "\ufb33", "1", "😀", "\x80", "ö"]
    ordered = list(json.loads(canonical(dict.fromkeys(names, 0))))
    assert ordered == ["\r", "1", "\x80", "ö", "€", "😀", "\ufb33"]
    text = '€$\u000f\nA\'B"\\\\"/'
    assert canonical(text) == '"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"'
    assert canonical({"b": [None, True, -3], "a": {}}) == '{"a":{},"b":[null,true,-3]}'
    for inexact in (0.1, 2**53, float("nan")):
        with pytest.raises(ValueError, match="no canonical form"):
            canonical(inexact)


def test_a_whole_export_is_accepted_and_its_head_told(tmp_path: Path, key: Path) -> None:
    lines, head = ledgers.chained(ledgers.sample(9))
    path = ledgers.write(tmp_path / "export", [*lines, ledgers.signed(head, key)])
    public = key.with_name("key.pub")
    assert verify(path) == verify(path, public, str(head)) == head
    earlier = ledgers.chained(ledgers.sample(4))[1]
    assert verify(path, expect=str(earlier)) == head


@pytest.mark.parametrize("number", [1, 5, 9])
def test_the_first_broken_entry_is_named(tmp_path: Path, number: int) -> None:
    lines, _ = ledgers.chained(ledgers.sample(9))
    edited = lines[number - 1].replace('"actor":"li.wei', '"actor":"me')
    lines[number - 1] = edited
    with pytest.raises(LedgerBroken, match=f"broken at entry {number}:"):
        verify(ledgers.write(tmp_path / "export", lines))


def test_a_removed_entry_and_a_cut_end_are_named(tmp_path: Path, key: Path) -> None:
    lines, head = ledgers.chained(ledgers.sample(9))
    with pytest.raises(LedgerBroken, match="broken at entry 4: it calls itself entry 5"):
        verify(ledgers.write(tmp_path / "export", lines[:3] + lines[4:]))
    cut = ledgers.write(tmp_path / "export", lines[:7])
    with pytest.raises(LedgerBroken, match="broken at entry 8: the end is cut off"):
        verify(cut, expect=str(head))
    still_signed = ledgers.write(tmp_path / "export", [*lines[:7], ledgers.signed(head, key)])
    with pytest.raises(LedgerBroken, match="broken at entry 8: entry 9 was signed"):
        verify(still_signed)


def test_a_ledger_written_anew_needs_the_key_or_the_head_to_be_seen(
    tmp_path: Path, key: Path
) -> None:
    _, head = ledgers.chained(ledgers.sample(9))
    entries = ledgers.sample(9)
    entries[2]["decision"] = "published"
    entries[2]["actor"] = "me"
    lines, _ = ledgers.chained(entries)
    forged = ledgers.write(tmp_path / "export", lines)
    verify(forged)
    with pytest.raises(LedgerBroken, match="not the expected head"):
        verify(forged, expect=str(head))
    with pytest.raises(LedgerBroken, match="no head from here on is signed"):
        verify(forged, key.with_name("key.pub"))
    false = [*lines, ledgers.signed(ledgers.chained(entries)[1], _other(tmp_path))]
    with pytest.raises(LedgerBroken, match="no head from here on is signed"):
        verify(ledgers.write(tmp_path / "export", false), key.with_name("key.pub"))


def test_a_signature_taken_from_another_head_is_false(tmp_path: Path, key: Path) -> None:
    lines, head = ledgers.chained(ledgers.sample(3))
    other = json.loads(ledgers.signed(ledgers.chained(ledgers.sample(2))[1], key))
    moved = canonical(other | {"head": head.seq, "hash": head.hash})
    with pytest.raises(LedgerBroken, match="the signature over it is false"):
        verify(ledgers.write(tmp_path / "export", [*lines, moved]), key.with_name("key.pub"))


def test_a_key_is_for_its_owner_only_and_never_overwritten(tmp_path: Path, key: Path) -> None:
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    with pytest.raises(RapportError, match="cannot be written"):
        signing.make_key(key)


def test_a_wrong_head_or_key_is_said(tmp_path: Path, key: Path) -> None:
    path = ledgers.write(tmp_path / "export", ledgers.chained(ledgers.sample(1))[0])
    with pytest.raises(RapportError, match="is no head"):
        verify(path, expect="9")
    with pytest.raises(RapportError, match="no public key"):
        verify(path, key)


def _other(folder: Path) -> Path:
    signing.make_key(folder / "other")
    return folder / "other"
