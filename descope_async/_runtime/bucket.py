"""Permits for what must not happen too often: a few at once, then one now and then."""

from __future__ import annotations

from .clock import Clock


class Bucket:
    """A token bucket. Not locked: whoever shares one sees to it that one thread asks at a time.

    Args:
        clock: The time source.
        size: Permits in a full bucket.
        every: Seconds until one comes back.
    """

    def __init__(self, clock: Clock, size: int, every: float) -> None:
        self._clock = clock
        self._size = size
        self._every = every
        self._left = float(size)
        self._counted_at = clock.running()

    def take(self) -> bool:
        """Take a permit; False when there is none."""
        self._count()
        if self._left < 1:
            return False
        self._left -= 1
        return True

    def take_or_wait(self) -> float:
        """Take a permit and return 0; or else the seconds until there is one."""
        self._count()
        if self._left < 1:
            return (1 - self._left) * self._every
        self._left -= 1
        return 0.0

    def _count(self) -> None:
        now = self._clock.running()
        gained = (now - self._counted_at) / self._every
        self._left, self._counted_at = min(self._size, self._left + gained), now
