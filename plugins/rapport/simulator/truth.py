"""The planted ground truth, for tests only: never read by the pipeline, never in the databases."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv

from rapport.simulator.clients import crm_id, loan_client_id
from rapport.simulator.dates import last_day
from rapport.simulator.frames import label
from rapport.simulator.world import DISTRESS, PAY_STYLES, RELATIONSHIPS, World


def table(world: World) -> pa.Table:
    """One row per client and stretch of months with the same planted relationship."""
    kinds = world.relationship
    change = np.ones(kinds.shape, dtype=bool)
    change[:, 1:] = kinds[:, 1:] != kinds[:, :-1]
    client, place = np.nonzero(change)
    until = np.append(place[1:], 0)
    until[np.append(client[1:] != client[:-1], True)] = kinds.shape[1]
    days = [last_day(world.span.start + where) for where in (place - 1, until - 1)]
    return pa.table(
        {
            "client_id": crm_id(client),
            "loan_client_id": loan_client_id(client),
            "relationship_type": label(RELATIONSHIPS, kinds[client, place]),
            "from_date": pa.array((days[0] + 1).astype(np.int32)).cast(pa.date32()),
            "to_date": pa.array(days[1].astype(np.int32)).cast(pa.date32()),
            "distress": label(DISTRESS, world.distress[client]),
            "pay_style": label(PAY_STYLES, world.pay_style[client]),
        }
    )


def write(world: World, path: Path) -> None:
    pyarrow.csv.write_csv(table(world), path)
