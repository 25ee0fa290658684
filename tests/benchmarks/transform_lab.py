"""An own server whose landing tables hold a large book of loans, and builds over them."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rapport.local import ports, secret_files
from rapport.local.databases import ensure_databases
from rapport.local.postgres import SUPERUSER, EmbeddedPostgres
from rapport.settings import load
from support.databases import copy_database
from support.dbt_build import SCHEMA, DbtLab

AS_OF = "2026-10-31"
ROWS_PER_LOAN = 12.5  # 8 instalments, a disbursement and the payments of those that are due
DPD_MODELS = (
    "int_loans_disbursed",
    "int_transactions_effective",
    "int_loan_payments",
    "int_instalments_in_force",
    "int_loan_arrears",
    "int_loan_figures",
)
# One in ten loans stops paying, one in fifty has its last payment reversed, one in a hundred a
# second schedule; four loans a client, a tenth of the clients without a rating.
_FILL = """
insert into landing.files__clients
  (client_id, client_type, industry_code, region, onboarded_date, currency, _from_batch)
select 'C' || i, 'corporate', 'I' || i % 12, 'R' || i % 8, date '2020-01-31', 'CNY', 1
from generate_series(0, {clients} - 1) as i;
insert into landing.files__ratings (client_id, scale, effective_date, grade, _from_batch)
select 'C' || i, 'INTERNAL', date '2024-06-30', (array['A', 'BBB', 'BB', 'B', 'CCC'])[1 + i % 5], 1
from generate_series(0, {clients} - 1) as i where i % 10 > 0;
insert into landing.files__loans (loan_id, client_id, product, principal_amount, currency,
  day_count, disbursed_date, maturity_date, effective_interest_rate, _from_batch)
select 'L' || i, 'C' || i / 4, 'term_loan', 80000, 'CNY', 'act/365', begun, begun + 730, 0.06, 1
from (select i, date '{as_of}' - (30 + i % 600) as begun from generate_series(0, {loans} - 1) as i)
  as loan;
insert into landing.files__instalments (loan_id, schedule_version, instalment_no,
  schedule_valid_from, due_date, principal_due_amount, interest_due_amount, currency, _from_batch)
select loan_id, version, number, disbursed_date + (version - 1) * 200,
  disbursed_date + number * 91, 10000, 1000, 'CNY', 1
from landing.files__loans
cross join generate_series(1, 8) as number
cross join lateral generate_series(1, case when loan_id like '%00' then 2 else 1 end) as version;
insert into landing.files__transactions (transaction_id, loan_id, kind, booked_date, value_date,
  amount, currency, principal_part, interest_part, _from_batch)
select 'D' || loan_id, loan_id, 'disbursement', disbursed_date, disbursed_date, 80000, 'CNY',
  null, null, 1
from landing.files__loans
union all
select 'P' || loan_id || '-' || number, loan_id, 'repayment', disbursed_date + number * 91,
  disbursed_date + number * 91, 11000, 'CNY', 10000, 1000, 1
from landing.files__loans
cross join generate_series(1, 8) as number
where disbursed_date + number * 91 <= date '{as_of}' and (loan_id not like '%7' or number < 4);
insert into landing.files__transactions (transaction_id, loan_id, kind, booked_date, value_date,
  amount, currency, reverses_transaction_id, _from_batch)
select 'R' || loan_id, loan_id, 'reversal', date '{as_of}', date '{as_of}', 11000, 'CNY',
  'P' || loan_id || '-1', 1
from landing.files__loans
where (loan_id like '%3' or loan_id like '%8') and disbursed_date + 91 <= date '{as_of}'
  and right(loan_id, 2)::int % 25 = 8;
"""
_BY_HAND = """
create table {schema}.by_hand as
with booked as (
  select t.loan_id, case t.kind when 'reversal' then coalesce(o.kind, 'repayment') else t.kind end
    as kind, case t.kind when 'reversal' then -1 else 1 end as sign, t.amount, t.value_date,
    coalesce(t.principal_part, o.principal_part) as principal_part
  from {schema}.stg_canonical__transactions as t
  left join {schema}.stg_canonical__transactions as o
    on t.kind = 'reversal' and o.transaction_id = t.reverses_transaction_id
  where t.booked_date <= date '{as_of}'
), moved as (
  select loan_id, sum(sign * amount) filter (where kind = 'disbursement') as lent,
    sum(sign * principal_part) filter (where kind = 'repayment') as returned,
    sum(sign * amount) filter (where kind = 'repayment' and value_date <= date '{as_of}') as cash
  from booked group by loan_id
), newest as (
  select distinct on (loan_id) loan_id, schedule_version
  from {schema}.stg_canonical__instalments where schedule_valid_from <= date '{as_of}'
  order by loan_id, schedule_valid_from desc, schedule_version desc
), due as (
  select i.loan_id, i.due_date, i.principal_due_amount + i.interest_due_amount as due,
    sum(i.principal_due_amount + i.interest_due_amount)
      over (partition by i.loan_id order by i.due_date, i.instalment_no) as cumulated
  from {schema}.stg_canonical__instalments as i join newest using (loan_id, schedule_version)
), late as (
  select due.loan_id, date '{as_of}' - min(due.due_date) as days
  from due left join moved using (loan_id)
  where due.due_date < date '{as_of}'
    and least(due.due, due.cumulated - coalesce(moved.cash, 0)) > 1.00
  group by due.loan_id
)
select l.loan_id, coalesce(m.lent, l.principal_amount) - coalesce(m.returned, 0) as outstanding,
  coalesce(late.days, 0) as days,
  (array['0', '1-30', '31-60', '61-90', '91-180', '181-270', '271-360', '>360'])[
    1 + width_bucket(coalesce(late.days, 0), array[1, 31, 61, 91, 181, 271, 361])] as bucket
from {schema}.stg_canonical__loans as l
left join moved as m using (loan_id) left join late using (loan_id)
where l.disbursed_date <= date '{as_of}';
"""
_DIFFERENT = """
select count(*) from {schema}.by_hand as h
full join {schema}.loan_risk as r using (loan_id)
where (h.outstanding, h.days, h.bucket)
  is distinct from (r.outstanding_amount, r.dpd_contractual, r.dpd_bucket)
"""


def _is_risk(manifest: dict[str, Any], unique_id: str) -> bool:
    node = manifest["nodes"][unique_id]
    layer, subject = (*node["fqn"], "", "")[1:3]
    return layer in ("intermediate", "marts") and subject in ("loans", "risk", "portfolio")


@dataclass(frozen=True)
class TransformLab:
    """One book of ``rows`` instalments and payments in a database of its own."""

    dbt: DbtLab
    rows: int

    def fill(self) -> int:
        """Land the book; the number of instalments and transactions in it."""
        loans = int(self.rows / ROWS_PER_LOAN)
        self._execute(_FILL.format(loans=loans, clients=loans // 4 + 1, as_of=AS_OF))
        self._execute("vacuum analyze")
        with self.dbt.connect() as connection:
            query = (
                "select (select count(*) from landing.files__instalments)"
                " + (select count(*) from landing.files__transactions)"
            )
            row = connection.execute(query.encode()).fetchone()
        return int(row[0]) if row else 0

    def build(self, *options: str, threads: int = 2) -> dict[str, float]:
        """Seconds per model of the risk layer, of a build that came out well."""
        built = self.dbt.build(
            AS_OF,
            *("--exclude-resource-type", "unit_test", *options),
            ceilings={"files": 1},
            threads=threads,
        )
        bad = {r.name: r.message for r in built.results if r.status not in ("success", "pass")}
        if bad:
            raise SystemExit(f"The build failed: {bad}")
        return {r.name: r.seconds for r in built.results if _is_risk(built.manifest, r.unique_id)}

    def by_hand(self) -> float:
        """Seconds of one statement that gives days past due, bucket and outstanding."""
        self._execute(f"drop table if exists {SCHEMA}.by_hand")
        start = time.perf_counter()
        self._execute(_BY_HAND.format(schema=SCHEMA, as_of=AS_OF))
        return time.perf_counter() - start

    def differences(self) -> int:
        """Loans for which that statement and loan_risk do not agree."""
        query = _DIFFERENT.format(schema=SCHEMA)
        with self.dbt.connect() as connection:
            row = connection.execute(query.encode()).fetchone()
        return int(row[0]) if row else -1

    def _execute(self, statement: str) -> None:
        with self.dbt.connect() as connection:
            connection.autocommit = True
            connection.execute(statement.encode())


@contextmanager
def transform_labs(folder: Path, sizes: tuple[int, ...]) -> Iterator[list[TransformLab]]:
    """A server with one filled, deployed warehouse per size; all gone afterwards."""
    for name in [n for n in os.environ if n.startswith("RAPPORT_")]:
        del os.environ[name]
    port = ports.find_free()
    os.environ |= {
        "RAPPORT_HOME": str(folder / "home"),
        "RAPPORT_DATABASE_PORT": str(port),
        "DO_NOT_TRACK": "1",
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    }
    settings = load()
    password = secret_files.ensure(settings.secrets, "postgres.json", [SUPERUSER])[SUPERUSER]
    server = EmbeddedPostgres(settings.state / "postgres", port, password)
    server.init()
    server.start()
    try:
        ensure_databases(server, settings)
        from rapport.local.warehouse import ensure_deployed

        ensure_deployed(settings)
        labs = []
        for number, rows in enumerate(sizes):
            copy_database(server, "rapport", f"bench_{number}", "rapport_admin")
            target = folder / "dbt" / str(number)
            labs.append(TransformLab(DbtLab(server, f"bench_{number}", target), rows))
        yield labs
    finally:
        server.stop()
