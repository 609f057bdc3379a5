"""Clock: the emulator's time, which keys, tokens and all dates go by."""

from __future__ import annotations

import threading
import time
from datetime import datetime
from typing import Final

from attrs import evolve, frozen

from . import _arguments as arguments
from .errors import EmulatorError

__all__ = ["Clock"]

_YEAR: Final = 366 * 24 * 3600
_EARLIEST: Final = 946_684_800  # 2000-01-01, so that a skewed token is not dated before 1970
#: The last moment that the service's schema can hold: epoch seconds of 32 bits, in January 2038.
LATEST: Final = 2**31 - 1
_SLOWEST: Final = 0.001
_FASTEST: Final = 24 * 3600


class Clock:
    """What time it is for an emulator: this machine's time, until it is told otherwise.

    Keys expire by it, everything made is dated by it, tokens begin and end by it, and signing keys
    are rotated by it. It goes back only by `move_to` with ``backwards``, by `reset`, or when this
    machine's own clock does. It may be used from any thread.
    """

    def __init__(self) -> None:
        self._course = _Course()
        self._token_skew = 0
        self._turn = threading.Lock()

    def __repr__(self) -> str:
        return f"<Clock at {self.now():.3f}, rate {self.rate:g}, token skew {self.token_skew}>"

    def now(self) -> float:
        """Epoch seconds."""
        return self._course.at(_wall())

    def stamp(self) -> int:
        """Whole epoch seconds, as what happens now is dated."""
        return int(self.now())

    def token_dates(self) -> tuple[int, int]:
        """Whole epoch seconds of now, and the ``iat`` of a token that is made now."""
        now = self.stamp()
        return now, now + self._token_skew

    @property
    def rate(self) -> float:
        """Seconds that pass here in one second: 1 at first, 0 while frozen."""
        return self._course.rate

    @property
    def token_skew(self) -> int:
        """Seconds by which tokens are dated late (or, negative, early)."""
        return self._token_skew

    def freeze(self) -> None:
        """Let time stand still, apart from `advance` and `move_to`."""
        self._change_rate(0)

    def run(self, rate: float = 1) -> None:
        """Let time pass, again or at another rate, from where it is.

        Args:
            rate: Seconds that pass here in one second, 0.001 to 86400.

        Raises:
            EmulatorError: The rate is no such number.
        """
        meaning = "a number from 0.001 to 86400"
        self._change_rate(arguments.number("rate", rate, _SLOWEST, _FASTEST, meaning))

    def advance(self, seconds: float) -> None:
        """Let this much time pass at once, whether time is frozen or not.

        Raises:
            EmulatorError: The seconds are negative or no number, or lead past 2038-01-19.
        """
        seconds = arguments.number(
            "seconds", seconds, 0, LATEST, "a number, 0 or more, that leads to 2038-01-19 at most"
        )
        with self._turn:
            wall = _wall()
            moment = self._course.at(wall) + seconds
            if moment > LATEST:
                raise EmulatorError("seconds must not lead past 2038-01-19")
            self._course = evolve(self._course, start=moment, started=wall)

    def move_to(self, moment: float | datetime, *, backwards: bool = False) -> None:
        """Make it this moment, from which time goes on, or at which it stays frozen.

        Args:
            moment: Epoch seconds or an aware datetime, from 2000-01-01 to 2038-01-19.
            backwards: Allow a moment that is over.

        Raises:
            EmulatorError: It cannot be that moment, or it is over.
        """
        backwards = arguments.flag("backwards", backwards)
        if isinstance(moment, datetime):
            if moment.utcoffset() is None:
                raise EmulatorError("moment must have a time zone, such as datetime.UTC")
            moment = moment.timestamp()
        meaning = "epoch seconds or an aware datetime, from 2000-01-01 to 2038-01-19"
        moment = arguments.number("moment", moment, _EARLIEST, LATEST, meaning)
        with self._turn:
            wall = _wall()
            now = self._course.at(wall)
            if moment < now and not backwards:
                raise EmulatorError(
                    f"moment {moment:.3f} is over, it is {now:.3f}; "
                    "to go back in time, say so with backwards"
                )
            self._course = evolve(self._course, start=moment, started=wall)

    def skew_tokens(self, seconds: int) -> None:
        """Date tokens late (or, negative, early), as by a signer whose clock is wrong.

        Only ``iat``, ``exp`` and the ``expiration`` beside a token are changed. The skew replaces
        an earlier one; 0 ends it.

        Raises:
            EmulatorError: It is no integer of at most 366 days.
        """
        self._token_skew = arguments.integer(
            "seconds", seconds, range(-_YEAR, _YEAR + 1), "an integer of at most 366 days"
        )

    def reset(self) -> None:
        """Go back to this machine's time, and end the skew of tokens."""
        with self._turn:
            self._course = _Course()
        self._token_skew = 0

    def _change_rate(self, rate: float) -> None:
        with self._turn:
            wall = _wall()
            self._course = _Course(self._course.at(wall), wall, rate)


@frozen
class _Course:
    """How time passes: from `start`, when this machine's clock showed `started`, at a rate."""

    start: float = 0.0
    started: float = 0.0
    rate: float = 1.0

    def at(self, wall: float) -> float:
        return min(LATEST, self.start + (wall - self.started) * self.rate)


def _wall() -> float:
    return time.time()  # noqa: TID251 - the emulator's own clock module
