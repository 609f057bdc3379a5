"""A blocking call in IPython, where every line runs inside an event loop."""

from __future__ import annotations

import asyncio
import warnings
from importlib import import_module

from descope_sync._portal import PORTAL

warnings.simplefilter("error")


async def answer() -> str:
    return "answer"


async def cell() -> None:
    print(PORTAL.call(answer))


import_module("IPython.core.interactiveshell").InteractiveShell.instance()
asyncio.run(cell())
