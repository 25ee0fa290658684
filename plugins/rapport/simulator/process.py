"""The steps of each application, with their actors and waiting times."""

from __future__ import annotations

import numpy as np

from rapport.simulator.dates import NEVER, SECOND, hide_after, instant
from rapport.simulator.draws import Bools, Ints
from rapport.simulator.frames import Table, blank, identifier, label, take
from rapport.simulator.lending import Applications, loan_key, paid_out_at
from rapport.simulator.world import INDIVIDUAL, SME, World

# The possible steps in order, and the share of the time to the decision after which each begins.
STEPS = (
    "SUBMITTED", "REVIEW", "DOCUMENT_REQUEST", "REVIEW", "APPROVAL", "APPROVAL", "APPROVAL",
    "OFFER", "DECISION", "DISBURSEMENT",
)  # fmt: skip
_BEGINS = (0, 5, 22, 45, 60, 72, 82, 92, 100, 100)
_LEVELS = (None, "BRANCH", "REGION", "HEAD_OFFICE")


def _taken(world: World, asked: Applications, key: Ints) -> Bools:
    """Applications × steps: which steps each one goes through."""
    draws = world.draws
    relationship = world.relationship_in(asked.client, asked.month)
    steps = np.ones((len(key), len(STEPS)), dtype=bool)
    papers = np.asarray((0.15, 0.35, 0.25, 0.55))[relationship]
    steps[:, 2] = draws.chance("documents", papers, key)
    steps[:, 3] = steps[:, 2] & draws.chance("rework", 0.8, key)
    large = asked.amount > 10_000_000_00
    steps[:, 5] = large | draws.chance("level_2", 0.2, key)
    steps[:, 6] = (asked.amount > 100_000_000_00) & steps[:, 5]
    automatic = _automatic(world, asked, key)
    steps[automatic, 2:4] = False
    steps[automatic, 5:7] = False
    steps[asked.decision >= 2, 4:8] = False  # withdrawn or cancelled before approval
    steps[asked.decision == 1, 7] = False
    steps[:, 9] = asked.paid_out_day < NEVER
    return steps


def _automatic(world: World, asked: Applications, key: Ints) -> Bools:
    small = np.isin(world.kind[asked.client], (SME, INDIVIDUAL)) & (asked.amount < 5_000_000_00)
    result: Bools = small & world.draws.chance("automatic", 0.35, key)
    return result


def application_events(world: World, asked: Applications) -> Table:
    draws, now = world.draws, world.span.now
    key = loan_key(asked.client, asked.month)
    submitted = instant(draws, "submitted_at", asked.submitted_day, key)
    decided = instant(draws, "decided_at", asked.decided_day, key)
    drawn = asked.paid_out_day < NEVER
    paid = paid_out_at(world, key, np.where(drawn, asked.paid_out_day, asked.decided_day + 1))
    steps = _taken(world, asked, key)
    share = np.asarray(_BEGINS)[None, :] * 10 + np.where(
        np.isin(np.arange(len(STEPS)), (0, 8, 9)),
        0,
        draws.integers("step", 0, 75, key[:, None], np.arange(len(STEPS))[None, :]),
    )
    seconds = (decided - submitted)[:, None] // SECOND
    entered = submitted[:, None] + seconds * share // 1000 * SECOND
    entered[:, 9] = decided + (paid - decided) // 3
    # A step ends when the next one taken begins; the last when the money is out.
    exited = np.empty_like(entered)
    following = np.where(drawn, paid, decided)
    for place in range(len(STEPS) - 1, -1, -1):
        exited[:, place] = following
        following = np.where(steps[:, place], entered[:, place], following)
    exited[:, 8] = decided
    number = np.cumsum(steps, axis=1)
    at, step = np.nonzero(steps)
    begin, end = entered[at, step], exited[at, step]
    client, month = asked.client[at], asked.month[at]
    automatic = _automatic(world, asked, key)[at] | (step == 0)
    actor = draws.integers("actor", 1, 60, key[at], step)
    level = np.where(step == 8, 0, np.clip(step - 3, 0, 3) * (step < 7))
    no_one = (step == 0) | automatic
    table = {
        "application_id": identifier("A", (client, 6), (month, 3)),
        "event_no": number[at, step],
        "stage": label(STEPS, step),
        "actor_ref": blank(identifier("U", (actor, 3)), no_one),
        "authority_level": label(_LEVELS, np.where(no_one, 0, level)),
        "is_automatic": automatic.astype(np.int64),
        "is_waiting_for_client": np.isin(step, (2, 7)).astype(np.int64),
        "entered_at": begin,
        "exited_at": hide_after(np.maximum(end, begin), now),
    }
    return take(table, begin <= now)
