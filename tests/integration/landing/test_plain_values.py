"""The quick reading of text and the careful one agree on every value the quick one accepts."""

from __future__ import annotations

import random

import pytest

from rapport.landing.formats import reading
from rapport.sources.connectors.plain_values import NULL, plain_column
from rapport.sources.table_contract import Column
from support.landing_lab import LandingLab

ZONE = "Europe/Amsterdam"
COLUMNS = {
    "amount": {"type": "numeric(20,2)"},
    "share": {"type": "numeric(4,4)"},
    "units": {"type": "numeric(3,0)"},
    "german": {"type": "numeric(12,2)", "decimal": ",", "thousands": "."},
    "grouped": {"type": "numeric(12,2)", "thousands": ","},
    "dollars": {"type": "numeric(12,2)", "thousands": ",", "normalise": {"remove": ["$"]}},
    "small": {"type": "smallint"},
    "whole": {"type": "integer"},
    "large": {"type": "bigint"},
    "flag": {"type": "boolean"},
    "day": {"type": "date"},
    "american": {"type": "date", "format": "M/D/YY"},
    "sas": {"type": "date", "format": "DD-Mon-YYYY"},
    "either": {"type": "date", "format": ["SAS", "DD-Mon-YY", "M/D/YYYY", "ISO"]},
    "guess": {"type": "date", "format": ["M/D/YYYY", "D/M/YYYY"]},
    "midnight": {"type": "date", "format": 'MM/DD/YYYY" 12:00:00 AM"'},
    "mixed": {"type": "timestamptz", "format": ["DD/MM/YYYY HH:MI", "ISO"]},
    "moment": {"type": "timestamptz"},
    "stamp": {"type": "timestamp"},
    "french": {"type": "timestamptz", "format": "DD/MM/YYYY HH:MI"},
    "clock": {"type": "time"},
    "spell": {"type": "interval"},
    "plain": {"type": "text", "null_values": ["", "NA"]},
    "kept": {"type": "text", "null_values": []},
    "tidy": {"type": "text", "normalise": {"strip": True, "case": "upper", "remove": ["-"]}},
}
TEXTS = [
    *("", " ", "NA", "0", "1", "-1", "+7", "00", "007", "1.5", "-0.005", "0.005", "999.995", ".5"),
    *("5.", "1e3", "1E400", "NaN", "Infinity", "-inf", "0x1F", "1_000", "1,234.50", "1.234,50"),
    *("1,50", "12,34,567", "99999", "32767", "32768", "2147483648", "5.0", "5.00 ", " 42", "４２"),
    *("9" * 17, "9" * 18, "9" * 19, "9" * 60, "0.9999", "0.99995", "1.0", "true", "TRUE", "tr"),
    *("Yes", "n", "on", "oF", "2024-02-29", "2023-02-29", "0000-00-00", "9999-12-31", "infinity"),
    *("0001-01-01", "2024-1-5", "2024-01-05T00:00", "2024-01-05 00:00:00.000", "2024-01-05 10:00"),
    *(
        "13/1/2024",
        "15074",
        "-3",
        "05-Jan-24",
        "1/5/2024",
        "04/30/2023 12:00:00 AM",
        "04/30/2023 11:00:00 AM",
    ),
    *("$1,234.50 ", "$ 5", "$", "-$7.10"),
    *("1/5/24", "01/05/70", "13/1/24", "29/02/2024 23:59", "31/03/2024 02:30", "31/03/2024 12:30"),
    *("05-Jan-2024", "05-JAN-2024", "05-Xxx-2024", "2024-03-31 02:30:00", "2024-03-31T03:30:00"),
    *("2024-10-27 02:30:00", "2024-01-05T10:11:12Z", "2024-01-05 10:11:12.123456+01:00", "today"),
    *("2024-01-05 10:11:60", "2024-01-05T24:00:00", "2024-01-05T10:11:12+15:30", "now", "\\N"),
    *("2024-01-05T10:11:12.1234567", "2024-01-05 10", "12:30", "25:00:00", "7:30:00", "12:30:60"),
    *("100:00:00", "-1:30:00", "a\\b", "tab\there", "line\nend", "Müller-Lüdenscheid", "\u3000x "),
    *("e\u0301", "10\u00a0000", "1 000", "--5", "1.2.3", "abc-def", "straße"),
]


def mutated(seed: int) -> list[str]:
    draw = random.Random(seed)
    found = list(TEXTS)
    for text in TEXTS:
        if text:
            at = draw.randrange(len(text))
            found.append(text[:at] + draw.choice("0123456789.,-+eE: TZ/") + text[at + 1 :])
    return found


@pytest.mark.parametrize("name", COLUMNS)
def test_a_plain_value_means_what_the_careful_reading_says(lab: LandingLab, name: str) -> None:
    body = {"name": name, "from": name, **COLUMNS[name]}
    column = Column.model_validate(body)
    quick = plain_column(column, ZONE)
    assert quick is not None
    texts = mutated(seed=sum(map(ord, name)))
    read, unfit = quick.read(texts)
    careful = reading(column, "r.raw", ZONE)
    valid = careful.valid.replace("{v}", "p.v")
    value = careful.value.replace("{v}", "p.v")
    connection = lab.connect("loader")
    connection.execute(f"create temporary table quick (n int, v {column.type})".encode())
    with connection.cursor() as cursor, cursor.copy("copy quick from stdin") as copy:
        for number, text in enumerate(read):
            if number not in unfit:
                copy.write(f"{number}\t{text}\n".encode())
    connection.execute("create temporary table told (n int, raw text)")
    with connection.cursor() as cursor:
        cursor.executemany("insert into told values (%s, %s)", list(enumerate(texts)))
    differing = connection.execute(
        f"select p.n, p.v, q.v::text from (select n, {careful.text} as v from told as r) as p"
        f" join quick as q using (n) where case when not (p.v is null or {valid}) then true"
        f" else q.v is distinct from ({value}) end".encode()
    ).fetchall()
    assert differing == []
    # The quick reading has to be worth something: it takes what is plain.
    taken = {t for i, t in enumerate(texts) if i not in unfit and read[i] != NULL}
    assert taken
