"""The floor of many tasks on one cold source: one exchange, and one event for which all wait.

One shared future would be a little cheaper, but a task that is cancelled would cancel it for all.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable


async def wait_for_one(exchange: Callable[[], Awaitable[object]], tasks: int) -> float:
    """Let so many tasks wait for one exchange, and return how many seconds that took."""
    exchanged = asyncio.Event()
    start = time.perf_counter()
    waiting = asyncio.gather(*(exchanged.wait() for _ in range(tasks)))
    await exchange()
    exchanged.set()
    await waiting
    return time.perf_counter() - start
