"""G10: an exported ledger is edited, thinned, shuffled or cut at random; all of it is found.

The head is kept apart from the file, as `rapport ledger export` prints it to be.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from rapport.publishing.ledger import LedgerBroken, verify
from support import ledgers

TRIALS = 1000
ENTRIES = 40
Lines = list[str]


def edit_a_byte(lines: Lines, chance: random.Random) -> Lines:
    number = chance.randrange(len(lines))
    raw = bytearray(lines[number].encode())
    raw[chance.randrange(len(raw))] ^= 1 << chance.randrange(8)
    return [*lines[:number], raw.decode("utf-8", "surrogateescape"), *lines[number + 1 :]]


def insert_or_remove_a_blank(lines: Lines, chance: random.Random) -> Lines:
    number = chance.randrange(len(lines))
    line = lines[number]
    at = chance.randrange(len(line))
    changed = line[:at] + " " + line[at:] if chance.random() < 0.5 else line[:at] + line[at + 1 :]
    return [*lines[:number], changed, *lines[number + 1 :]]


def delete_entries(lines: Lines, chance: random.Random) -> Lines:
    gone = set(chance.sample(range(len(lines)), chance.randint(1, 3)))
    return [line for number, line in enumerate(lines) if number not in gone]


def swap_entries(lines: Lines, chance: random.Random) -> Lines:
    first, second = chance.sample(range(len(lines)), 2)
    changed = list(lines)
    changed[first], changed[second] = lines[second], lines[first]
    return changed


def repeat_an_entry(lines: Lines, chance: random.Random) -> Lines:
    number = chance.randrange(len(lines))
    at = chance.randrange(len(lines) + 1)
    return [*lines[:at], lines[number], *lines[at:]]


def cut_the_tail(lines: Lines, chance: random.Random) -> Lines:
    return lines[: chance.randrange(len(lines))]


def write_anew_after_an_edit(lines: Lines, chance: random.Random) -> Lines:
    entries = ledgers.records(lines)
    chance.choice(entries)["actor"] = f"somebody {chance.random()}"
    return ledgers.chained(entries)[0]


def write_anew_without_an_entry(lines: Lines, chance: random.Random) -> Lines:
    entries = ledgers.records(lines)
    del entries[chance.randrange(len(entries))]
    return ledgers.chained(entries)[0]


def write_anew_in_another_order(lines: Lines, chance: random.Random) -> Lines:
    entries = ledgers.records(lines)
    first, second = chance.sample(range(len(entries)), 2)
    entries[first], entries[second] = entries[second], entries[first]
    return ledgers.chained(entries)[0]


ATTACKS: tuple[Callable[[Lines, random.Random], Lines], ...] = (
    edit_a_byte,
    insert_or_remove_a_blank,
    delete_entries,
    swap_entries,
    repeat_an_entry,
    cut_the_tail,
    write_anew_after_an_edit,
    write_anew_without_an_entry,
    write_anew_in_another_order,
)


def test_a_thousand_random_changes_of_an_export_are_all_found(tmp_path: Path) -> None:
    chance = random.Random(8785)
    original, head = ledgers.chained(ledgers.sample(ENTRIES))
    path = tmp_path / "export"
    assert verify(ledgers.write(path, original), expect=str(head)) == head
    found: Counter[str] = Counter()
    for trial in range(TRIALS):
        attack = ATTACKS[trial % len(ATTACKS)]
        changed = attack(original, chance)
        assert changed != original, attack.__name__
        ledgers.write(path, changed)
        with pytest.raises(LedgerBroken):
            verify(path, expect=str(head))
        found[attack.__name__] += 1
    print(f"{sum(found.values())} of {TRIALS} changes found: {dict(found)}")
    assert sum(found.values()) == TRIALS
