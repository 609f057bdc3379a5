"""EmulatorError: raised by the Python interface. What clients are answered is elsewhere."""

from __future__ import annotations

__all__ = ["EmulatorError", "NotStarted"]


class EmulatorError(Exception):
    """The emulator cannot do what it was asked to. The message says what to change."""


class NotStarted(EmulatorError, AttributeError):
    """A property was read that has no value before the emulator has started.

    It is an AttributeError too, so that `hasattr` says False, and mocks of an emulator can be made.
    """
