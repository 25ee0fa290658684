"""A place in a YAML suite file: its value, and an error that names file, line and key."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rapport.errors import RapportError
from rapport.sources.documents import Document, Path_, read_document


@dataclass(frozen=True)
class Entry:
    """One key or item of a document."""

    document: Document
    path: Path_ = ()

    @property
    def value(self) -> Any:
        found: Any = self.document.data
        for part in self.path:
            found = found[part]
        return found

    def error(self, problem: str, *, next_step: str | None = None) -> RapportError:
        return RapportError(
            self.document.describe(self.path, problem),
            next_step=next_step or "Correct the file, then run `rapport doctor`.",
        )

    def __getitem__(self, key: str) -> Entry:
        child = self.get(key)
        if child is None:
            raise self.error(f"the key {key!r} is missing")
        return child

    def get(self, key: str) -> Entry | None:
        return self.mapping().get(key)

    def mapping(self) -> dict[str, Entry]:
        if not isinstance(self.value, dict):
            raise self.error("must be a mapping of keys to values")
        return {key: Entry(self.document, (*self.path, key)) for key in self.value}

    def items(self) -> Iterator[Entry]:
        if not isinstance(self.value, list):
            raise self.error("must be a list")
        yield from (Entry(self.document, (*self.path, i)) for i in range(len(self.value)))

    def keys_only(self, *allowed: str) -> None:
        """Refuse keys that nothing reads: a misspelt key must not be silently ignored."""
        for key, child in self.mapping().items():
            if key not in allowed:
                raise child.error(f"unknown key; known here: {', '.join(sorted(allowed))}")

    def text(self) -> str:
        if not isinstance(self.value, str) or not self.value.strip():
            raise self.error("must be a text that is not empty")
        return self.value.strip()


def read(file: Path, *, shown: str) -> Entry:
    """The whole of a suite file; ``shown`` is how errors call it.

    Raises:
        RapportError: when the file is not a YAML mapping or a key stands twice.
    """
    return Entry(read_document(file, shown))
