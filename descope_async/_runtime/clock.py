"""The time source: the only module that reads a clock."""

from __future__ import annotations

import time
from typing import Final


class Clock:
    """Wall time for what the service dates, running time for how long something has lasted."""

    def now(self) -> float:
        """Epoch seconds."""
        return time.time()  # noqa: TID251 - this is the place that the ban points to

    def running(self) -> float:
        """Seconds since some fixed moment; never set back, and suspended time counts."""
        return _running()


if hasattr(time, "CLOCK_BOOTTIME"):
    # CLOCK_MONOTONIC stands still in suspend: a laptop would wake up with "fresh" data.
    def _running() -> float:
        return time.clock_gettime(time.CLOCK_BOOTTIME)
else:
    _running = time.monotonic

SYSTEM_CLOCK: Final = Clock()
