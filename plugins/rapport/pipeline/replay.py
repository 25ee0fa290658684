"""Replay of quarantined rows, beside the steps of a run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rapport.errors import RapportError
from rapport.settings import Settings
from rapport.warehouse import code_version, dsn

if TYPE_CHECKING:
    from rapport.landing.reports import BatchReport


def replay(
    settings: Settings,
    source: str,
    table: str,
    run_key: str,
    ids: Sequence[int] | None = None,
) -> BatchReport:
    """Land quarantined rows that fit now; the gates judge the batch in the next run.

    Raises:
        RapportError: when the source is not known, or nothing can be replayed.
    """
    from rapport.landing.replay import replay as land
    from rapport.sources.contracts import load_contracts

    contracts = load_contracts(settings)
    if source not in contracts:
        raise RapportError(
            f"There is no source {source!r}.",
            next_step=f"Known sources: {', '.join(sorted(contracts))}.",
        )
    return land(
        contracts[source],
        table,
        settings,
        loader_dsn=dsn.role_dsn(settings, "loader"),
        run_key=run_key,
        tree_hash=code_version.tree_hash(settings),
        ids=ids,
    )
