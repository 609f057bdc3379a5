"""The warning of a blocking call on a thread that runs an event loop."""

from __future__ import annotations

import asyncio
import inspect
import os
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ._green_threads import IMPORTED_UNDER_EVENTLET

if TYPE_CHECKING:
    from ._loop import Loop

__all__ = ["BlockingCallInEventLoop", "warn_inside_event_loop"]

_HERE: Final = str(Path(__file__).parent) + os.sep


class BlockingCallInEventLoop(RuntimeWarning):
    """A blocking method was called on a thread that runs an event loop, which then stood still."""


def warn_inside_event_loop(own: Loop | None) -> None:
    """Warn of a blocking call if this thread runs an event loop that it stops.

    Args:
        own: The background event loop; None before the first call.
    """
    try:
        running = asyncio.get_running_loop()
    except RuntimeError:
        return
    if _at_a_prompt():
        return
    if IMPORTED_UNDER_EVENTLET and own is not None and own.runs(running):
        return  # all of eventlet's threads are one thread, on which our loop is the running one
    level, frame = 1, inspect.currentframe()
    while frame is not None and frame.f_code.co_filename.startswith(_HERE):
        level, frame = level + 1, frame.f_back
    warnings.warn(
        "a blocking descope_sync call on a thread that runs an event loop stops that loop: await "
        "the same method of descope_async instead",
        BlockingCallInEventLoop,
        stacklevel=level,
    )


def _at_a_prompt() -> bool:
    """Whether what is typed runs inside an event loop, as in notebooks and `python -m asyncio`."""
    ipython = sys.modules.get("IPython")
    if ipython is not None and ipython.get_ipython() is not None:
        return True
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    return spec is not None and spec.name == "asyncio.__main__"
