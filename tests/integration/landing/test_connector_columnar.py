"""Parquet and Excel files, in a folder or behind a URL: exact values, known places."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from uuid import uuid4

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from openpyxl import Workbook

from rapport.errors import RapportError
from support.landing_lab import LandingLab

CONTRACT = """
source: demo
connector: files
folder: {folder}
tables:
  loans:
    file: "{file}"
    {more}
    key: [loan_id]
    control_amount: amount
    columns:
      loan_id: text
      amount: numeric(20,2)
      opened: {{type: date, format: {format}}}
      changed: timestamptz
      is_open: boolean
      count: integer
"""
COLUMNS = "loan_id, amount::text, opened::text, changed::text, is_open, count"
EXPECTED = [
    ("L1", "12345678901234567.89", "2024-02-29", "2024-03-01 08:00:00.5+00", True, 7),
    ("L2", None, None, None, None, None),
]


def table() -> pa.Table:
    return pa.table(
        {
            "loan_id": pa.array(["L1", "L2"]).dictionary_encode(),
            "amount": pa.array([Decimal("12345678901234567.89"), None], pa.decimal128(20, 2)),
            "opened": pa.array([date(2024, 2, 29), None]),
            "changed": pa.array([datetime(2024, 3, 1, 8, 0, 0, 500_000, UTC), None]),
            "is_open": pa.array([True, None]),
            "count": pa.array([7.0, None]),
        }
    )


def contract(folder: str, file: str, more: str = "", format_: str = "null") -> str:
    return CONTRACT.format(folder=folder, file=file, more=more, format=format_)


def test_a_parquet_file_lands_exactly(lab: LandingLab) -> None:
    pq.write_table(table(), lab.folder / "loans.parquet")
    counts = lab.land(lab.contract(contract("${LAB_FOLDER}", "loans.parquet")), "loans")
    assert counts.landed == 2
    assert lab.visible("demo__loans", COLUMNS) == EXPECTED


def test_a_workbook_lands_as_it_is_shown(lab: LandingLab) -> None:
    book = Workbook()
    book.active.append(["not", "this", "sheet"])
    sheet = book.create_sheet("loans")
    sheet.append(["loan_id", "amount", "opened", "changed", "is_open", "count", None])
    sheet.append(["L1", "12345678901234567.89", date(2024, 2, 29), None, True, 7])
    sheet.append([None, None])
    sheet.append(["L2", 0.1, "29/02/2024", datetime(2024, 3, 1, 8, 30), False, 8.5])
    book.save(lab.folder / "book.xlsx")
    text = contract("${LAB_FOLDER}", "book.xlsx", "sheet: loans", "DD/MM/YYYY")
    made = lab.contract(text)
    counts = lab.land(made, "loans")
    assert (counts.read, counts.landed, counts.quarantined) == (2, 1, 1)
    assert lab.visible("demo__loans", COLUMNS)[0][:3] == EXPECTED[0][:3]
    ((rule, locator),) = lab.rows("select rule, locator from quarantine.demo__loans")
    assert (rule, locator["file"], locator["line"]) == ("type:count", "book.xlsx", 4)


@pytest.mark.parametrize("kind", ["file", "memory"])
def test_files_behind_a_url_are_read_like_those_of_a_folder(lab: LandingLab, kind: str) -> None:
    place = f"memory://{uuid4().hex}" if kind == "memory" else lab.folder.as_uri()
    files = fsspec.filesystem(kind)
    root = place.partition("://")[2]
    with files.open(f"{root}/a.csv", "wb") as file:
        file.write(b"loan_id,amount,opened,changed,is_open,count\nL1,1.50,,,,\n")
    made = lab.contract(contract(place, "*.csv"))
    assert lab.land(made, "loans").landed == 1
    assert lab.rows("select path from ctl.input_file", role="auditor") == [("a.csv",)]
    with files.open(f"{root}/b.csv", "wb") as file:
        file.write(b"loan_id,amount,opened,changed,is_open,count\nL2,x,,,,\n")
    assert lab.land(made, "loans").quarantined == 1


def test_a_cut_parquet_file_is_refused(lab: LandingLab) -> None:
    path = lab.folder / "loans.parquet"
    pq.write_table(table(), path)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(RapportError, match="not a whole Parquet file"):
        lab.extract(lab.contract(contract("${LAB_FOLDER}", "loans.parquet")))


def test_a_column_of_lists_is_refused_by_name(lab: LandingLab) -> None:
    made = table().set_column(5, "count", pa.array([[1], None]))
    pq.write_table(made, Path(lab.folder) / "loans.parquet")
    with pytest.raises(RapportError, match="Column count holds list"):
        lab.extract(lab.contract(contract("${LAB_FOLDER}", "loans.parquet")))
