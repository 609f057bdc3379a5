"""SIGTERM and SIGHUP during a blocking call that has secrets under way."""

from __future__ import annotations

import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

from descope_async._runtime.end_signals import HANG_UP, end_signals


@contextmanager
def termination_interrupts() -> Generator[None]:
    """Let SIGTERM and SIGHUP end a call as Ctrl-C does: what is under way is waited for.

    It does nothing on another thread than the main one, or to a signal that somebody handles.
    """
    is_main = threading.current_thread() is threading.main_thread()
    handled = [
        number for number in end_signals() if is_main and signal.getsignal(number) is signal.SIG_DFL
    ]
    for number in handled:
        signal.signal(number, _interrupt)
    try:
        yield
    finally:
        for number in handled:
            signal.signal(number, signal.SIG_DFL)


def _interrupt(number: int, _: FrameType | None) -> NoReturn:
    if number == HANG_UP:  # a connection that drops may send several
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt
