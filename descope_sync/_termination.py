"""SIGTERM during a blocking call that has secrets under way."""

from __future__ import annotations

import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager


@contextmanager
def termination_interrupts() -> Generator[None]:
    """Let SIGTERM end a call as Ctrl-C does: what is under way is waited for.

    It does nothing on another thread than the main one, or where somebody handles SIGTERM.
    """
    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
