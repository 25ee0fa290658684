"""Files as they come: marks, encodings, packed, cut, reordered, changed while they are read."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from rapport.errors import RapportError
from rapport.settings import load
from rapport.sources.connectors import Target, open_snapshot
from rapport.sources.contracts import load_contracts
from support.landing_lab import LandingLab

CONTRACT = """\
source: demo
connector: files
folder: ${LAB_FOLDER}
tables:
  t:
    file: t.csv
    key: [id]
    columns: {id: text, name: text, amount: {type: "numeric(10,2)", from: Amount due}}
"""
ROWS = "id,name,Amount due\n1,é’,1.50\n2,b,2\n"


@pytest.mark.parametrize(
    "content",
    [
        ROWS.encode(),
        b"\xef\xbb\xbf" + ROWS.encode(),
        ROWS.replace("\n", "\r\n").encode(),
        ROWS.replace("\n", "\r").encode(),
        "junk,Amount due,name,id\nsecret,1.50,é’,1\nsecret,2,b,2\n".encode(),
    ],
    ids=["plain", "byte order mark", "crlf", "cr", "columns reordered and one more"],
)
def test_the_same_rows_land_whatever_the_dress(lab: LandingLab, content: bytes) -> None:
    lab.write("t.csv", content)
    assert lab.land(lab.contract(CONTRACT), "t").landed == 2
    assert lab.visible("demo__t", "id, name, amount::text") == [
        ("1", "é’", "1.50"),
        ("2", "b", "2.00"),
    ]


@pytest.mark.parametrize("encoding", ["cp1252", "gb18030"])
def test_the_declared_encoding_is_read(lab: LandingLab, encoding: str) -> None:
    lab.write("t.csv", ROWS.encode(encoding))
    lab.extract(lab.contract(CONTRACT.replace("file:", f"encoding: {encoding}\n    file:")))
    assert lab.visible("demo__t", "id, name")[0] == ("1", "é’")


def test_another_encoding_than_the_declared_is_quarantined(lab: LandingLab) -> None:
    lab.write("t.csv", ROWS.encode("cp1252"))
    counts = lab.land(lab.contract(CONTRACT), "t")
    assert (counts.landed, counts.quarantined) == (1, 1)
    assert lab.quarantined("demo__t")[0][0] == "line:encoding"


def test_a_packed_file_is_read_and_a_cut_one_is_refused(lab: LandingLab) -> None:
    contract = lab.contract(CONTRACT)
    packed = gzip.compress((ROWS + "".join(f"x{i},y,1\n" for i in range(5000))).encode())
    path = lab.write("t.csv.gz", packed)
    assert lab.land(contract, "t").landed == 5002
    path.write_bytes(packed[:-20])
    with pytest.raises(RapportError, match=r"t\.csv\.gz is not a whole gzip file"):
        lab.extract(contract)
    assert lab.rows("select count(*) from landing.demo__t") == [(5002,)]


def test_a_line_break_inside_a_field_survives(lab: LandingLab) -> None:
    lab.write("t.csv", 'id,name,Amount due\n1,"a\r\n""b"", c",1\n')
    lab.extract(lab.contract(CONTRACT))
    assert lab.visible("demo__t", "id, name") == [("1", 'a\r\n"b", c')]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "t.csv is empty"),
        (
            "id,name,amount due\n",
            "column 'Amount due' is missing. The header has: id, name, amount",
        ),
        ("id,id,name,Amount due\n", "column 'id' comes 2 times"),
        ("1;a;2\n", "column 'id' is missing"),
    ],
)
def test_a_wrong_header_stops_with_what_is_wrong(
    lab: LandingLab, content: str, message: str
) -> None:
    lab.write("t.csv", content)
    with pytest.raises(RapportError) as error:
        lab.extract(lab.contract(CONTRACT))
    assert message in str(error.value)


def test_a_missing_file_stops_unless_it_is_optional(lab: LandingLab) -> None:
    with pytest.raises(RapportError, match=r"there is no file t\.csv"):
        lab.extract(lab.contract(CONTRACT))


def test_a_file_that_changes_while_it_is_read_stops_the_batch(lab: LandingLab) -> None:
    contract = lab.contract(CONTRACT)
    path = lab.write("t.csv", ROWS)
    with open_snapshot(contract, lab.settings) as snapshot, lab.connect("loader") as connection:
        connection.execute(
            "create temporary table raw (_file int, _line bigint, _byte_from bigint,"
            " _byte_to bigint, id text, name text, amount text)"
        )
        path.write_text(ROWS + "3,c,3\n")
        with pytest.raises(RapportError, match="changed while it was read"):
            snapshot.copy(contract.tables["t"], connection, Target("raw"))


def test_several_files_of_one_pattern_are_one_table(lab: LandingLab) -> None:
    lab.write("t-1.csv", ROWS)
    lab.write("t-2.csv", "id,name,Amount due\n3,c,3\n")
    counts = lab.land(lab.contract(CONTRACT.replace("t.csv", "t-*.csv")), "t")
    assert counts.landed == 3
    assert lab.rows("select path, row_count from ctl.input_file order by 1") == [
        ("t-1.csv", 2),
        ("t-2.csv", 1),
    ]


def test_numbers_in_other_notations_are_read_as_declared(lab: LandingLab) -> None:
    amount = '{type: "numeric(10,2)", from: Amount due, decimal: ",", thousands: "."}'
    contract = CONTRACT.replace('{type: "numeric(10,2)", from: Amount due}', amount)
    lab.write("t.csv", 'id,name,Amount due\n1,a,"1.234,50"\n2,b,"7,5"\n3,c,1.5\n')
    assert lab.land(lab.contract(contract), "t").landed == 2
    assert lab.visible("demo__t", "id, amount::text") == [("1", "1234.50"), ("2", "7.50")]


@pytest.mark.parametrize(
    ("format_", "text", "date"),
    [
        ("DD-MM-YYYY", "03-07-2014", "2014-07-03"),
        ("M/D/YY", "1/31/13", "2013-01-31"),
        ("M/D/YY", "12/1/97", "1997-12-01"),
        ("D-Mon-YY", "28-Feb-97", "1997-02-28"),
        ("YYYYMMDD", "20260131", "2026-01-31"),
        ("YYYY年M月D日", "2026年1月31日", "2026-01-31"),
        ("YYYY-MM-DD HH:MI:SS", "2026-01-31 09:30:00", "2026-01-31"),
        ("DD-MM-YYYY", "31-02-2014", None),
        ("DD-MM-YYYY", "2014-07-03", None),
    ],
)
def test_dates_are_read_in_the_declared_format_only(
    lab: LandingLab, format_: str, text: str, date: str | None
) -> None:
    contract = CONTRACT.replace("name: text", f'name: {{type: date, format: "{format_}"}}')
    lab.write("t.csv", f"id,name,Amount due\n1,{text},1\n")
    lab.extract(lab.contract(contract))
    assert lab.visible("demo__t", "name::text") == ([(date,)] if date else [])


def test_a_local_time_that_summer_time_skips_is_quarantined(lab: LandingLab) -> None:
    zone = "name: {type: timestamptz, time_zone: America/New_York}"
    lab.write("t.csv", "id,name,Amount due\n1,2026-03-08T02:30:00,1\n2,2026-03-08T03:30:00,1\n")
    assert lab.land(lab.contract(CONTRACT.replace("name: text", zone)), "t").landed == 1
    assert lab.visible("demo__t", "id, (name at time zone 'UTC')::text") == [
        ("2", "2026-03-08 07:30:00")
    ]


def test_spellings_of_an_id_become_one_and_others_are_quarantined(lab: LandingLab) -> None:
    rule = (
        'id: {type: text, normalise: {strip: true, match: "^C?0*([0-9]{1,8})$", pad: 8, prefix: C}}'
    )
    lab.write("t.csv", "id,name,Amount due\n1925,a,1\nC00004587,a,1\n\u3000C07\u3000,a,1\nX1,a,1\n")
    lab.extract(lab.contract(CONTRACT.replace("id: text", rule)))
    assert lab.visible("demo__t", "id") == [("C00000007",), ("C00001925",), ("C00004587",)]
    assert lab.quarantined("demo__t")[0][0] == "type:id"


def test_rows_without_a_key_are_kept_apart_even_when_equal(lab: LandingLab) -> None:
    contract = CONTRACT.replace("id: text", 'id: {type: text, from: "@digest"}')
    lab.write("t.csv", "name,Amount due\na,1\na,1\nb,2\n")
    registered = lab.contract(contract)
    assert lab.land(registered, "t").landed == 3
    lab.write("t.csv", "name,Amount due\nb,2\na,1\na,1\n")
    assert lab.land(registered, "t").unchanged == 3


def test_declared_null_values_are_null_and_others_are_data(lab: LandingLab) -> None:
    contract = CONTRACT.replace("name: text", 'name: {type: text, null_values: ["-"]}')
    lab.write("t.csv", "id,name,Amount due\n1,-,1\n2,,1\n3,NA,1\n")
    lab.extract(lab.contract(contract))
    assert lab.visible("demo__t", "id, name") == [("1", None), ("2", ""), ("3", "NA")]


def test_person_columns_land_as_pseudonyms_in_files_too(lab: LandingLab) -> None:
    lab.write("t.csv", "id,name,Amount due\n1,Canary Bird,1\n2,,1\n3,Canary Bird,oops\n")
    lab.extract(lab.contract(CONTRACT.replace("name: text", "name: text person")))
    names = [name for _, name in lab.visible("demo__t", "id, name")]
    assert names[0].startswith("k1:")
    assert names[1] is None
    assert "Canary" not in str(lab.rows("select row_data, message from quarantine.demo__t"))


def test_the_canonical_folder_may_hold_one_entity_with_some_columns(
    lab: LandingLab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "canonical"
    folder.mkdir()
    monkeypatch.setenv("RAPPORT_FILES_DIR", str(folder))
    lab.settings = load()
    contract = lab.register(load_contracts(lab.settings)["files"])
    (folder / "clients.csv").write_text("client_id,client_type,name,shoe_size\nC1,corporate,NA,9\n")
    report = lab.extract(contract)
    assert {t.table: t.landed for t in report.tables if t.read} == {"clients": 1}
    assert lab.visible("files__clients", "client_id, name, region") == [("C1", "NA", None)]
    ((snapshot,),) = lab.rows("select snapshot from ctl.batch")
    assert "region" in snapshot["files"]["clients"][0]["absent_columns"]
    (folder / "clients.csv").write_text("client_id,client_type,nmae\nC1,corporate,NA\n")
    with pytest.raises(RapportError, match="'nmae' is not in the contract; is 'name' meant"):
        lab.extract(contract)
