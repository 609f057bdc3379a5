"""Ctrl-C, SIGTERM and SIGHUP during a run: the first two wait for secrets, the third ends the process."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from descope_async._runtime.end_signals import HANG_UP, end_signals

from ._stop import Stop


@contextmanager
def handling_signals(stop: Stop, is_wanted: bool) -> Generator[None]:
    """Let signals end a run in good order. On any thread but the main one, it does nothing.

    Args:
        stop: Of the run.
        is_wanted: Whether to do it at all.
    """
    if not is_wanted or threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()
    received: list[int] = []

    def handle(number: int, _: FrameType | None) -> None:
        if number == HANG_UP and received:
            return  # a connection that drops may send several
        received.append(number)
        match len(received):
            case 1:
                name = signal.Signals(number).name
                loop.call_soon_threadsafe(lambda: stop.ask(f"{name} was received", signal=number))
            case 2:
                loop.call_soon_threadsafe(stop.hurry)
            case _:
                signal.signal(number, signal.SIG_DFL)
                os.kill(os.getpid(), number)

    with _handlers(handle):
        yield


@contextmanager
def _handlers(handle: Callable[[int, FrameType | None], None]) -> Generator[None]:
    numbers = (signal.SIGINT, *end_signals())
    old: dict[int, Any] = {number: signal.signal(number, handle) for number in numbers}
    try:
        yield
    finally:
        for number, handler in old.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
