"""When calls may be made: at a fixed rate, without pacing, or as fast as the service allows."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

import anyio

from ._stop import Stop

#: Calls per second to begin with: below 100 a minute, the lowest limit that is documented.
_FIRST: Final = 1.5
_LEAST: Final = 0.5
#: Calls per second at most. The limit for backends is 1,000 in 10 seconds for all of a project's.
_MOST: Final = 20.0
#: The same two by the project's tier. The service documents no numbers for tiers, so these are
#: careful guesses, which its refusals correct.
_TIERS: Final = {"tier2": (3.0, 40.0), "tier3": (6.0, 60.0), "tier4": (10.0, 80.0)}
#: The factor of the rate after a rate limit, and its growth with each second without one.
_FALL: Final = 0.7
_RISE: Final = 1.05
#: Its growth near the rate at which the service refused last.
_CAREFUL_RISE: Final = 1.005
_NEAR: Final = 0.9
#: Seconds between two looks at whether the next moment has moved.
_LONGEST_SLEEP: Final = 1.0


class Pace:
    """The moments at which calls may begin. It is used on one event loop.

    Args:
        rate: Calls per second; None for no limit; ``"auto"`` to follow the service's.
        running: Tells running time in seconds.
    """

    def __init__(self, rate: float | str | None, running: Callable[[], float]) -> None:
        self._follows = rate == "auto"
        self.rate = _FIRST if isinstance(rate, str) else rate
        self._running = running
        self._next = 0.0
        self._turns = anyio.Lock()
        self._changed_at = running()
        self._most = _MOST
        self._refused_at = math.inf

    def note_tier(self, tier: str | None) -> None:
        """Begin as fast as the project's tier allows.

        Args:
            tier: Such as ``"tier2"``; None while it is not known.
        """
        if self._follows and tier in _TIERS:
            self.rate, self._most = _TIERS[tier]

    async def turn(self, stop: Stop) -> None:
        """Wait until one more call may begin.

        Raises:
            RunStopped: The run is to end.
        """
        stop.check()
        if self.rate is None:
            await self._wait(stop)
            return
        async with self._turns:  # one waits for its moment, which may move, and the others for it
            await self._wait(stop)
            self._next = max(self._running(), self._next) + 1 / self.rate

    async def _wait(self, stop: Stop) -> None:
        while (seconds := self._next - self._running()) > 0:
            await stop.sleep(min(seconds, _LONGEST_SLEEP))

    def note_success(self) -> None:
        """Note an answer. After a second without a rate limit, the rate rises a little."""
        if not self._follows or self.rate is None:
            return
        now = self._running()
        if (passed := now - self._changed_at) >= 1:
            careful = self.rate >= self._refused_at * _NEAR
            rise = _CAREFUL_RISE if careful else _RISE
            self.rate = min(self._most, self.rate * rise ** min(passed, 10))
            self._changed_at = now

    def note_limit(self, wait: float) -> None:
        """Note a rate limit. The rate falls, and there is a pause."""
        now = self._running()
        # Calls that were under way together are refused together. They count as one refusal.
        if self._follows and self.rate is not None and now >= self._changed_at:
            self._refused_at = self.rate
            self.rate = max(_LEAST, self.rate * _FALL)
            self._changed_at = now + wait
            wait += 1 / self.rate
        self._next = max(self._next, now + wait)
