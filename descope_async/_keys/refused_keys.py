"""Access keys that the service refused, which are not sent again for a while."""

from __future__ import annotations

import copy
from collections import OrderedDict
from typing import Final

from attrs import frozen

from descope_async._runtime.backoff import Backoff
from descope_async._runtime.clock import Clock
from descope_async._runtime.forks import ProcessLock
from descope_async.errors import DescopeError

#: How long a refused key is not sent again.
BACKOFF: Final = Backoff(5.0, 300.0, spread=(0.8, 1.2))
_MAX_REFUSALS: Final = 1024


@frozen(eq=False, repr=False)
class _Refusal:
    error: DescopeError
    until: float
    count: int


class RefusedKeys:
    """Remembers access keys that the service refused, and does not send them for a while."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = ProcessLock()
        # By a hash of the key and its login options; the oldest first.
        self._refusals = OrderedDict[bytes, _Refusal]()

    def check(self, name: bytes) -> None:
        """Raise the service's refusal again while it is not to be asked about this key."""
        with self._lock.held:
            found = self._refusals.get(name)
        if found is not None and (left := found.until - self._clock.running()) > 0:
            raise again(found.error, left)

    def refuse(self, name: bytes, error: DescopeError) -> None:
        """Remember that the service refused a key."""
        with self._lock.held:
            known = self._refusals.pop(name, None)
            count = 0 if known is None else known.count + 1
            until = self._clock.running() + BACKOFF.drawn(count, self._clock.draw)
            self._refusals[name] = _Refusal(again(error, None), until, count)
            if len(self._refusals) > _MAX_REFUSALS:
                self._refusals.popitem(last=False)

    def accept(self, name: bytes) -> None:
        """Forget the refusals of a key."""
        with self._lock.held:
            self._refusals.pop(name, None)


def again(error: DescopeError, retry_after: float | None) -> DescopeError:
    """The same error, to be raised once more."""
    repeated = copy.copy(error).with_traceback(None)
    repeated.retry_after = None if retry_after is None else max(0.0, retry_after)
    return repeated
