"""The floor of idle clients: sessions of aiohttp that have made a call and keep their connections.

They have no settings, and send no credential. The URL of the call is the third argument, and how many
of them to hold is the second one.
"""

import asyncio
import atexit
import sys

import aiohttp

runner = asyncio.Runner()
sessions: list[aiohttp.ClientSession] = []


async def add(count: int) -> None:
    """Make so many."""
    for _ in range(count):
        session = aiohttp.ClientSession()
        sessions.append(session)
        async with session.get(sys.argv[3]) as response:
            await response.read()


async def close() -> None:
    """Close all of them."""
    for session in sessions:
        await session.close()


atexit.register(lambda: runner.run(close()))
runner.run(add(10))  # what they share is there


def hold() -> list[aiohttp.ClientSession]:
    """Make those whose memory counts."""
    before = len(sessions)
    runner.run(add(int(sys.argv[2])))
    return sessions[before:]
