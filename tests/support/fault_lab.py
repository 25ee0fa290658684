"""What the fault tests share: a table of files, and the landing content as one hash."""

from __future__ import annotations

from rapport.landing.reports import OUTCOMES, TableCounts
from rapport.sources.contracts import Contract
from support.landing_lab import LandingLab

CONTRACT = """\
source: demo
connector: files
folder: ${LAB_FOLDER}
tables:
  loans:
    file: loans.csv
    key: [loan_id]
    control_amount: amount
    control_currency: currency
    columns:
      loan_id: {type: text, normalise: {strip: true}}
      amount: numeric(20,2)
      currency: text
      on_date: date
      at: {type: timestamptz, time_zone: Europe/Berlin}
      score: integer
      note: text
    allowed: {currency: [CNY, USD]}
    checks:
      score_is_in_range: score between 0 and 10
      date_is_not_in_the_future: on_date <= date '2026-12-31'
      amount_is_not_negative: amount >= 0
"""
HEADER = "loan_id,amount,currency,on_date,at,score,note\n"


def line(key: str, **values: str) -> str:
    """A good line of the table, with some values replaced."""
    row = {
        "loan_id": key,
        "amount": "1.50",
        "currency": "CNY",
        "on_date": "2026-01-31",
        "at": "2026-01-31T10:00:00",
        "score": "5",
        "note": "",
    } | values
    return ",".join(row.values()) + "\n"


def lines(number: int) -> str:
    return HEADER + "".join(line(f"L{n:04}") for n in range(number))


def land(lab: LandingLab, contract: Contract, content: str | bytes) -> TableCounts:
    """Deliver a file and land it; every row is accounted for."""
    lab.write("loans.csv", content)
    return accounted(lab.land(contract, "loans"))


def accounted(counts: TableCounts) -> TableCounts:
    assert counts.read == sum(getattr(counts, outcome) for outcome in OUTCOMES)
    return counts


def keys(lab: LandingLab) -> list[str]:
    return [key for (key,) in lab.visible("demo__loans", "loan_id")]


def rules(lab: LandingLab) -> list[str]:
    return [rule for rule, _ in lab.quarantined("demo__loans")]


def content_hash(lab: LandingLab, *tables: str) -> str:
    """SHA-256 of everything that is visible, without batch numbers and times."""
    parts = [
        f"select '{table}' || (to_jsonb(t) - array['_from_batch', '_to_batch', '_landed_at',"
        f" '_closed_at'])::text as row from landing.{table} as t"
        " where _to_batch = 9223372036854775807"
        for table in tables
    ]
    ((digest,),) = lab.rows(
        "select encode(sha256(convert_to(string_agg(row, e'\\n' order by row collate \"C\"),"
        f" 'UTF8')), 'hex') from ({' union all '.join(parts)}) as all_rows"
    )
    return str(digest)
