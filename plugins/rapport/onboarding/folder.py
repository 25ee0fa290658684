"""Look at the files of a folder: encoding, delimiter, columns, values."""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from rapport.errors import RapportError
from rapport.onboarding.profiles import ColumnProfile
from rapport.sources.connectors.files import part_of
from rapport.sources.connectors.folders import Folder, FoundFile
from rapport.sources.table_contract import TableContract

_ROWS = 500_000
_PATTERNS = ("*.csv", "*.csv.gz", "*.tsv", "*.txt", "*.parquet", "*.xlsx")


@dataclass(frozen=True)
class TableProfile:
    """A table as it was found: where it comes from, how it is written, its columns."""

    name: str
    origin: dict[str, str]
    columns: list[ColumnProfile]
    key: tuple[str, ...] = ()
    types: dict[str, str] | None = None


def profile_folder(location: str) -> list[TableProfile]:
    """All tables of a folder, one for each file (of the first half million rows).

    Raises:
        RapportError: when the folder is not there or holds no file of a known kind.
    """
    folder = Folder(location)
    families: dict[str, list[str]] = {}
    for name in _names(folder):
        # loans_2024-01.csv and loans_2024-02.csv are months of one table.
        families.setdefault(re.sub(r"\d+([._-]\d+)*", "*", name), []).append(name)
    if not families:
        raise RapportError(
            f"{location} holds no CSV, Parquet or Excel file.", next_step="Name another folder."
        )
    taken: set[str] = set()
    return [
        _profile([folder.file(n) for n in names], pattern if "*" in pattern else names[0], taken)
        for pattern, names in families.items()
    ]


def _names(folder: Folder) -> list[str]:
    if not folder.is_there():
        return []
    return sorted({name for pattern in _PATTERNS for name in folder.names(pattern)})


def plain_name(text: str, taken: set[str]) -> str:
    """A name for a table or column: lower case, a-z, digits and underscores, not yet taken."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", text.strip())
    name = re.sub(r"[^a-z0-9]+", "_", spaced.lower()).strip("_")[:45] or "column"
    name = name if name[0].isalpha() else f"c_{name}"
    found, number = name, 2
    while found in taken:
        found, number = f"{name}_{number}", number + 1
    taken.add(found)
    return found


def _profile(files: list[FoundFile], pattern: str, taken_names: set[str]) -> TableProfile:
    file = files[0]
    origin = {"file": pattern}
    if file.kind == "csv":
        encoding = _encoding(file)
        origin["delimiter"] = _delimiter(file, encoding)
        if encoding != "utf-8":
            origin["encoding"] = encoding
    header = _header(file, origin)
    taken: set[str] = set()
    profiles = [ColumnProfile(source, plain_name(source, taken)) for source in header]
    contract = TableContract.model_validate(
        {
            **{k: v for k, v in origin.items() if k != "file"},
            "source": "new",
            "name": "new",
            "file": file.name,
            "key": [profiles[0].name],
            "columns": [{"name": p.name, "from": p.source, "type": "text"} for p in profiles],
        }
    )
    seen = 0
    for part in (part_of(contract, f) for f in files):
        for batch in part.batches():
            for values, profile in zip(zip(*batch.rows, strict=True), profiles, strict=False):
                for value in values:
                    profile.see(value)
            seen += len(batch.rows)
            if seen >= _ROWS:
                break
    stem = re.sub(r"\.(csv|tsv|txt|parquet|xlsx)(\.gz)?$", "", pattern.rpartition("/")[2])
    name = plain_name(stem.replace("*", ""), taken_names)
    return TableProfile(name, origin, profiles)


def _header(file: FoundFile, origin: dict[str, str]) -> list[str]:
    if file.kind == "csv":
        encoding = "utf-8-sig" if origin.get("encoding", "utf-8") == "utf-8" else origin["encoding"]
        with file.unpacked() as opened:
            lines = codecs.getreader(encoding)(opened)
            names = next(csv.reader(lines, delimiter=origin["delimiter"]), [])
    elif file.kind == "parquet":
        import pyarrow.parquet as pq

        with file.open() as opened:
            names = list(pq.read_schema(opened).names)
    else:
        from openpyxl import load_workbook

        with file.open() as opened:
            sheet = load_workbook(opened, read_only=True).worksheets[0]
            first = next(sheet.iter_rows(values_only=True), ())
            names = [str(v) for v in first if v is not None]
    names = [n.strip() for n in names]
    if len(names) != len(set(names)) or "" in names:
        raise RapportError(
            f"{file.name}: its first line does not name every column once: {', '.join(names)}.",
            next_step="Give every column a name of its own in the first line.",
        )
    return names


def _encoding(file: FoundFile) -> str:
    for encoding in ("utf-8", "gb18030", "cp1252"):
        decoder = codecs.getincrementaldecoder(encoding)()
        try:
            with file.unpacked() as opened:
                while block := opened.read(1024 * 1024):
                    decoder.decode(block)
                decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            continue
        return encoding
    raise RapportError(
        f"{file.name} is neither UTF-8 nor GB18030 nor Windows-1252.",
        next_step="Export it as UTF-8.",
    )


def _delimiter(file: FoundFile, encoding: str) -> str:
    """The mark that parts the first lines into the same number (above one) of fields."""

    def lines() -> Iterator[str]:
        with file.unpacked() as opened:
            yield from islice(codecs.getreader(encoding)(opened), 200)

    text = list(lines())
    best = (0.0, 0, ",")
    for mark in (",", ";", "\t", "|"):
        widths = [len(row) for row in csv.reader(text, delimiter=mark) if row]
        if widths and widths[0] > 1:
            same = sum(w == widths[0] for w in widths) / len(widths)
            best = max(best, (same, widths[0], mark))
    return best[2]
