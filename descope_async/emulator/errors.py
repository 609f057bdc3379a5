"""EmulatorError: raised by the Python interface. What clients are answered is elsewhere."""

from __future__ import annotations

__all__ = ["EmulatorError"]


class EmulatorError(Exception):
    """The emulator cannot do what it was asked to. The message says what to change."""
