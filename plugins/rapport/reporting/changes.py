"""What changed in each mart since the release that readers would compare with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rapport.publishing.differences import MartDifference

# The last published release of the same date; else the one of the nearest earlier date.
BASE = """
select r.release_id, r.as_of_date,
  r.as_of_date = (select as_of_date from ctl.release where release_id = %(release)s) as is_same_date
from ctl.release as r
where r.release_id <> %(release)s and r.status <> 'pruned'
  and (r.as_of_date < %(as_of)s or r.as_of_date = %(as_of)s and r.release_id < %(release)s)
  and exists (select from ctl.edition as e where e.release_id = r.release_id)
  and exists (select from ctl.store_mart as s where s.release_id = r.release_id)
order by r.as_of_date desc, r.release_id desc limit 1
"""


@dataclass(frozen=True)
class Change:
    """One stored mart beside the same mart of the release before; None: it was not there."""

    mart: str
    rows: int
    content_hash: str
    is_identical: bool
    difference: MartDifference | None

    @property
    def columns(self) -> str:
        """The columns with the most changed cells, with their number."""
        found = self.difference.changed_columns[:5] if self.difference else ()
        return ", ".join(f"{name} ({cells:,})" for name, cells in found)


def beside(
    marts: Sequence[Mapping[str, Any]],
    before: Sequence[Mapping[str, Any]],
    differences: Sequence[MartDifference],
) -> list[Change]:
    """Pair every stored mart with what became of it."""
    hashes = {m["mart"]: m["content_hash"] for m in before}
    found = {d.mart: d for d in differences}
    return [
        Change(
            mart=m["mart"],
            rows=m["row_count"],
            content_hash=m["content_hash"],
            is_identical=hashes.get(m["mart"]) == m["content_hash"],
            difference=found.get(m["mart"]),
        )
        for m in marts
    ]
