"""CSV records: each with its lines and bytes; a broken one costs itself and nothing else."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rapport.errors import RapportError
from rapport.sources.connectors.csv_records import CsvRecords, Record


def read(content: bytes, encoding: str = "utf-8") -> list[Record]:
    return list(CsvRecords(io.BytesIO(content), "file.csv", encoding, ","))


def fields(records: list[Record]) -> list[list[str]]:
    return [r.fields for r in records if not r.broken]


def broken(records: list[Record]) -> list[tuple[int, str]]:
    return [(r.line, r.broken.split(":")[0]) for r in records if r.broken]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_line_end_is_understood(end: str) -> None:
    assert fields(read(f"a,b{end}1,2{end}3,4{end}".encode())) == [
        ["a", "b"],
        ["1", "2"],
        ["3", "4"],
    ]


def test_a_byte_order_mark_is_no_part_of_the_first_name() -> None:
    assert fields(read(b"\xef\xbb\xbfa,b\n1,2\n"))[0] == ["a", "b"]


def test_quotes_newlines_and_formulas_inside_a_field_are_data() -> None:
    records = read(b'a,b\n"x\r\ny","say ""hi"""\n=1+1,"a,b"\n')
    assert fields(records) == [["a", "b"], ["x\r\ny", 'say "hi"'], ["=1+1", "a,b"]]
    assert [r.line for r in records] == [1, 2, 4]


def test_byte_ranges_join_without_a_gap_and_cut_out_the_record() -> None:
    content = b'\xef\xbb\xbfa,b\n\xc3\xa9,"x\ny"\n1,2'
    records = read(content)
    assert [r.byte_to for r in records[:-1]] == [r.byte_from for r in records[1:]]
    assert content[records[1].byte_from : records[1].byte_to] == b'\xc3\xa9,"x\ny"\n'
    assert records[-1].byte_to == len(content)


def test_an_unclosed_quote_costs_its_own_line_only() -> None:
    records = read(b'a,b\n"1,2\n3,4\n5,6\n')
    assert fields(records) == [["a", "b"], ["3", "4"], ["5", "6"]]
    assert broken(records) == [(2, "unterminated_quote")]


def test_a_file_cut_inside_a_quoted_field_says_so() -> None:
    assert broken(read(b'a,b\n1,2\n3,"fo')) == [(3, "unterminated_quote")]


def test_a_file_cut_inside_a_line_says_so() -> None:
    assert broken(read(b"a,b,c\n1,2,3\n4,5")) == [(3, "field_count")]


def test_two_stray_quotes_do_not_swallow_the_lines_between() -> None:
    records = read(b'a,b\n"1,2\n3,4\n5,6"\n7,8\n')
    assert ["3", "4"] in fields(records)
    assert ["7", "8"] in fields(records)


def test_text_after_a_closing_quote_is_refused() -> None:
    records = read(b'a,b\n"1"x,2\n3,4\n')
    assert broken(records) == [(2, "quoting")]
    assert ["3", "4"] in fields(records)


def test_bytes_of_another_encoding_are_refused_line_by_line() -> None:
    records = read("a,b\n中文,1\n".encode() + "中文,2\n".encode("gbk") + b"x,3\n")
    assert broken(records) == [(3, "encoding")]
    assert fields(records)[1:] == [["中文", "1"], ["x", "3"]]


@pytest.mark.parametrize("encoding", ["gbk", "gb18030", "cp1252"])
def test_the_declared_encoding_is_used(encoding: str) -> None:
    text = "é’" if encoding == "cp1252" else "中文"
    assert fields(read(f"a,b\n{text},1\n".encode(encoding), encoding))[1] == [text, "1"]


def test_four_byte_gb18030_is_read() -> None:
    assert fields(read("a\n𠀀\n".encode("gb18030"), "gb18030"))[1] == ["𠀀"]


def test_a_nul_byte_is_refused() -> None:
    assert broken(read(b"a,b\n1,\x002\n3,4\n")) == [(2, "nul_byte")]


def test_blank_lines_are_no_records() -> None:
    assert fields(read(b"a,b\n\n1,2\n\n")) == [["a", "b"], ["1", "2"]]


def test_a_field_of_ten_megabytes_is_read() -> None:
    assert len(fields(read(b"a,b\n1," + b"x" * 10_000_000 + b"\n"))[1][1]) == 10_000_000


def test_utf_16_is_named_for_what_it_is() -> None:
    with pytest.raises(RapportError, match="UTF-16"):
        read("a,b\n".encode("utf-16"))


def test_a_file_of_another_kind_is_given_up() -> None:
    with pytest.raises(RapportError, match="more than 1000 lines cannot be read"):
        read(b"a,b\n" + b"1;2;3\n" * 1001)


@given(
    st.lists(
        st.lists(st.text(alphabet='ab,"\n\r \t;é', max_size=5), min_size=3, max_size=3),
        min_size=1,
        max_size=8,
    )
)
def test_what_a_csv_writer_wrote_is_read_back(rows: list[list[str]]) -> None:
    import csv

    buffer = io.StringIO()
    csv.writer(buffer, quoting=csv.QUOTE_ALL).writerows([["a", "b", "c"], *rows])
    records = read(buffer.getvalue().encode())
    assert fields(records) == [["a", "b", "c"], *rows]
    assert not broken(records)
