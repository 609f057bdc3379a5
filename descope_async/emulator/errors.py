"""What goes wrong while an emulator is set up. Refused requests are in `answers`."""

from __future__ import annotations


class EmulatorError(Exception):
    """The emulator cannot do what it was asked to. The message says what to change."""
