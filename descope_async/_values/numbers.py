"""What counts as a number where a caller or a token may have passed anything."""

from __future__ import annotations

from typing import Final, TypeGuard

#: Epoch seconds of 9999-12-31T23:59:59Z. A larger number is a time in milliseconds, or no time.
LATEST: Final = 253_402_300_799


def is_number(value: object) -> TypeGuard[float]:
    """Whether it is a number. True and False are none, although they are of a class of int."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_within(value: object, least: float, most: float) -> TypeGuard[float]:
    """Whether it is a number from ``least`` to ``most``. NaN is within nothing."""
    return is_number(value) and least <= value <= most
