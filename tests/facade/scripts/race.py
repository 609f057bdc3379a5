"""Fifty threads make the first call at once."""

from __future__ import annotations

import asyncio
import threading

from descope_sync._portal import PORTAL

THREADS = 50
together = threading.Barrier(THREADS)
results: list[int] = []


async def double(number: int) -> int:
    await asyncio.sleep(0.01)
    return 2 * number


def call(number: int) -> None:
    together.wait()
    results.append(PORTAL.call(double, number))


threads = [threading.Thread(target=call, args=(number,)) for number in range(THREADS)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
assert sorted(results) == [2 * number for number in range(THREADS)]
print("loops", [thread.name for thread in threading.enumerate()].count("descope-sync"))
