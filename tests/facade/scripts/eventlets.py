"""Blocking calls where eventlet has replaced the threads: first of all, later, or after a call."""

from __future__ import annotations

import asyncio
import sys
import time
import warnings
from importlib import import_module
from typing import Any

with warnings.catch_warnings(action="ignore"):  # it calls itself deprecated
    eventlet: Any = import_module("eventlet")
case = sys.argv[1]
if case == "first":
    eventlet.monkey_patch()

from descope_async import DescopeError  # noqa: E402
from descope_sync._portal import PORTAL  # noqa: E402


async def answer(number: int) -> int:
    await asyncio.sleep(1)
    return number


if case == "after_a_call":
    print(PORTAL.call(answer, 0))
if case != "first":
    eventlet.monkey_patch()
try:
    PORTAL.call(asyncio.sleep, 0)
except DescopeError as error:
    print(error)
    sys.exit()
since = time.monotonic()
green = [eventlet.spawn(PORTAL.call, answer, number) for number in range(5)]
print([each.wait() for each in green], "together" if time.monotonic() - since < 4 else "in turn")
