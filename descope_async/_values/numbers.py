"""What counts as a number where a caller or a token may have passed anything."""

from __future__ import annotations

from typing import TypeGuard


def is_number(value: object) -> TypeGuard[float]:
    """Whether it is a number. True and False are none, although they are of a class of int."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_within(value: object, least: float, most: float) -> TypeGuard[float]:
    """Whether it is a number from ``least`` to ``most``. NaN is within nothing."""
    return is_number(value) and least <= value <= most
