"""Proofs that were used: each counts once (RFC 9449, 11.1)."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Final, cast

from descope_async._runtime.clock import Clock
from descope_async._runtime.forks import forget_in_child
from descope_async.errors import ConfigurationError, ProofReplayed, ReplayStoreFull
from descope_async.settings import ReplayStore

#: Seconds for which a proof is remembered: longer than it is accepted, on clocks that differ.
REMEMBERED_FOR: Final = 120
_CAPACITY: Final = 100_000


def replay_store(value: object) -> ReplayStore | None:
    """A store, or None.

    Raises:
        ConfigurationError: It is neither.
    """
    if value is not None and not callable(getattr(value, "first_use", None)):
        raise ConfigurationError("replay_store must have a method first_use(proof_id, seconds)")
    return cast("ReplayStore | None", value)


class UsedProofs:
    """The proofs that were used of late.

    Args:
        clock: The time source.
        store: Where they are remembered; None for this process's memory.
    """

    def __init__(self, clock: Clock, store: ReplayStore | None = None) -> None:
        self._memory = _Memory(clock)
        self._store = store

    async def use(self, proof_id: str) -> None:
        """Use a proof up.

        Raises:
            ProofReplayed: It was used before.
            ReplayStoreFull: There is no room to remember it.
        """
        if self._store is None:
            _demand_first(self._memory.first_use(proof_id))
        else:
            _demand_first(await self._store.first_use(proof_id, REMEMBERED_FOR))

    def use_nowait(self, proof_id: str) -> bool:
        """As `use`, without I/O: False, and nothing done, when the store must be asked."""
        if self._store is not None:
            return False
        _demand_first(self._memory.first_use(proof_id))
        return True


def _demand_first(is_first: object) -> None:
    # Nothing but True, since a store that answers nonsense has not remembered anything.
    if is_first is not True:
        raise ProofReplayed("the proof was used before (jti)", claim="jti")


class _Memory:
    """Remembers within this process, for any number of threads."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        #: Until when each is remembered, on the running clock; the oldest first.
        self._until: OrderedDict[str, float] = OrderedDict()
        forget_in_child(self)

    def first_use(self, proof_id: str) -> bool:
        """Whether the proof was not used before; from now on it was."""
        with self._lock:
            now = self._clock.running()
            while self._until and next(iter(self._until.values())) <= now:
                self._until.popitem(last=False)
            if proof_id in self._until:
                return False
            if len(self._until) >= _CAPACITY:
                oldest = next(iter(self._until.values()))
                raise ReplayStoreFull(
                    f"{_CAPACITY} proofs were used within {REMEMBERED_FOR} s; "
                    "no more can be remembered, so no more can be accepted",
                    retry_after=oldest - now,
                )
            self._until[proof_id] = now + REMEMBERED_FOR
            return True

    def forget(self) -> None:
        """Start clean in a forked child, where nobody is left to release the lock."""
        self._lock = threading.Lock()
