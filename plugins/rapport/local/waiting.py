"""Waiting for a condition, never for a length of time."""

from __future__ import annotations

import time
from collections.abc import Callable

from rapport.errors import RapportError


def wait_until(
    condition: Callable[[], bool], *, seconds: float, what: str, interval: float = 0.1
) -> None:
    """Return as soon as the condition holds.

    Raises:
        RapportError: when it does not within this many seconds.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise RapportError(
                f"Waited {seconds:.0f} s in vain for {what}.",
                next_step="`rapport status` shows what runs and where the logs are.",
            )
        time.sleep(interval)
