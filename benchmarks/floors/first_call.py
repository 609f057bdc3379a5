"""The floor of a first client, to its first call: bare aiohttp, and one GET of the first argument."""

import asyncio
import json
import sys

import aiohttp


async def call() -> None:
    """Make one call."""
    async with aiohttp.ClientSession() as session, session.get(sys.argv[1]) as response:
        json.loads(await response.read())


asyncio.run(call())
