"""The floor of keys created and stored: the calls, and one fsync for each secret."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

from descope_async import DescopeClient


async def create(client: DescopeClient, file: Path, count: int, workers: int) -> float:
    """Create so many keys, and return how many seconds that took."""
    descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    left = iter(range(count))

    async def work() -> None:
        for number in left:
            created = await client.mgmt.access_key.create(f"machine-{number}")
            os.write(descriptor, f"{created.cleartext}\n".encode())
            os.fsync(descriptor)

    start = time.perf_counter()
    await asyncio.gather(*(work() for _ in range(workers)))
    taken = time.perf_counter() - start
    os.close(descriptor)
    return taken
