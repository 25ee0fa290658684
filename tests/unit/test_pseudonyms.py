"""Pseudonyms: the same person everywhere, and nothing to read back."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from rapport.errors import RapportError
from rapport.settings import load
from rapport.sources.connectors.binary_copy import person_change
from rapport.sources.pseudonyms import Pseudonymiser, load_pseudonymiser

ONE = Pseudonymiser("1", b"x" * 32)


def field(value: bytes | None) -> bytes:
    return struct.pack("!i", -1) if value is None else struct.pack("!i", len(value)) + value


def test_equal_values_stay_equal_and_others_differ() -> None:
    assert ONE.of("91330106") == ONE.of(" 91330106 ")
    assert ONE.of("91330106") != ONE.of("91330107")
    assert ONE.of("e\u0301") == ONE.of("\u00e9")


def test_the_pseudonym_names_its_key_and_holds_no_part_of_the_value() -> None:
    pseudonym = ONE.of("91330106")
    assert pseudonym is not None
    assert pseudonym.startswith("k1:")
    assert len(pseudonym) == 3 + 64
    assert "91330106" not in pseudonym
    assert pseudonym != Pseudonymiser("1", b"y" * 32).of("91330106")


def test_a_blank_value_is_no_identifier() -> None:
    assert ONE.of("  ") is None


def test_the_key_is_drawn_once_and_readable_by_its_owner_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAPPORT_HOME", str(tmp_path))
    first = load_pseudonymiser(load()).of("a")
    assert load_pseudonymiser(load()).of("a") == first
    path = load().secrets / "pseudonym.json"
    assert path.stat().st_mode & 0o077 == 0
    path.write_text('{"current": "2"}')
    with pytest.raises(RapportError, match="cannot be read"):
        load_pseudonymiser(load())


def test_only_the_leading_fields_of_a_binary_row_are_changed() -> None:
    row = struct.pack("!h", 3) + field(b"91330106") + field(None) + field(b"\x00\x01rest")
    changed = person_change(ONE, 2)(row)
    pseudonym = (ONE.of("91330106") or "").encode()
    assert changed == struct.pack("!h", 3) + field(pseudonym) + field(None) + field(b"\x00\x01rest")
