"""Guards: what looks like a broken extract stops the table until a person has approved it."""

from __future__ import annotations

from decimal import Decimal

from rapport.errors import RapportError
from rapport.landing.open_batch import OpenBatch
from rapport.sources.table_contract import TableContract

MASS_DELETE_SHARE = Decimal("0.01")
MASS_DELETE_ROWS = 100
SMALL_EXTRACT_SHARE = Decimal("0.5")
SMALL_EXTRACT_ROWS = 20


def guard_deletions(
    batch: OpenBatch, table: TableContract, *, gone: int, live: int, read: int | None
) -> None:
    """Stop a table that loses too much at once.

    Args:
        gone: rows that would be marked deleted.
        live: rows that the history holds.
        read: rows of a full read; None when only a part was read.

    Raises:
        RapportError: when more than max(1 %, 100 rows) would go, or a full read brings nothing or
            less than half of what there was (of 20 rows or more), and nobody approved that.
    """
    if gone > MASS_DELETE_ROWS and gone > MASS_DELETE_SHARE * live:
        observed = f"{gone} of {live} rows are no longer in the source"
        rule = (
            f"More than {MASS_DELETE_SHARE:.0%} and {MASS_DELETE_ROWS} rows at once is taken for a"
            " broken extract"
        )
        _require_approval(batch, table, "mass_delete", observed, rule)
    elif gone and read is not None and _is_small(read, live):
        observed = f"the source delivered {read} rows where {live} were known"
        rule = f"Nothing, or less than {SMALL_EXTRACT_SHARE:.0%}, is taken for a broken extract"
        _require_approval(batch, table, "small_extract", observed, rule)


def _is_small(read: int, live: int) -> bool:
    return read == 0 or (live >= SMALL_EXTRACT_ROWS and read < SMALL_EXTRACT_SHARE * live)


def _require_approval(
    batch: OpenBatch, table: TableContract, kind: str, observed: str, rule: str
) -> None:
    if batch.call("use_approval", table.name, kind, observed) is not None:
        return
    name = f"{table.source}.{table.name}"
    raise RapportError(
        f"{name}: {observed}. {rule}; nothing of this batch landed.",
        next_step="Check the source. If it is right, have it approved: "
        f'`rapport approve {name} --kind {kind} --reason "…" --until <date>`, and run again.',
    )
