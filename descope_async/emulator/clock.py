"""The emulator's time: keys, tokens and everything dated reads it here, and only here."""

from __future__ import annotations

import time


class Clock:
    """Wall time."""

    def now(self) -> int:
        """Epoch seconds."""
        return int(time.time())  # noqa: TID251 - the emulator's own clock module
