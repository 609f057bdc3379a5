"""What is known about the access keys that callers present; the keys themselves are not kept."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final
from weakref import WeakValueDictionary

from attrs import evolve, frozen

from descope_async._runtime.bucket import Bucket
from descope_async._runtime.forks import ProcessLock
from descope_async._runtime.single_flight import SingleFlight
from descope_async.verification import UnverifiedKey, Verification

#: How many keys are remembered, of those that were accepted and of the others.
MOST: Final = 10_000
#: The token bucket for exchanges of unknown keys: how many at once, and seconds until one more.
MISSES, MISS_EVERY = 100, 1 / 50


@frozen(eq=False, repr=False)
class Lifetimes:
    """For how long an answer serves, in seconds.

    Attributes:
        fresh: A good one, without asking again.
        usable: A good one, while the service is asked again.
        refused: A refusal.
    """

    fresh: float
    usable: float
    refused: float


@frozen(repr=False)
class KnownAnswer:
    """The last answer about a key, with times of the running clock.

    Attributes:
        verification: The answer.
        asked_at: When the service was asked.
        fresh_until: Until then it is given without asking again.
        usable_until: Until then it is given while the service is asked again.
    """

    verification: Verification
    asked_at: float
    fresh_until: float
    usable_until: float

    def at(self, now: float) -> Verification:
        """What to tell a caller who comes now."""
        told = self.verification
        if isinstance(told, UnverifiedKey):
            if told.retry_after is None:
                return told
            return evolve(told, retry_after=max(0.0, self.usable_until - now))
        return told if now < self.fresh_until else _stale(told)

    def postponed(self, until: float) -> KnownAnswer:
        """The same, not to be asked about again before then."""
        return evolve(
            self,
            verification=_stale(self.verification),
            fresh_until=min(until, self.usable_until),
        )


def _stale(verification: Verification) -> Verification:
    if isinstance(verification, UnverifiedKey):
        return verification
    return evolve(verification, is_stale=True)


class PresentedKeys:
    """The last answers about keys, by their keyed hash, for any number of loops and threads."""

    def __init__(self) -> None:
        self._lock = ProcessLock()
        # Two dicts, so that a flood of unknown keys cannot push out the accepted ones.
        self._accepted = OrderedDict[bytes, KnownAnswer]()
        self._others = OrderedDict[bytes, KnownAnswer]()
        self._misses = Bucket(MISSES, MISS_EVERY)
        # A flight is kept alive by those who wait for it and by its run, and by nothing else.
        self._flights = WeakValueDictionary[bytes, SingleFlight[Verification]]()

    def find(self, name: bytes) -> KnownAnswer | None:
        """What is known about a key."""
        with self._lock.held:
            if name in self._accepted:
                self._accepted.move_to_end(name)
            return self._find(name)

    def accept(self, name: bytes, known: KnownAnswer) -> None:
        """Keep a good answer."""
        with self._lock.held:
            self._keep(name, known, self._accepted)

    def refuse(self, name: bytes, known: KnownAnswer) -> None:
        """Keep a refusal, instead of whatever good answer there was."""
        with self._lock.held:
            self._keep(name, known, self._others)

    def fail(self, name: bytes, known: KnownAnswer, now: float) -> KnownAnswer:
        """Keep a failure, unless there is a good answer that is usable now: that one stays.

        Returns:
            What is kept.
        """
        with self._lock.held:
            accepted = self._accepted.get(name)
            if accepted and accepted.verification and now < accepted.usable_until:
                known = accepted.postponed(known.fresh_until)
            self._keep(name, known, self._others if accepted is None else self._accepted)
            return known

    def take_permit(self, name: bytes, now: float) -> float:
        """Permission to ask the service about a key: 0, or the seconds until there is one.

        Args:
            name: The key's keyed hash.
            now: The running time.
        """
        with self._lock.held:
            if name in self._accepted:
                return 0.0
            return self._misses.take_or_wait(now)

    def flight(self, name: bytes) -> SingleFlight[Verification]:
        """What shares the exchange of a key among all who present it."""
        with self._lock.held:
            flight = self._flights.get(name)
            if flight is None:
                flight = self._flights[name] = SingleFlight[Verification]()
            return flight

    def _find(self, name: bytes) -> KnownAnswer | None:
        return self._accepted.get(name) or self._others.get(name)

    def _keep(
        self, name: bytes, known: KnownAnswer, where: OrderedDict[bytes, KnownAnswer]
    ) -> None:
        older = self._find(name)
        if older is not None and older.asked_at > known.asked_at:
            return  # the known one comes from a loop that stood still meanwhile
        self._accepted.pop(name, None)
        self._others.pop(name, None)
        where[name] = known
        if len(where) > MOST:
            where.popitem(last=False)
