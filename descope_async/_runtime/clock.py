"""Time and chance: the only module that reads a clock, waits and draws random delays."""

from __future__ import annotations

import asyncio
import random
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Final

from .forks import ProcessLock


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
        await asyncio.sleep(seconds)

    def draw(self, low: float, high: float) -> float:
        """Pick a number from ``low`` to ``high`` at random: for delays, never for secrets."""
        return random.uniform(low, high)  # noqa: S311 - no secret


class SleepCounter:
    """Running time where the steady clock stands still while the machine sleeps, as on macOS.

    The wall clock goes on in sleep. So when it has gone far ahead of the steady one between two
    looks, the machine slept, or somebody set the date forward: the difference counts as time that
    has passed. A wrong guess renews tokens and keys too early, which does no harm.

    Args:
        steady: Seconds that never go back.
        wall: Epoch seconds.
    """

    def __init__(self, steady: Callable[[], float], wall: Callable[[], float]) -> None:
        self._steady = steady
        self._wall = wall
        self._slept = 0.0
        self._seen = steady(), wall()
        self._lock = ProcessLock()

    def __call__(self) -> float:
        with self._lock.held:
            steady, wall = self._steady(), self._wall()
            ahead = (wall - self._seen[1]) - (steady - self._seen[0])
            if ahead > _SLEEP:
                self._slept += ahead
            self._seen = steady, wall
            return steady + self._slept


#: Seconds by which the wall clock must gain on the steady one to show a sleep. Corrections of the
#: date are smaller.
_SLEEP: Final = 5.0

if hasattr(time, "CLOCK_BOOTTIME"):
    # CLOCK_MONOTONIC stands still in suspend: a laptop would wake up with "fresh" data.
    _running: Callable[[], float] = partial(time.clock_gettime, time.CLOCK_BOOTTIME)
elif sys.platform == "win32":
    _running = time.monotonic  # which counts sleep there
else:
    _running = SleepCounter(time.monotonic, time.time)  # noqa: TID251 - as above

SYSTEM_CLOCK: Final = Clock()
