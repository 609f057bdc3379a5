"""Pauses between tries that fail, each twice as long as the one before."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

from attrs import frozen

#: Picks a number between two, at random.
Draw: TypeAlias = Callable[[float, float], float]

#: Doublings after which a pause is longer than any that is wanted. More could overflow a float.
_MOST_DOUBLINGS: Final = 30


@frozen(eq=False, repr=False)
class Backoff:
    """How long to pause after a failure.

    Attributes:
        first: Seconds after the first failure.
        longest: Seconds at most.
        spread: The least and the most part of a pause that is drawn at random: ``(0, 1)`` for
            anything up to the whole pause, so that clients do not all come back together.
    """

    first: float
    longest: float
    spread: tuple[float, float] = (0.0, 1.0)

    def whole(self, failures: int) -> float:
        """The pause after so many failures before the last one, as it is without any spread."""
        return min(self.longest, self.first * 2.0 ** min(failures, _MOST_DOUBLINGS))

    def drawn(self, failures: int, draw: Draw) -> float:
        """The same, drawn at random."""
        return self.whole(failures) * draw(*self.spread)
