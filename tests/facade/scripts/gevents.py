"""A blocking call where gevent has replaced the threads."""

from __future__ import annotations

from importlib import import_module

import_module("gevent.monkey").patch_all()

from descope_async import DescopeError  # noqa: E402
from descope_sync._portal import PORTAL  # noqa: E402


async def answer() -> str:
    return "answer"


try:
    PORTAL.call(answer)
except DescopeError as error:
    print(error)
