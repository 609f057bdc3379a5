"""The loop is uvloop's where that is installed."""

from __future__ import annotations

import asyncio
from importlib import import_module

from descope_sync._portal import PORTAL


async def is_uvloop() -> bool:
    return isinstance(asyncio.get_running_loop(), import_module("uvloop").Loop)


print(PORTAL.call(is_uvloop))
