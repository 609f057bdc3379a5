"""Access keys that callers present."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - nobody here knows when
            await asyncio.sleep(0.005)


def junk(number: int) -> str:
    return f"Kjunk{number:020}"
