"""What the token sources of a client share: how to exchange, and which keys not to send."""

from __future__ import annotations

import copy
import threading
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from typing import Any, Final

from attrs import define, field, frozen

from descope_async._runtime.clock import Clock
from descope_async._values.secret import Secret
from descope_async.errors import DescopeError
from descope_async.events._telemetry import UNHOOKED, Telemetry

from .exchange import MintedToken

#: Seconds that a refused key is not sent again, doubling, and by how much they vary.
FIRST_REFUSAL, LONGEST_REFUSAL, _REFUSAL_SPREAD = 5.0, 300.0, 0.2
_MAX_REFUSALS: Final = 1024


@frozen
class _Refusal:
    error: DescopeError
    until: float
    count: int


@define(eq=False, repr=False)
class Restraint:
    """Holds back what would be in vain.

    Attributes:
        clock: The time source, which also waits and draws random delays.
        exchange: Makes a token from an access key.
        fingerprint: Names an access key without showing it.
        deadline: Seconds that a caller without a token waits.
        telemetry: Is told.
        is_closed: Whether the client is closed.
    """

    clock: Clock
    exchange: Callable[[Secret[str], Any], Coroutine[Any, Any, MintedToken]]
    fingerprint: Callable[[Secret[str]], bytes]
    deadline: float
    telemetry: Telemetry = UNHOOKED
    is_closed: bool = False
    _refusals: OrderedDict[bytes, _Refusal] = field(factory=OrderedDict[bytes, _Refusal])
    _lock: Any = field(factory=threading.Lock)

    def check(self, name: bytes) -> None:
        """Raise the service's refusal again while it is not to be asked about this key."""
        with self._lock:
            found = self._refusals.get(name)
        if found is not None and self.clock.running() < found.until:
            raise again(found.error, found.until - self.clock.running())

    def refuse(self, name: bytes, error: DescopeError) -> None:
        """Remember that the service refused a key."""
        with self._lock:
            known = self._refusals.pop(name, None)
            count = min(known.count + 1, 16) if known is not None else 0
            pause = min(LONGEST_REFUSAL, FIRST_REFUSAL * 2**count)
            pause *= self.clock.draw(1 - _REFUSAL_SPREAD, 1 + _REFUSAL_SPREAD)
            until = self.clock.running() + pause
            self._refusals[name] = _Refusal(again(error, None), until, count)
            if len(self._refusals) > _MAX_REFUSALS:
                self._refusals.popitem(last=False)

    def accept(self, name: bytes) -> None:
        """Forget the refusals of a key."""
        with self._lock:
            self._refusals.pop(name, None)

    def forget(self) -> None:
        """Start clean in a forked child, where nobody is left to release the lock."""
        self._lock = threading.Lock()


def again(error: DescopeError, retry_after: float | None) -> DescopeError:
    """The same error, to be raised once more."""
    repeated = copy.copy(error).with_traceback(None)
    repeated.retry_after = None if retry_after is None else max(0.0, retry_after)
    return repeated
