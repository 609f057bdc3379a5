"""Time in which waiting takes none."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from descope_async.emulator import Clock
from descope_async.testing import EmulatorClock

#: 2023-11-14, in epoch seconds.
SOME_DAY = 1_700_000_000


class QuickTime(EmulatorClock):
    """This machine's time, but pauses take none of it.

    Args:
        time: The clock of an emulator that goes by the same time; None for no emulator.

    Attributes:
        at_pause: What to do at each pause of so many seconds; None for nothing.
    """

    def __init__(self, time: Clock | None = None) -> None:
        super().__init__(time or Clock())
        self.at_pause: Callable[[float], Awaitable[object]] | None = None

    async def sleep(self, seconds: float) -> None:
        await super().sleep(seconds)
        if self.at_pause is not None:
            await self.at_pause(seconds)


class VirtualTime(EmulatorClock):
    """Time that stands still but for pauses and for what a test puts it forward.

    Args:
        time: The clock of an emulator that goes by the same time; None for no emulator.
        seed: Where the random delays begin.
    """

    def __init__(self, time: Clock | None = None, *, seed: int = 0) -> None:
        if time is None:
            time = Clock()
            time.move_to(SOME_DAY, backwards=True)
        time.freeze()
        super().__init__(time, seed=seed)

    @property
    def at(self) -> float:
        """Seconds since the beginning; may be set to a later moment."""
        return self.running()

    @at.setter
    def at(self, moment: float) -> None:
        self.time.advance(moment - self.running())
