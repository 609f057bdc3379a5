"""The floors of a token that is at hand: one that was seen before, and a fresh one of a source."""

from __future__ import annotations

import time

from . import Loops

_HOUR = 3600.0


def seen(token: str) -> Loops:
    """Look a token up, compare all of it, and see that it is in its time."""
    kept = {token[-43:]: (token, time.time() - _HOUR, time.time() + _HOUR)}  # noqa: TID251 - times of claims are the system clock's

    def loops(count: int) -> float:
        start = time.perf_counter()
        for _ in range(count):
            found, begins, ends = kept[token[-43:]]
            assert found == token
            assert begins <= time.time() < ends  # noqa: TID251 - times of claims are the system clock's
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
