"""Where files lie: a folder of this machine, or any place that fsspec knows by a URL."""

from __future__ import annotations

import gzip
import hashlib
import io
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from rapport.errors import RapportError
from rapport.sources.table_contract import TableContract

_CHUNK = 1024 * 1024


@dataclass(frozen=True)
class FoundFile:
    """A file as it was when the snapshot was opened; ``name`` is relative to the folder."""

    name: str
    sha256: str
    size: int
    open: Callable[[], IO[bytes]] = field(repr=False)

    @property
    def kind(self) -> str:
        """``csv`` (whatever has no other known ending), ``parquet`` or ``excel``."""
        ending = self.name.lower().rpartition(".")[2]
        if ending in ("xlsx", "xlsm"):
            return "excel"
        if ending in ("xls", "xlsb", "ods"):
            raise RapportError(
                f"{self.name}: {ending} cannot be read.", next_step="Save it as xlsx or CSV."
            )
        return "parquet" if ending in ("parquet", "pq") else "csv"

    def require_unchanged(self) -> None:
        """Raise RapportError when it is no longer the file that was found."""
        if digest(self.open)[0] != self.sha256:
            raise RapportError(
                f"{self.name} changed while it was read.",
                next_step="Run again when whoever writes it is done.",
            )

    @contextmanager
    def unpacked(self) -> Iterator[IO[bytes]]:
        """The content, of a gzip file what is in it."""
        with self.open() as raw:
            if not self.name.endswith(".gz"):
                yield raw
                return
            try:
                with gzip.GzipFile(fileobj=raw) as packed:
                    yield io.BufferedReader(packed, _CHUNK)
            except (EOFError, zlib.error, gzip.BadGzipFile) as error:
                raise RapportError(
                    f"{self.name} is not a whole gzip file: {error}.",
                    next_step="Get the file again; nothing of this batch is visible.",
                ) from error


class Folder:
    """A folder by its path or fsspec URL (``file:``, ``memory:``, ``s3:``, …)."""

    def __init__(self, location: str) -> None:
        self._location = location
        self._files: Any = None
        if "://" in location:
            self._files, self._root = _remote(location)
        else:
            self._root = str(Path(location).expanduser().absolute())

    def is_there(self) -> bool:
        """Whether the folder can be listed."""
        if self._files is None:
            return Path(self._root).is_dir()
        return bool(self._files.isdir(self._root))

    def names(self, pattern: str) -> list[str]:
        """Names of the files that match, relative to the folder, in order."""
        if self._files is None:
            root = Path(self._root)
            paths = (p for p in root.glob(pattern) if p.is_file())
            return sorted(str(p.relative_to(root)) for p in paths)
        found = self._files.glob(f"{self._root}/{pattern}")
        files = (str(p) for p in found if self._files.isfile(p))
        return sorted(p.removeprefix(self._root).lstrip("/") for p in files)

    def file(self, name: str) -> FoundFile:
        """A file with the hash of its content."""

        def opened() -> IO[bytes]:
            if self._files is None:
                return (Path(self._root) / name).open("rb")
            stream: IO[bytes] = self._files.open(f"{self._root}/{name}", "rb")
            return stream

        return FoundFile(name, *digest(opened), opened)


def find(folder: Folder, table: TableContract) -> list[FoundFile]:
    """The files of a table.

    Raises:
        RapportError: when there is none and one is needed, or one name stands for two.
    """
    patterns = [table.file] if table.file.endswith(".gz") else [table.file, f"{table.file}.gz"]
    names = sorted({n for pattern in patterns for n in folder.names(pattern)})
    if not names and not table.optional:
        raise RapportError(
            f"{table.source}.{table.name}: there is no file {table.file}.",
            next_step="Put it into the source's folder, or declare the table optional.",
        )
    if len(names) > 1 and not set("*?[") & set(table.file):
        raise RapportError(
            f"{table.source}.{table.name}: {' and '.join(names)} are both there.",
            next_step="Keep one of them.",
        )
    return [folder.file(name) for name in names]


def digest(opened: Callable[[], IO[bytes]]) -> tuple[str, int]:
    """SHA-256 and size of a file's content."""
    state = hashlib.sha256()
    size = 0
    with opened() as file:
        while block := file.read(_CHUNK):
            state.update(block)
            size += len(block)
    return state.hexdigest(), size


def _remote(location: str) -> tuple[Any, str]:
    from fsspec.core import url_to_fs

    try:
        files, root = url_to_fs(location)
    except (ValueError, ImportError) as error:
        raise RapportError(
            f"{location.partition('://')[0]}: is no kind of place known here: {error}.",
            next_step="Install the fsspec package for it, or use a folder.",
        ) from error
    return files, str(root).rstrip("/")
