"""F1-F15: files that come twice, cut, empty, or in another dress than declared."""

from __future__ import annotations

import pytest

from rapport.errors import RapportError
from rapport.sources.contracts import Contract
from support.fault_lab import CONTRACT, HEADER, content_hash, keys, land, line, lines, rules
from support.landing_lab import LandingLab

fault = pytest.mark.fault


@pytest.fixture
def loans(lab: LandingLab) -> Contract:
    return lab.contract(CONTRACT)


def stops(lab: LandingLab, loans: Contract, content: str | bytes, message: str) -> None:
    """The file is refused as a whole, and history stays as it was."""
    before = content_hash(lab, "demo__loans")
    with pytest.raises(RapportError, match=message):
        land(lab, loans, content)
    assert content_hash(lab, "demo__loans") == before


@fault("F1", "the same file twice", "Every row counts as unchanged; nothing lands.")
def test_f1_the_same_file_twice_lands_nothing(lab: LandingLab, loans: Contract) -> None:
    land(lab, loans, lines(50))
    before = content_hash(lab, "demo__loans")
    counts = land(lab, loans, lines(50))
    assert (counts.landed, counts.unchanged) == (0, 50)
    assert content_hash(lab, "demo__loans") == before


@fault("F2", "the same name with new content", "Only what changed lands; the old version is kept.")
def test_f2_the_same_name_with_new_content_lands_what_changed(
    lab: LandingLab, loans: Contract
) -> None:
    first = lab.write("loans.csv", HEADER + line("a") + line("b")).name
    batch = lab.extract(loans).batch_seq
    counts = land(lab, loans, HEADER + line("a", note="new") + line("b"))
    assert (counts.landed, counts.unchanged) == (1, 1)
    assert lab.visible("demo__loans", "loan_id, note", ceiling=batch) == [("a", None), ("b", None)]
    hashes = lab.rows(f"select distinct sha256 from ctl.input_file where path = '{first}'")
    assert len(hashes) == 2


@fault(
    "F3",
    "a file cut at a line end",
    "Stops when more than max(1 %, 100 rows) or half of the table would be gone; a smaller loss"
    " becomes tombstones, which the next whole file takes back.",
)
def test_f3_a_file_cut_at_a_line_end_stops(lab: LandingLab, loans: Contract) -> None:
    land(lab, loans, lines(300))
    stops(lab, loans, lines(150), "150 of 300 rows are no longer in the source")
    assert land(lab, loans, lines(290)).tombstoned == 10
    counts = land(lab, loans, lines(300))
    assert (counts.landed, counts.unchanged) == (10, 290)


@fault(
    "F4",
    "a file cut inside a field",
    "The cut line is quarantined with its place; no key is taken for deleted meanwhile.",
)
def test_f4_a_file_cut_inside_a_field_loses_no_key(lab: LandingLab, loans: Contract) -> None:
    land(lab, loans, lines(50))
    whole = lines(50)
    counts = land(lab, loans, whole[: whole.rindex("CNY") + 2])
    assert (counts.quarantined, counts.unchanged, counts.tombstoned) == (1, 49, 0)
    assert len(keys(lab)) == 50


@fault("F5", "an empty file", "Stops: there is no header.")
def test_f5_an_empty_file_stops(lab: LandingLab, loans: Contract) -> None:
    land(lab, loans, lines(5))
    stops(lab, loans, "", "loans.csv")


@fault("F6", "a header and nothing else", "Stops where rows were known, until it is approved.")
def test_f6_a_header_alone_stops(lab: LandingLab, loans: Contract) -> None:
    land(lab, loans, lines(5))
    stops(lab, loans, HEADER, "the source delivered 0 rows where 5 were known")


@fault("F7", "a byte order mark", "It is stripped.")
def test_f7_a_byte_order_mark_is_no_part_of_the_header(lab: LandingLab, loans: Contract) -> None:
    counts = land(lab, loans, b"\xef\xbb\xbf" + lines(3).encode())
    assert (counts.landed, counts.quarantined) == (3, 0)


@fault("F8", "GBK where UTF-8 is declared", "Lines quarantined; declared, they land.")
def test_f8_gbk_is_read_as_declared_or_not_at_all(lab: LandingLab, loans: Contract) -> None:
    content = (HEADER + line("a", note="贷款") + line("b")).encode("gbk")
    counts = land(lab, loans, content)
    assert (counts.quarantined, counts.landed) == (1, 1)
    assert rules(lab) == ["line:encoding"]
    other = lab.contract(
        CONTRACT.replace("demo", "other").replace("loans.csv", "loans.csv\n    encoding: gb18030"),
        "other",
    )
    lab.extract(other)
    assert lab.visible("other__loans", "loan_id, note") == [("a", "贷款"), ("b", None)]


@fault("F9", "four-byte GB18030", "Read as declared, to the character.")
def test_f9_four_byte_gb18030_is_read(lab: LandingLab) -> None:
    loans = lab.contract(CONTRACT.replace("loans.csv", "loans.csv\n    encoding: gb18030"))
    land(lab, loans, (HEADER + line("a", note="㐀𠀀")).encode("gb18030"))
    assert lab.visible("demo__loans", "note") == [("㐀𠀀",)]


@fault("F10", "mixed encodings", "Lines in another encoding are quarantined, the others land.")
def test_f10_mixed_encodings_cost_their_own_lines(lab: LandingLab, loans: Contract) -> None:
    content = (HEADER + line("a", note="你好")).encode() + line("b", note="你好").encode("gbk")
    counts = land(lab, loans, content)
    assert (counts.landed, counts.quarantined) == (1, 1)
    assert lab.visible("demo__loans", "loan_id, note") == [("a", "你好")]


@fault("F11", "a NUL byte", "The line is quarantined.")
def test_f11_a_nul_byte_costs_its_own_line(lab: LandingLab, loans: Contract) -> None:
    counts = land(lab, loans, HEADER + line("a", note="x\0y") + line("b"))
    assert (counts.landed, rules(lab)) == (1, ["line:nul_byte"])


@fault("F12", "line breaks, quotes and formulas in a field", "Data like any other, to the letter.")
def test_f12_line_breaks_quotes_and_formulas_are_data(lab: LandingLab, loans: Contract) -> None:
    notes = ['"one\ntwo"', '"say ""hi"""', '"=HYPERLINK(""x"")"']
    land(lab, loans, HEADER + "".join(line(f"k{i}", note=n) for i, n in enumerate(notes)))
    assert lab.visible("demo__loans", "loan_id, note") == [
        ("k0", "one\ntwo"),
        ("k1", 'say "hi"'),
        ("k2", '=HYPERLINK("x")'),
    ]


@fault("F13", "a text field of 10 MB", "Lands whole.")
def test_f13_a_field_of_ten_megabytes_lands(lab: LandingLab, loans: Contract) -> None:
    assert land(lab, loans, HEADER + line("a", note="x" * 10_000_000)).landed == 1
    assert lab.visible("demo__loans", "length(note)") == [(10_000_000,)]


@fault("F14", "columns in another order", "Matched by name; every value lands where it belongs.")
def test_f14_a_reordered_header_is_matched_by_name(lab: LandingLab, loans: Contract) -> None:
    land(lab, loans, HEADER + line("a", note="n"))
    names = HEADER.strip().split(",")
    values = line("a", note="n").strip().split(",")
    counts = land(lab, loans, ",".join(names[::-1]) + "\n" + ",".join(values[::-1]) + "\n")
    assert (counts.landed, counts.unchanged) == (0, 1)


@fault("F15", "CRLF or CR line ends", "Read like LF: the same rows.")
@pytest.mark.parametrize("end", ["\r\n", "\r"], ids=["crlf", "cr"])
def test_f15_every_line_end_gives_the_same_rows(lab: LandingLab, loans: Contract, end: str) -> None:
    land(lab, loans, lines(5))
    assert land(lab, loans, lines(5).replace("\n", end)).unchanged == 5
