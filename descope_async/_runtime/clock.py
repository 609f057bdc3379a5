"""Time and chance: the only module that reads a clock, waits and draws random delays."""

from __future__ import annotations

import random
import time
from typing import Final

import anyio


class Clock:
    """The time that a client goes by, and the random delays that it adds.

    A client has one, and all its parts share it. A subclass may be passed to `DescopeClient`, so that
    a test decides how time passes. Every method may be called from any thread. Limits on how long
    the network may take are not counted here: they always are real time.
    """

    def now(self) -> float:
        """Epoch seconds, for what the service dates."""
        return time.time()  # noqa: TID251 - this is the place that the ban points to

    def running(self) -> float:
        """Seconds since some fixed moment, for how long something has lasted.

        Must never go back. Time in which the machine was suspended counts.
        """
        return _running()

    async def sleep(self, seconds: float) -> None:
        """Return when this many seconds have passed on `running`."""
        await anyio.sleep(seconds)

    def draw(self, low: float, high: float) -> float:
        """Pick a number from ``low`` to ``high`` at random: for delays, never for secrets."""
        return random.uniform(low, high)  # noqa: S311 - no secret


if hasattr(time, "CLOCK_BOOTTIME"):
    # CLOCK_MONOTONIC stands still in suspend: a laptop would wake up with "fresh" data.
    def _running() -> float:
        return time.clock_gettime(time.CLOCK_BOOTTIME)
else:
    _running = time.monotonic

SYSTEM_CLOCK: Final = Clock()
