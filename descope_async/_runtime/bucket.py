"""Permits for what must not happen too often: a few at once, then one now and then."""

from __future__ import annotations

import math


class Bucket:
    """A token bucket. Not locked: threads that share one must ask one at a time.

    Args:
        size: Permits in a full bucket.
        every: Seconds until one comes back.
    """

    def __init__(self, size: int, every: float) -> None:
        self._size = size
        self._every = every
        self._left = float(size)
        self._counted_at = -math.inf

    def take_or_wait(self, now: float) -> float:
        """Take a permit and return 0; or else the seconds until there is one.

        Args:
            now: The running time.
        """
        gained = (now - self._counted_at) / self._every
        self._left, self._counted_at = min(self._size, self._left + gained), now
        if self._left < 1:
            return (1 - self._left) * self._every
        self._left -= 1
        return 0.0
