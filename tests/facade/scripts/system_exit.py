"""SystemExit raised inside the core ends the caller, not the loop."""

from __future__ import annotations

import sys

from descope_sync._portal import PORTAL


async def leave() -> None:
    sys.exit(7)


async def answer() -> str:
    return "alive"


try:
    PORTAL.call(leave)
except SystemExit as error:
    print("status", error.code, PORTAL.call(answer))
PORTAL.call(leave)
