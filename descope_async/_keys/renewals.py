"""The renewals of a client, of which each serves all sources for the same access key."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Hashable
from typing import Final
from weakref import WeakSet

from descope_async._calls import wire
from descope_async._runtime.clock import Clock
from descope_async._runtime.forks import ProcessLock, forget_in_child
from descope_async._values.secret import Secret
from descope_async.errors import ClientClosed
from descope_async.models import AccessKeyLoginOptions

from .key_reader import KeyReader
from .renewal import Renewal
from .shared import Shared

_MAX_RENEWALS: Final = 1024


class Renewals:
    """The renewals of a client.

    Args:
        shared: What all renewals of the client share.
    """

    def __init__(self, shared: Shared) -> None:
        self._shared = shared
        self._lock = ProcessLock()
        self._by_use: OrderedDict[Hashable, Renewal] = OrderedDict()
        # All renewals in use, also those that no longer had room in the dict above.
        self._alive: WeakSet[Renewal] = WeakSet()
        forget_in_child(self)

    @property
    def clock(self) -> Clock:
        """The time that they go by."""
        return self._shared.clock

    def join(self, access_key: Secret[object], options: AccessKeyLoginOptions) -> Renewal:
        """The renewal for an access key and login options, for one more source.

        Args:
            access_key: An `AccessKeySource`.
            options: What to ask for at the exchange; not to be changed any more.

        Raises:
            InvalidArgument: The access key is no `AccessKeySource`.
            ClientClosed: After `aclose`.
        """
        reader = KeyReader(access_key)
        canonical = json.dumps(wire.login_options(options), sort_keys=True)
        key = (reader.identity(self._shared.fingerprint), canonical)
        with self._lock.held:
            if self._shared.is_closed:
                raise ClientClosed("the client is closed")
            renewal = self._by_use.get(key)
            if renewal is None:
                renewal = Renewal(reader, options, canonical.encode(), self._shared)
                self._by_use[key] = renewal
                self._alive.add(renewal)
                if len(self._by_use) > _MAX_RENEWALS:
                    self._by_use.popitem(last=False)
            self._by_use.move_to_end(key)
            renewal.users += 1
        return renewal

    async def release(self, renewal: Renewal) -> None:
        """Note that a source was closed. Closing the last source of a renewal ends the renewal."""
        with self._lock.held:
            renewal.users -= 1
            if renewal.users:
                return
            for key, kept in list(self._by_use.items()):
                if kept is renewal:
                    del self._by_use[key]
        await renewal.aclose()

    async def aclose(self) -> None:
        """Close everything; every call to a source then raises ClientClosed."""
        with self._lock.held:
            self._shared.is_closed = True
            renewals = list(self._alive)
            self._by_use.clear()
        for renewal in renewals:
            await renewal.aclose()

    def forget(self) -> None:
        """In a forked child, do not renew when the parent does."""
        for renewal in list(self._alive):
            renewal.delay_again()
