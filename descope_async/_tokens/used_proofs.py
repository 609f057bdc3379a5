"""Proofs that were used: each counts once (RFC 9449, 11.1)."""

from __future__ import annotations

import math
from collections import OrderedDict
from typing import Final

from descope_async._runtime.clock import Clock
from descope_async._runtime.forks import ProcessLock
from descope_async.errors import ProofInvalid, ProofReplayed, ReplayStoreFull
from descope_async.settings import ReplayStore

from .proofs import MAX_AGE, MAX_AHEAD, Proof

#: Seconds by which the clocks of processes that share a store may differ.
_CLOCKS_DIFFER: Final = 55
#: Seconds for which a used proof is remembered: from the first moment at which it can be accepted,
#: when it comes from the future, to the last one, when it is as old as a proof may be.
REMEMBERED_FOR: Final = MAX_AHEAD + MAX_AGE + _CLOCKS_DIFFER
CAPACITY: Final = 100_000


class UsedProofs:
    """The proofs that were used of late.

    Args:
        clock: The time source.
        store: Where they are remembered; None for this process's memory.
    """

    def __init__(self, clock: Clock, store: ReplayStore | None = None) -> None:
        self._memory = _Memory(clock)
        self._store = store
        self._forgotten = _Forgotten(clock)

    async def use(self, proof: Proof) -> None:
        """Use a proof up.

        Raises:
            ProofReplayed: It was used before.
            ProofInvalid: It may have been used before, at a time that is no longer remembered.
            ReplayStoreFull: There is no room to remember it.
        """
        self._forgotten.check(proof)
        if self._store is None:
            _demand_first(self._memory.first_use(proof.id))
        else:
            _demand_first(await self._store.first_use(proof.id, REMEMBERED_FOR))
        self._forgotten.note(proof)

    def use_nowait(self, proof: Proof) -> bool:
        """As `use`, without I/O: False, and nothing done, when the store must be asked."""
        if self._store is not None:
            return False
        self._forgotten.check(proof)
        _demand_first(self._memory.first_use(proof.id))
        self._forgotten.note(proof)
        return True


def _demand_first(is_first: object) -> None:
    # Only True will do: a store that returns anything else may not have remembered the proof.
    if is_first is not True:
        raise ProofReplayed(
            "the proof was used before (jti): the caller must make one for each request",
            claim="jti",
        )


class _Forgotten:
    """Refuses proofs that may have been used and forgotten, because a clock was set back.

    The age of a proof is measured by the wall clock. A used proof is forgotten by the running
    clock. When the wall clock is set back in between, a forgotten proof seems young again. So a
    proof is accepted only if it was made later than every forgotten one.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = ProcessLock()
        #: For each second of the running clock: the latest ``iat`` of the proofs that were used in
        #: it.
        self._used: OrderedDict[int, float] = OrderedDict()
        self._until = -math.inf

    def check(self, proof: Proof) -> None:
        """Refuse a proof that may have been used and forgotten.

        Raises:
            ProofInvalid: It may be.
        """
        with self._lock.held:
            now = self._clock.running()
            while self._used and next(iter(self._used)) + REMEMBERED_FOR <= now:
                self._until = max(self._until, self._used.popitem(last=False)[1])
        if proof.issued_at <= self._until:
            raise ProofInvalid(
                "the proof was made before others that are forgotten: this machine's clock was set "
                "back (iat)",
                claim="iat",
            )

    def note(self, proof: Proof) -> None:
        """Note that a proof was used."""
        with self._lock.held:
            second = int(self._clock.running())
            self._used[second] = max(self._used.get(second, -math.inf), proof.issued_at)


class _Memory:
    """Remembers within this process, for any number of threads."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = ProcessLock()
        #: Until when each is remembered, on the running clock; the oldest first.
        self._until: OrderedDict[str, float] = OrderedDict()

    def first_use(self, proof_id: str) -> bool:
        """Whether the proof was not used before; from now on it was."""
        with self._lock.held:
            now = self._clock.running()
            while self._until and next(iter(self._until.values())) <= now:
                self._until.popitem(last=False)
            if proof_id in self._until:
                return False
            if len(self._until) >= CAPACITY:
                oldest = next(iter(self._until.values()))
                raise ReplayStoreFull(
                    f"{CAPACITY} proofs were used within {REMEMBERED_FOR} s; "
                    "no more can be remembered, so no more can be accepted",
                    retry_after=oldest - now,
                )
            self._until[proof_id] = now + REMEMBERED_FOR
            return True
