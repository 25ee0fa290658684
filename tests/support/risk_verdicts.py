"""The second half of the oracle: what a loan may cost, and the class it falls into."""

from __future__ import annotations

import math

from support.risk_oracle import CLASSES, Oracle, Row, Verdict, months_later


def _undrawn(o: Oracle, loan: Row, owed: dict[str, float]) -> float:
    line = o.facilities.get(loan["facility_id"])
    if line is None or not line["is_committed"] or not (line["start_date"] <= o.as_of):
        return 0.0
    if line["expiry_date"] is not None and line["expiry_date"] <= o.as_of:
        return 0.0
    mates = [r for r in o.running if r["facility_id"] == loan["facility_id"]]
    used = sum(owed[r["loan_id"]] for r in mates)
    limit = float(line["limit_amount"])
    if used == 0:
        return round(limit / len(mates), 2)
    return round(max(limit - used, 0) * owed[loan["loan_id"]] / used, 2)


def _lgd(o: Oracle, kind: str, dpd: int) -> Row:
    rows = [r for r in o.lgds if r["collateral"] == kind and int(r["from_days"]) <= dpd]
    return max(rows, key=lambda r: int(r["from_days"]))


def expected_loss(o: Oracle, loan: Row, stage: int, dpd: int, owed: dict[str, float]) -> float:
    """The loss that the stage asks for."""
    balance = owed[loan["loan_id"]]
    extra = o.ccf * _undrawn(o, loan, owed)
    ead = round(balance + extra, 2)
    secured, bare = _lgd(o, "SECURED", dpd), _lgd(o, "UNSECURED", dpd)
    value = float(loan["collateral_amount"] or 0) * (1 - float(secured["haircut_ratio"]))
    covered = min(balance + extra, value)
    loss = covered * float(secured["lgd_ratio"]) + (ead - covered) * float(bare["lgd_ratio"])
    lgd = round(loss / ead, 6) if ead else float(bare["lgd_ratio"])
    if stage == 3:
        return lgd * ead
    rating = o.rating(loan, o.as_of)
    assert rating is not None
    dues = [d for d in o.schedule(loan, o.as_of) if d["due_date"] > o.as_of]
    ends = [((d["due_date"] - o.as_of).days / 365, float(d["principal_due_amount"])) for d in dues]
    if not ends:
        days = (loan["maturity_date"] - o.as_of).days
        ends = [((days if days > 0 else o.p["fallback_horizon_days"]) / 365, 0.0)]
    rate = float(loan["effective_interest_rate"])
    total, start = 0.0, 0.0
    for end, principal in ends:
        upto = end if stage == 2 else min(end, 1.0)
        if upto > start:
            pd = sum(
                w * (math.exp(-m * o.bent(rating, start)) - math.exp(-m * o.bent(rating, upto)))
                for w, m in o.scenarios
            )
            total += pd * lgd * (max(balance, 0) + ead - owed[loan["loan_id"]]) / (1 + rate) ** end
        balance, start = balance - principal, end
    return total


def _own_class(o: Oracle, loan: Row, crm: str, case: tuple[int, int, float, float, float]) -> int:
    """Rank 0 (NORMAL) to 4 (LOSS) before what the debtor's other loans do."""
    dpd, stage, ecl, owed, three = case
    p, rank = o.p, 0
    limits = ("class_technical_days", "class_substandard_days", "class_doubtful_days")
    rank = sum(dpd > p[name] for name in (*limits, "class_loss_days"))
    if stage == 3:
        share = round(ecl, 2) / owed if owed > 0 else 0
        steps = sum(share >= p[f"class_{name}_ecl_ratio"] for name in ("doubtful", "loss"))
        rank = max(rank, 2 + steps)
    if o.is_open(loan, {"bankruptcy"}, o.as_of):
        rank = 4
    if 0 < three < math.inf:
        last = months_later(o.as_of.replace(day=1), 1 - int(three))
        paid = [d for d in o.schedule(loan, o.as_of) if last <= d["due_date"] <= o.as_of]
        if three <= p["class_upgrade_months"] or len(paid) < p["class_upgrade_periods"]:
            rank = max(rank, 2)
    debts = [d for d in o.debts[crm] if d["as_of"] <= o.as_of]
    if debts:
        debt = max(debts, key=lambda d: d["as_of"])
        late, whole = float(debt["overdue_90_amount"]), float(debt["total_debt_amount"])
        rank = max(rank, 2 if late > p["class_external_ratio"] * whole else 0)
    forborne, old = o.forborne_date(loan), o.loans.get(loan["replaces_loan_id"])
    is_new = forborne and months_later(forborne, int(p["class_restructured_months"])) > o.as_of
    closed = old["closed_date"] if old else None
    is_rolled = (
        closed is not None
        and (loan["disbursed_date"] - closed).days <= (p["class_refinancing_days"])
    )
    is_odd = o.is_open(loan, {"use_of_funds_changed", "debt_evasion"}, o.as_of)
    return max(rank, 1 if is_new or is_rolled or is_odd else 0)


def verdicts(o: Oracle, crm_ids: dict[str, str], individuals: set[str]) -> dict[str, Verdict]:
    """Every running loan; ``crm_ids``: loan to CRM client, ``individuals``: such CRM clients."""
    owed = {r["loan_id"]: max(o.outstanding(r, o.as_of), 0) for r in o.running}
    cases: dict[str, tuple[int, int, float, float, float]] = {}
    rank: dict[str, int] = {}
    for loan in o.running:
        key = loan["loan_id"]
        three, two = o.last_met(loan)
        dpd, stage = o.dpd(loan, o.as_of), o.stage(loan, three, two)
        ecl = expected_loss(o, loan, stage, dpd, owed)
        cases[key] = (dpd, stage, ecl, owed[key], three)
        rank[key] = _own_class(o, loan, crm_ids[key], cases[key])
    result = {}
    for loan in o.running:
        key = loan["loan_id"]
        dpd, stage, ecl, *_ = cases[key]
        mates = [k for k in rank if crm_ids[k] == crm_ids[key]]
        bad = sum(owed[k] for k in mates if rank[k] >= 2)
        is_spread = bad > o.p["class_contagion_ratio"] * sum(owed[k] for k in mates)
        worst = max(rank[key], 2) if is_spread and crm_ids[key] not in individuals else rank[key]
        begun = [b for b in o.buckets if int(b["from_days"]) <= dpd]
        bucket = max(begun, key=lambda b: int(b["from_days"]))["dpd_bucket"]
        amount = o.outstanding(loan, o.as_of)
        result[key] = Verdict(amount, dpd, bucket, stage, ecl, CLASSES[worst])
    return result
