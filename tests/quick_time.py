"""Time in which waiting takes none."""

from __future__ import annotations

import asyncio

from descope_async import DescopeClient
from descope_async._runtime.clock import Clock


class QuickTime(Clock):
    """The time, but sleeping takes none.

    Attributes:
        slept: For how long, each time.
    """

    def __init__(self) -> None:
        self.slept: list[float] = []

    def now(self) -> float:
        return super().now() + sum(self.slept)

    def running(self) -> float:
        return super().running() + sum(self.slept)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await asyncio.sleep(0)


def quickened(client: DescopeClient) -> QuickTime:
    """Let a client's waits take no time."""
    time = QuickTime()
    repeats = client._transport._repeats
    repeats._clock, repeats._sleep = time, time.sleep
    return time
