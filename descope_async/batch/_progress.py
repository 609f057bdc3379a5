"""Tells the user how far a run has come."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from typing import Final

from attrs import frozen

from descope_async._values.value import Value

from ._ledger import UNKNOWN, Ledger, State
from ._stop import Stop

_log: Final = logging.getLogger("descope_async")
#: Seconds between two calls of the user's callback at least.
_EVERY: Final = 0.2
#: States of keys on which this run does no more work.
_FINISHED: Final = (State.DONE, State.FAILED, State.UNPROVEN, State.WAITING, State.RETIRED)


@frozen(kw_only=True, eq=False, repr=False)
class Progress(Value):
    """The counts of a run.

    Attributes:
        total: How many keys it is about.
        done: How many are done, or wait for what comes days later.
        failed: How many failed.
        unknown: Of how many nobody knows yet what became of them, those under way included.
        rate: Keys per second, since the run began in this process.
        seconds_left: How long the rest takes at that rate; None while that is not known.
    """

    total: int
    done: int
    failed: int
    unknown: int
    rate: float
    seconds_left: float | None


class ProgressTeller:
    """Calls the user's callback now and then.

    Args:
        ledger: The state of all keys.
        running: Tells running time in seconds.
        callback: The user's; None for none.
        stop: What the callback ends the run with, if it raises SystemExit.
    """

    def __init__(
        self,
        ledger: Ledger,
        running: Callable[[], float],
        callback: Callable[[Progress], object] | None,
        stop: Stop,
    ) -> None:
        self._ledger = ledger
        self._running = running
        self._callback = callback
        self._stop = stop
        self._began = running()
        self._finished = self._count()
        self._told_at = -math.inf

    def tell(self, *, always: bool = False) -> None:
        """Call the callback, unless it was called a moment ago."""
        now = self._running()
        if self._callback is None or (not always and now - self._told_at < _EVERY):
            return
        self._told_at = now
        counts, total, finished = self._ledger.counts, len(self._ledger), self._count()
        passed = now - self._began
        rate = (finished - self._finished) / passed if passed > 0 else 0.0
        progress = Progress(
            total=total,
            done=finished - counts[State.FAILED],
            failed=counts[State.FAILED],
            unknown=sum(counts[state] for state in UNKNOWN),
            rate=rate,
            seconds_left=(total - finished) / rate if rate > 0 else None,
        )
        try:
            self._callback(progress)
        except (SystemExit, KeyboardInterrupt) as error:
            self._callback = None
            self._stop.exit_with(error)
        except Exception:  # noqa: BLE001 - the user's own callable may raise anything
            self._callback = None
            _log.exception("the progress callback failed; it is not called again")

    def _count(self) -> int:
        return sum(self._ledger.counts[state] for state in _FINISHED)
