"""The floors of a token that is at hand: one that was seen before, and a fresh one of a source."""

from __future__ import annotations

import time
from collections.abc import Callable

#: Takes a number of loops, and returns the seconds that they took.
Loops = Callable[[int], float]

_HOUR = 3600.0


def seen(token: str) -> Loops:
    """Look a token up, compare all of it, and see that it is in its time."""
    kept = {token[-43:]: (token, time.time() - _HOUR, time.time() + _HOUR)}  # noqa: TID251 - a floor

    def loops(count: int) -> float:
        start = time.perf_counter()
        for _ in range(count):
            found, begins, ends = kept[token[-43:]]
            assert found == token
            assert begins <= time.time() < ends  # noqa: TID251 - as above
        return time.perf_counter() - start

    return loops


def fresh(token: str) -> Loops:
    """See that a token has time left."""
    kept = (token, time.monotonic() + _HOUR)

    def loops(count: int) -> float:
        start = time.perf_counter()
        for _ in range(count):
            found, ends = kept
            assert found
            assert time.monotonic() < ends
        return time.perf_counter() - start

    return loops
