"""Random numbers that belong to things, not to an order of calls.

Every draw is a hash of (seed, stream, keys), for instance (7, "pay_lag", loan, instalment). So the
history of a client does not depend on how many others there are or how far the world is simulated,
which is what lets ``advance`` reproduce the past. All arithmetic is on 64-bit integers: the same
numbers on every machine.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

_GRID = 4096
# Rounded, so that the last bit of the machine's logarithm cannot matter.
_NORMAL = np.array(
    [round(NormalDist().inv_cdf((k + 0.5) / (_GRID + 1)), 6) for k in range(_GRID + 1)]
)


def _mix(value: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The finaliser of splitmix64."""
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))


class Draws:
    """Draws of one seed. Keys are integers or integer arrays that broadcast together."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def bits(self, stream: str, *keys: ArrayLike) -> NDArray[np.uint64]:
        """64 random bits for each combination of the keys."""
        digest = blake2b(f"{self.seed}:{stream}".encode(), digest_size=8).digest()
        value = np.array([int.from_bytes(digest, "little")], dtype=np.uint64)
        for key in keys:
            part = np.atleast_1d(key).astype(np.int64).view(np.uint64)
            value = _mix(value + (part + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15))
        return value

    def uniform(self, stream: str, *keys: ArrayLike) -> Floats:
        """Floats in [0, 1), exact multiples of 2^-53."""
        high = (self.bits(stream, *keys) >> np.uint64(11)).astype(np.float64)
        result: Floats = high * 2.0**-53
        return result

    def chance(self, stream: str, probability: ArrayLike, *keys: ArrayLike) -> Bools:
        result: Bools = self.uniform(stream, *keys) < np.asarray(probability)
        return result

    def integers(self, stream: str, low: ArrayLike, high: ArrayLike, *keys: ArrayLike) -> Ints:
        """Integers in [low, high)."""
        first = np.asarray(low, dtype=np.int64)
        width = np.asarray(high, dtype=np.int64) - first
        result: Ints = first + (self.uniform(stream, *keys) * width).astype(np.int64)
        return result

    def choose(self, stream: str, weights: Sequence[float], *keys: ArrayLike) -> Ints:
        """Positions into ``weights``, with probabilities in proportion to them."""
        edges = np.cumsum(np.asarray(weights, dtype=np.float64))
        u = self.uniform(stream, *keys) * edges[-1]
        result: Ints = np.searchsorted(edges[:-1], u, side="right").astype(np.int64)
        return result

    def choose_by(
        self, stream: str, table: Sequence[Sequence[float]], rows: Ints, *keys: ArrayLike
    ) -> Ints:
        """Like ``choose`` with a row of weights of its own for each element."""
        edges = np.cumsum(np.asarray(table, dtype=np.float64), axis=1)
        u = self.uniform(stream, *keys)
        result = np.zeros(u.shape, dtype=np.int64)
        for column in range(edges.shape[1] - 1):
            result += u * edges[rows, -1] >= edges[rows, column]
        return result

    def normal(self, stream: str, *keys: ArrayLike) -> Floats:
        """Standard normal to about three digits, limited to ±3.5."""
        place = self.uniform(stream, *keys) * _GRID
        low = place.astype(np.int64)
        result: Floats = _NORMAL[low] + (place - low) * (_NORMAL[low + 1] - _NORMAL[low])
        return result

    def spread(self, stream: str, sigma: float, *keys: ArrayLike) -> Floats:
        """Log-normal factors with median 1."""
        result: Floats = np.exp(sigma * self.normal(stream, *keys))
        return result


def pick(values: Sequence[Any], index: Ints) -> NDArray[Any]:
    """``values[index]`` as an array."""
    return np.asarray(values)[index]
