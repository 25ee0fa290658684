"""Everything a page says about a release, read from ``ctl`` in one snapshot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg.rows import dict_row

from rapport.errors import RapportError
from rapport.reporting.changes import BASE

Row = Mapping[str, Any]
FOREVER = 9223372036854775807

_RELEASE = """
select r.*, c.package_version, c.lock_hash, c.parts,
  (select e.edition from ctl.edition as e
   where e.release_id = r.release_id order by e.edition desc limit 1) as edition
from ctl.release as r join ctl.code_version as c on c.tree_hash = r.tree_hash
where r.release_id = %(release)s
"""
_VISIBLE = """
select p.release_id, p.from_edition as edition, e.created_at
from ctl.pointer as p join ctl.edition as e on e.edition = p.from_edition
where p.as_of_date = %(as_of)s and p.to_edition = %(forever)s
"""
# A run that fails at landing freezes nothing: its batches are known by the run alone.
_BATCHES = """
select b.*, i.staleness_hours, i.max_staleness_hours,
  coalesce(i.is_required, s.is_required) as is_required, i.release_id is not null as is_input
from ctl.batch as b
join ctl.source as s on s.source = b.source
left join ctl.release_input as i on i.batch_seq = b.batch_seq and i.release_id = %(release)s
where i.release_id is not null or b.run_key = %(run_key)s
order by b.source, b.batch_seq
"""
_ABSENT = """
select source, is_required from ctl.release_input
where release_id = %(release)s and batch_seq = 0 order by source
"""
_COUNTS = """
select b.source, t.* from ctl.batch_table as t join ctl.batch as b on b.batch_seq = t.batch_seq
where t.batch_seq = any(%(batches)s) order by b.source, t.batch_seq, t.table_name
"""
_FILES = """
select b.source, f.* from ctl.input_file as f join ctl.batch as b on b.batch_seq = f.batch_seq
where f.batch_seq = any(%(batches)s) order by b.source, f.table_name, f.path
"""
_GATES = """
with latest as (
  select distinct on (stage, suite, object, batch_seq) *
  from ctl.validation
  where release_id = %(release)s or batch_seq = any(%(batches)s)
  order by stage, suite, object, batch_seq, validation_id desc
)
select v.validation_id, v.stage, v.suite, v.object, v.batch_seq, v.rows_evaluated,
  v.is_passed as suite_is_passed, v.suite_hash, r.position, r.expectation_type, r.column_name,
  r.kwargs, r.severity, r.is_passed, r.observed, r.unexpected_count, r.reason, r.detail_query,
  (select coalesce(jsonb_agg(f.key_values), '[]') from ctl.failed_row as f
   where f.validation_id = r.validation_id and f.position = r.position) as failed_keys
from latest as v join ctl.validation_result as r on r.validation_id = v.validation_id
order by array_position(array['landing', 'staging', 'marts'], v.stage), v.object, v.suite,
  r.position
"""
_MISSING = """
select q.stage, q.suite, q.object from ctl.required_suite as q
where q.tree_hash = %(tree_hash)s and q.stage in ('staging', 'marts') and not exists (
  select from ctl.validation as v
  where v.release_id = %(release)s and v.stage = q.stage and v.suite = q.suite
    and v.object = q.object
)
order by array_position(array['staging', 'marts'], q.stage), q.object, q.suite
"""
_MARTS = "select * from ctl.store_mart where release_id = %(release)s order by mart"


@dataclass(frozen=True)
class Evidence:
    """One release: its decision, inputs, counts, gates and marts, and the release before."""

    release: Row
    visible: Row | None
    batches: Sequence[Row]
    absent: Sequence[Row]
    counts: Sequence[Row]
    files: Sequence[Row]
    gates: Sequence[Row]
    missing: Sequence[Row]
    marts: Sequence[Row]
    base: Row | None = None
    base_marts: Sequence[Row] = field(default_factory=tuple)

    @property
    def failures(self) -> list[Row]:
        return [g for g in self.gates if not g["is_passed"] and g["severity"] == "critical"]

    @property
    def warnings(self) -> list[Row]:
        return [g for g in self.gates if not g["is_passed"] and g["severity"] == "warning"]


def read(connection: psycopg.Connection, release_id: int) -> Evidence:
    """Collect the evidence of a release.

    Raises:
        RapportError: when there is no such release.
    """
    connection.execute("set transaction isolation level repeatable read")
    with connection.cursor(row_factory=dict_row) as cursor:

        def rows(query: str, **values: Any) -> list[Row]:
            return list(cursor.execute(query.encode(), {"release": release_id} | values))

        found = rows(_RELEASE)
        if not found:
            raise RapportError(
                f"There is no release {release_id}.", next_step="List them: `rapport releases`."
            )
        release = found[0]
        batches = rows(_BATCHES, run_key=release["run_key"])
        numbers = [b["batch_seq"] for b in batches]
        visible = rows(_VISIBLE, as_of=release["as_of_date"], forever=FOREVER)
        marts = rows(_MARTS)
        base = rows(BASE, as_of=release["as_of_date"]) if marts else []
        return Evidence(
            release=release,
            visible=visible[0] if visible else None,
            batches=batches,
            absent=rows(_ABSENT),
            counts=rows(_COUNTS, batches=numbers),
            files=rows(_FILES, batches=numbers),
            gates=rows(_GATES, batches=numbers),
            missing=rows(_MISSING, tree_hash=release["tree_hash"]),
            marts=marts,
            base=base[0] if base else None,
            base_marts=rows(_MARTS, release=base[0]["release_id"]) if base else [],
        )
