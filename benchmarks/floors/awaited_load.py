"""The floor of an awaited load: bare aiohttp and `json.loads`.

It sends no headers but the credential, gives no typed value, maps no error, and has aiohttp's one
time limit of five minutes.
"""

from __future__ import annotations

import json
from typing import Any

import aiohttp


async def get(session: aiohttp.ClientSession, url: str) -> Any:
    """A document."""
    async with session.get(url) as response:
        return json.loads(await response.read())


async def post(session: aiohttp.ClientSession, url: str, body: object) -> Any:
    """What is answered to a document."""
    async with session.post(url, json=body) as response:
        return json.loads(await response.read())
