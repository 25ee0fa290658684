"""Monthly survey waves: who is invited, who answers, and what they say."""

from __future__ import annotations

import numpy as np

from rapport.simulator.clients import (
    contact_keys,
    contact_ref,
    crm_id,
    has_consent,
    left_month,
)
from rapport.simulator.dates import DAY, NULL, business_day, first_day, instant
from rapport.simulator.draws import Ints, pick
from rapport.simulator.frames import Table, blank, identifier, label, stack, take
from rapport.simulator.world import World

DIMENSIONS = (
    "OVERALL", "PROCESS_CONVENIENCE", "APPROVAL_SPEED", "AFTER_SERVICE", "COMMUNICATION",
    "PRODUCT_FIT", "REPAYMENT_FLEXIBILITY", "ADVISORY_VALUE",
)  # fmt: skip
TOUCHPOINTS = ("relationship", "application", "disbursement", "repayment", "service")
_INVITED = 0.7
_ANSWERS = (0.30, 0.23, 0.28, 0.22)  # response by relationship
# By relationship: weights of 1…5, and of 0…10.
_CSAT = ((1, 2, 7, 40, 50), (5, 12, 28, 38, 17), (2, 5, 13, 45, 35), (38, 30, 20, 9, 3))
_NPS = (
    (0, 0, 0, 0, 1, 2, 3, 10, 22, 32, 30),
    (1, 1, 2, 4, 6, 12, 16, 24, 20, 9, 5),
    (0, 0, 1, 1, 3, 6, 9, 20, 28, 20, 12),
    (14, 10, 12, 13, 13, 14, 10, 7, 4, 2, 1),
)
_CES = (
    (1, 1, 3, 8, 20, 37, 30),
    (3, 6, 12, 24, 28, 18, 9),
    (1, 3, 6, 15, 30, 28, 17),
    (22, 22, 20, 16, 12, 6, 2),
)


def _invited(world: World) -> Table:
    """One row per contact and wave: client, contact number, month, the latent relationship."""
    client, number = contact_keys(world)
    months = world.span.months
    here = world.here()[client] & (months < left_month(world, client, number)[:, None])
    hit = here & world.draws.chance(
        "invited", _INVITED, client[:, None], number[:, None], months[None, :]
    )
    at, place = np.nonzero(hit)
    return {
        "client": client[at],
        "number": number[at],
        "month": place + world.span.start,
        "relationship": world.relationship[client[at], place].astype(np.int64),
    }


def _keys(rows: Table) -> tuple[Ints, Ints, Ints]:
    return rows["client"], rows["number"], rows["month"]


def _invitation_id(rows: Table) -> object:
    return identifier("V", (rows["client"], 6), (rows["month"], 3), (rows["number"], 1))


def survey_invitations(world: World) -> Table:
    draws, rows = world.draws, _invited(world)
    consent = has_consent(world, rows["client"], rows["number"])
    # Of those without consent a part is listed as excluded, the rest never enters the wave.
    rows = take(rows, consent | draws.chance("excluded", 0.15, *_keys(rows)))
    key = _keys(rows)
    consent = has_consent(world, rows["client"], rows["number"])
    month = rows["month"]
    day = business_day(first_day(month) + 4 + month % 3)
    sent = instant(draws, "sent", day, *key)
    return {
        "invitation_id": _invitation_id(rows),
        "client_id": crm_id(rows["client"]),
        "contact_ref": contact_ref(rows["client"], rows["number"]),
        "wave_month": first_day(month),
        "sent_at": np.where(consent, sent, NULL),
        "is_bounced": (consent & draws.chance("bounced_mail", 0.03, *key)).astype(np.int64),
        "exclusion_reason": label(("no_consent",), np.zeros(len(month), np.int64), missing=consent),
    }


def _respondents(world: World) -> Table:
    draws, rows = world.draws, _invited(world)
    key = _keys(rows)
    rate = pick(_ANSWERS, rows["relationship"])
    asked = has_consent(world, rows["client"], rows["number"])
    asked &= ~draws.chance("bounced_mail", 0.03, *key)
    return take(rows, asked & draws.chance("answers", rate, *key))


def _question(world: World, rows: Table, question: int, dimension: int, metric: int) -> Table:
    draws, key, relationship = world.draws, _keys(rows), rows["relationship"]
    if metric == 1:
        score = draws.choose_by("nps", _NPS, relationship, *key)
        low, high = 0, 10
    elif metric == 2:
        score = 1 + draws.choose_by("ces", _CES, relationship, *key)
        low, high = 1, 7
    else:
        stream = "csat" if metric == 0 else "intent"
        score = 1 + draws.choose_by(stream, _CSAT, relationship, *key, dimension)
        low, high = 1, 5
    n = len(score)
    return {
        **rows,
        "question": np.full(n, question),
        "dimension": np.full(n, dimension),
        "metric": np.full(n, metric),
        "score": score,
        "low": np.full(n, low),
        "high": np.full(n, high),
    }


def survey_answers(world: World) -> Table:
    """OVERALL in three metrics, effort, and about half of the other dimensions."""
    draws, people = world.draws, _respondents(world)
    parts = [_question(world, people, metric, 0, metric) for metric in (0, 1)]
    parts.append(_question(world, people, 2, 0, 3))
    parts.append(_question(world, people, 3, 1, 2))
    for dimension in range(1, len(DIMENSIONS)):
        asked = draws.chance("asked", 0.5, *_keys(people), dimension)
        parts.append(_question(world, take(people, asked), 3 + dimension, dimension, 0))
    rows = stack(parts)
    # A few answer a question twice; the later answer counts.
    twice = take(rows, draws.chance("twice", 0.01, *_keys(rows), rows["question"]))
    twice["score"] = np.minimum(twice["score"] + 1, twice["high"])
    n, more = len(rows["score"]), len(twice["score"])
    rows = stack([rows, twice])
    turn = np.repeat((0, 1), (n, more))
    key = _keys(rows)
    anonymous = draws.chance("anonymous", 0.02, *key)
    waited = draws.integers("answer.days", 0, 14, *key)
    day = business_day(first_day(rows["month"]) + 4 + rows["month"] % 3) + 1 + waited
    answered = instant(draws, "answered", day, *key) + rows["question"] * 20_000_000
    hidden = {"missing": anonymous}
    table = {
        "answer_id": identifier(
            "W", (rows["client"], 6), (rows["month"], 3), (rows["number"], 1),
            (rows["question"], 2), (turn, 1),
        ),
        "invitation_id": blank(_invitation_id(rows), anonymous),
        "client_id": crm_id(rows["client"], **hidden),
        "contact_ref": contact_ref(rows["client"], rows["number"], **hidden),
        "wave_month": first_day(rows["month"]),
        "touchpoint": label(TOUCHPOINTS, draws.choose("touchpoint", (6, 1, 1, 1, 1), *key)),
        "dimension": label(DIMENSIONS, rows["dimension"]),
        "metric": label(("csat", "nps", "ces", "intent"), rows["metric"]),
        "score": rows["score"] * 10_000,
        "scale_min": rows["low"] * 10_000,
        "scale_max": rows["high"] * 10_000,
        "answered_at": answered + turn * DAY,
        "is_complete": (~draws.chance("unfinished", 0.04, *key)).astype(np.int64),
    }  # fmt: skip
    return take(table, table["answered_at"] <= world.span.now)
