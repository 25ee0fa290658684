"""Days past due, stage, loss and class once more: loan by loan, day by day, in plain Python.

It reads the canonical tables and the seeds, and shares nothing with the models. Clients are taken
as the loan system knows them: one debtor each, one currency each, as in the simulated lender.
"""

from __future__ import annotations

import csv
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

Row = dict[str, Any]
IMPAIRING = {"default", "unlikely_to_pay"}
CLASSES = ("NORMAL", "SPECIAL_MENTION", "SUBSTANDARD", "DOUBTFUL", "LOSS")


@dataclass(frozen=True)
class Verdict:
    """What the oracle says of a running loan."""

    outstanding: float
    dpd: int
    bucket: str
    stage: int
    ecl: float
    cn5_class: str


def seed(folder: Path, name: str) -> list[Row]:
    with (folder / f"{name}.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def month_end_before(day: date) -> date:
    return day.replace(day=1) - timedelta(days=1)


def months_later(day: date, months: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    last = month_end_before(date(year + (month == 11), (month + 1) % 12 + 1, 1)).day
    return date(year, month + 1, min(day.day, last))


def grouped(rows: Iterable[Row], key: str) -> dict[str, list[Row]]:
    result: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        result[row[key]].append(row)
    return result


class Oracle:
    """Judges every running loan of ``tables`` (canonical rows) on ``as_of``."""

    def __init__(self, tables: Mapping[str, list[Row]], seeds: Path, as_of: date) -> None:
        self.as_of = as_of
        risk = seeds / "risk"
        self.p = {r["parameter"]: float(r["value"]) for r in seed(risk, "risk_parameters")}
        self.buckets = seed(risk, "dpd_buckets")
        self.lgds = seed(risk, "lgds")
        self.ccf = float(seed(risk, "ccfs")[0]["ccf_ratio"])
        self.scenarios = [
            (float(r["weight_ratio"]), float(r["hazard_multiple"]))
            for r in seed(risk, "ecl_scenarios")
        ]
        self.curves: dict[tuple[str, str], list[tuple[float, float]]] = defaultdict(list)
        for r in seed(risk, "pd_curves"):
            point = (float(r["horizon_years"]), -math.log(1 - float(r["cumulative_pd"])))
            self.curves[r["scale"], r["grade"]].append(point)
        self.notch = {
            (r["scale"], r["grade"]): int(r["notch"])
            for r in seed(seeds / "value", "rating_scales")
        }
        self.loans = {r["loan_id"]: r for r in tables["loans"] if r["disbursed_date"] <= as_of}
        self.dues = grouped(tables["instalments"], "loan_id")
        self.bookings = grouped(tables["transactions"], "loan_id")
        self.booking = {r["transaction_id"]: r for r in tables["transactions"]}
        self.ratings = grouped(tables["ratings"], "client_id")
        self.events = grouped(tables["risk_events"], "client_id")
        self.changes = grouped(tables["modifications"], "loan_id")
        self.facilities = {r["facility_id"]: r for r in tables["facilities"]}
        self.debts = grouped(tables["external_debts"], "client_id")
        self.running = [r for r in self.loans.values() if self.runs(r, as_of)]

    def runs(self, loan: Row, day: date) -> bool:
        ends = (loan["closed_date"], loan["written_off_date"])
        return loan["disbursed_date"] <= day and all(end is None or end > day for end in ends)

    def cash_flows(self, loan: Row, day: date) -> list[tuple[str, int, Row, Row]]:
        found = []
        for row in self.bookings[loan["loan_id"]]:
            if row["booked_date"] <= day:
                back = row["kind"] == "reversal"
                told = self.booking[row["reverses_transaction_id"]] if back else row
                found.append((told["kind"], -1 if back else 1, row, told))
        return found

    def outstanding(self, loan: Row, day: date) -> float:
        total = 0.0
        for kind, sign, row, told in self.cash_flows(loan, day):
            principal = row["principal_part"]
            principal = told["principal_part"] if principal is None else principal
            if kind != "fee":
                whole = row["amount"] if principal is None else principal
                total += sign * float(whole) * (1 if kind == "disbursement" else -1)
        return round(total, 2)

    def dpd(self, loan: Row, day: date) -> int:
        cash = sum(
            sign * float(row["amount"])
            for kind, sign, row, _ in self.cash_flows(loan, day)
            if kind in ("repayment", "recovery") and row["value_date"] <= day
        )
        for due in self.schedule(loan, day):
            owed = sum(float(due[f"{part}_due_amount"] or 0) for part in PARTS)
            paid = min(cash, owed)
            cash -= paid
            if due["due_date"] < day and round(owed - paid, 2) > self.p["dpd_tolerance_amount"]:
                return int((day - due["due_date"]).days)
        return 0

    def schedule(self, loan: Row, day: date) -> list[Row]:
        known = [r for r in self.dues[loan["loan_id"]] if r["schedule_valid_from"] <= day]
        newest = max((r["schedule_valid_from"], r["schedule_version"]) for r in known)
        rows = [r for r in known if (r["schedule_valid_from"], r["schedule_version"]) == newest]
        return sorted(rows, key=lambda r: (r["due_date"], r["instalment_no"]))

    def is_open(self, loan: Row, kinds: set[str], day: date) -> bool:
        return any(
            e["kind"] in kinds
            and e["loan_id"] in (None, loan["loan_id"])
            and e["from_date"] <= day
            and (e["to_date"] is None or e["to_date"] > day)
            for e in self.events[loan["client_id"]]
        )

    def rating(self, loan: Row, day: date) -> Row | None:
        known = [r for r in self.ratings[loan["client_id"]] if r["effective_date"] <= day]
        own = [r for r in known if r["scale"] == "INTERNAL"] or known
        return max(own, key=lambda r: r["effective_date"], default=None)

    def hazard(self, scale: str, grade: str, years: float) -> float:
        start, before, pace = 0.0, 0.0, 0.0
        for horizon, hazard in self.curves[scale, grade]:
            pace = (hazard - before) / (horizon - start)
            if years <= horizon:
                break
            start, before = horizon, hazard
        else:
            *_, (start, before) = self.curves[scale, grade]
        return before + pace * (years - start)

    def pd(self, rating: Row) -> float:
        return min(max(float(rating["pd_12m"]), self.p["ecl_pd_floor"]), self.p["ecl_pd_ceiling"])

    def bent(self, rating: Row, years: float) -> float:
        scale, grade = rating["scale"], rating["grade"]
        bend = -math.log(1 - self.pd(rating)) / self.hazard(scale, grade, 1)
        return self.hazard(scale, grade, years) * bend

    def is_riskier(self, loan: Row, day: date) -> bool:
        now, first = self.rating(loan, day), self.rating(loan, loan["disbursed_date"])
        if first is None:
            later = [
                r for r in self.ratings[loan["client_id"]] if r["effective_date"] <= self.as_of
            ]
            first = min(later, key=lambda r: (r["effective_date"], r["scale"]), default=None)
        if now is None or first is None or now["scale"] != first["scale"]:
            return False
        days = (loan["maturity_date"] - day).days
        years = (days if days > 0 else self.p["fallback_horizon_days"]) / 365
        new, old = (round(1 - math.exp(-self.bent(r, years)), 8) for r in (now, first))
        down = self.notch[now["scale"], now["grade"]] - self.notch[first["scale"], first["grade"]]
        is_up = new >= self.p["sicr_pd_multiple"] * old and new >= old + self.p["sicr_pd_increase"]
        return is_up or down >= self.p["sicr_notches"]

    def forborne_date(self, loan: Row) -> date | None:
        dates = [
            r["approved_date"]
            for r in self.changes[loan["loan_id"]]
            if r["is_financial_difficulty"] and r["is_concession"]
            if r["approved_date"] <= self.as_of
        ]
        return max(dates, default=None)

    def last_met(self, loan: Row) -> tuple[float, float]:
        """Months since stage 3 and since stage 2 were last triggered (infinite: never)."""
        three = two = math.inf
        day, ago = self.as_of, 0
        while ago <= 36 and loan["disbursed_date"] <= day:
            dpd = self.dpd(loan, day)
            if dpd > self.p["stage_3_after_days"] or self.is_open(loan, IMPAIRING, day):
                three = min(three, ago)
            watched = self.is_open(loan, {"watch_list"}, day)
            if dpd > self.p["stage_2_after_days"] or watched:
                two = min(two, ago)
            if ago <= self.p["cure_stage_2_months"] and self.is_riskier(loan, day):
                two = min(two, ago)
            day, ago = month_end_before(day), ago + 1
        return three, two

    def stage(self, loan: Row, three: float, two: float) -> int:
        forborne = self.forborne_date(loan)
        is_forborne = forborne is not None and (
            months_later(forborne, int(self.p["forborne_months"])) > self.as_of
        )
        kind = "cure_stage_3_forborne_months" if is_forborne else "cure_stage_3_months"
        cure_3, cure_2 = self.p[kind], self.p["cure_stage_2_months"]
        if three <= cure_3:
            return 3
        return 2 if is_forborne or two <= cure_2 or three <= cure_3 + cure_2 else 1


PARTS = ("principal", "interest", "fee")
