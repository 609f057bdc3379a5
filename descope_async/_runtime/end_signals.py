"""The signals that ask a process to end, other than Ctrl-C."""

from __future__ import annotations

import signal
from typing import Final

#: What a terminal or a connection sends when it goes; None on Windows, which has no such signal.
HANG_UP: Final[signal.Signals | None] = getattr(signal, "SIGHUP", None)


def end_signals() -> tuple[signal.Signals, ...]:
    """SIGTERM, and SIGHUP unless this process ignores it, as ``nohup`` lets it do."""
    if HANG_UP is None or signal.getsignal(HANG_UP) is signal.SIG_IGN:
        return (signal.SIGTERM,)
    return (signal.SIGTERM, HANG_UP)
