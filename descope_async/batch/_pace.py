"""When calls may be made: at a fixed rate, without any, or as fast as the service bears."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ._stop import Stop

#: Calls per second to begin with: below 100 a minute, the lowest limit that is documented.
_FIRST: Final = 1.5
_LEAST: Final = 0.5
#: Calls per second at most. The limit for backends is 1,000 in 10 seconds for all of a project's.
_MOST: Final = 20.0
#: By how much the rate falls with a rate limit, and rises with each second without one.
_FALL: Final = 0.7
_RISE: Final = 1.05
#: Near the rate at which the service last refused, it rises by this instead.
_CAREFUL_RISE: Final = 1.005
_NEAR: Final = 0.9


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
        self._changed_at = running()
        self._refused_at = _MOST / _NEAR

    async def turn(self, stop: Stop) -> None:
        """Wait until one more call may begin.

        Raises:
            RunStopped: The run is to end.
        """
        stop.check()
        now = self._running()
        if self.rate is None:
            if self._next > now:
                await stop.sleep(self._next - now)
            return
        begin = max(now, self._next)
        self._next = begin + 1 / self.rate
        if begin > now:
            await stop.sleep(begin - now)

    def note_success(self) -> None:
        """A call was answered: after a second without a rate limit, be a little faster."""
        if not self._follows or self.rate is None:
            return
        now = self._running()
        if (passed := now - self._changed_at) >= 1:
            careful = self.rate >= self._refused_at * _NEAR
            rise = _CAREFUL_RISE if careful else _RISE
            self.rate = min(_MOST, self.rate * rise ** min(passed, 10))
            self._changed_at = now

    def note_limit(self, wait: float) -> None:
        """The service refused a call because of its rate: be slower, and pause."""
        now = self._running()
        # Calls that were under way together are refused together, which counts once.
        if self._follows and self.rate is not None and now >= self._changed_at:
            self._refused_at = self.rate
            self.rate = max(_LEAST, self.rate * _FALL)
            self._changed_at = now + wait
        self._next = max(self._next, now + wait)
