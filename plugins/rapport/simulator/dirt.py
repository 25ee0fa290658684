"""Dirt: realistic errors planted into the simulated sources, each noted in a ledger.

The ledger says of every planted error whether landing has to catch it, or why it may land: so
detection can be counted, and what is harmless is harmless by a stated design.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from rapport.errors import RapportError
from rapport.simulator.frames import canonical

LEDGER = "dirt.csv"


@dataclass(frozen=True)
class Kind:
    """One kind of error.

    Attributes:
        fault: its number in the list of faults the system must survive.
        change: SQL assignments that make a good row bad.
        where: rows that can have it.
        rule: the row rule that sends it to quarantine; empty for harmless kinds.
        harmless: why it may land.
    """

    name: str
    fault: str
    entity: str
    change: str
    where: str = "true"
    rule: str = ""
    harmless: str = ""

    @property
    def side(self) -> str:
        return str(canonical()[self.entity]["side"])


KINDS = (
    Kind("not_a_number", "V1", "transactions", "amount = 'NaN'", rule="finite:amount"),
    Kind("negative_payment", "V10", "transactions", "amount = -amount",
         rule="check:amount_is_positive"),
    Kind("infinite_date", "V6", "transactions", "value_date = 'infinity'",
         rule="finite:value_date"),
    Kind("unknown_kind", "S7", "transactions", "kind = 'repaymnt'", rule="allowed:kind"),
    Kind("far_future_date", "V12", "transactions",
         "booked_date = '2199-12-31', value_date = '2199-12-31'",
         harmless="A fact counts from its business date on; this one never comes."),
    Kind("payment_without_loan", "R2", "transactions", "loan_id = 'L-gone-' || transaction_id",
         harmless="It joins no loan, so it moves no figure; landed, it waits for its loan."),
    Kind("nps_of_eleven", "V9", "survey_answers", "score = 11", where="metric = 'nps'",
         rule="check:nps_is_a_whole_number_from_0_to_10"),
    Kind("off_the_scale", "V9", "survey_answers", "score = scale_max + 1",
         where="metric <> 'nps' and score is not null", rule="check:score_is_on_its_scale"),
    Kind("unknown_dimension", "S7", "survey_answers", "dimension = 'Overall '",
         rule="allowed:dimension"),
    Kind("due_amount_negative", "V10", "instalments",
         "interest_due_amount = -1 - interest_due_amount", where="interest_due_amount is not null",
         rule="check:dues_are_not_negative"),
    Kind("due_not_a_number", "V1", "instalments", "principal_due_amount = 'NaN'",
         rule="finite:principal_due_amount"),
    Kind("answered_before_opened", "V8", "cases",
         "first_response_at = opened_at - interval '8 hours'",
         rule="check:response_follows_opening"),
    Kind("unknown_case", "S7", "cases", "kind = '投诉'", rule="allowed:kind"),
    Kind("unknown_currency", "V13", "loans", "currency = 'XXQ'",
         harmless="No rate is known, so the base amount is NULL with its reason, never a zero."),
    Kind("matures_before_it_starts", "V8", "loans", "maturity_date = disbursed_date - 1",
         rule="check:maturity_follows_disbursement"),
    Kind("loan_without_client", "R1", "loans", "client_id = 'C-gone-' || loan_id",
         harmless="It stays with NO_CRM_MATCH, because it carries risk whoever owes it."),
    Kind("probability_in_percent", "V3", "ratings", "pd_12m = 2.5 + pd_12m",
         rule="check:pd_is_a_probability"),
    Kind("spaces_around_name", "V14", "clients", "name = '\u3000 ' || name || ' '",
         where="name is not null", harmless="Names are shown, never matched."),
    Kind("decomposed_letters", "V15", "clients", "name = name || 'e\u0301'",
         where="name is not null", harmless="Names are shown, never matched."),
    Kind("negative_revenue", "V10", "clients", "annual_revenue_amount = -1",
         rule="check:revenue_is_not_negative"),
    Kind("owns_itself", "R4", "client_links", "to_client_id = from_client_id",
         harmless="Groups are a closure over links; a link to oneself adds nobody."),
    Kind("share_in_percent", "V3", "client_links", "share_ratio = 51",
         rule="check:share_is_a_ratio"),
    Kind("silent_channel", "S7", "interactions", "channel = 'Telephone'", rule="allowed:channel"),
)  # fmt: skip


@dataclass(frozen=True)
class Planted:
    """One planted error: the row as its key columns joined by ``|``."""

    kind: Kind
    key: str


def kinds_table() -> str:
    """All kinds as a table of docs/dirt.md."""
    lines = ["| fault | kind | entity | becomes of it |", "|---|---|---|---|"]
    for k in KINDS:
        fate = f"quarantine, rule `{k.rule}`" if k.rule else f"lands: {k.harmless}"
        lines.append(f"| {k.fault} | {k.name} | {k.entity} | {fate} |")
    return "\n".join(lines) + "\n"


def plant(dsns: Mapping[str, str], share: float, folder: Path) -> list[Planted]:
    """Spoil about ``share`` of the rows of the entities concerned; write the ledger.

    Raises:
        RapportError: for a share that is none, or so large that nothing clean is left.
    """
    if not 0 < share <= 0.2:
        raise RapportError(f"{share} is no share of dirt.", next_step="Use 0.001 to 0.2.")
    planted: list[Planted] = []
    for side, dsn in dsns.items():
        with psycopg.connect(dsn) as connection:
            for entity in dict.fromkeys(k.entity for k in KINDS if k.side == side):
                planted += _spoil(connection, [k for k in KINDS if k.entity == entity], share)
    _write(planted, folder / LEDGER)
    return planted


def _spoil(connection: psycopg.Connection[Any], kinds: list[Kind], share: float) -> list[Planted]:
    entity = kinds[0].entity
    key = f"concat_ws('|', {', '.join(canonical()[entity]['key'])})"
    ((rows,),) = connection.execute(f"select count(*) from {entity}".encode()).fetchall()
    number = max(1, round(rows * share / len(kinds)))
    taken: set[str] = set()
    planted = []
    for kind in kinds:
        found = connection.execute(
            f"select {key} from {entity} where {kind.where}"
            f" order by md5({key} || '{kind.name}'), 1 limit %s".encode(),
            [number + len(taken)],
        ).fetchall()
        keys = [k for (k,) in found if k not in taken][:number]
        taken.update(keys)
        if keys:
            connection.execute(
                f"update {entity} set {kind.change} where {key} = any(%s)".encode(), [keys]
            )
        planted += [Planted(kind, k) for k in keys]
    return planted


def _write(planted: list[Planted], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["fault", "kind", "entity", "key", "caught_by", "harmless_because"])
        for p in planted:
            k = p.kind
            writer.writerow([k.fault, k.name, k.entity, p.key, k.rule, k.harmless])
