"""Session tokens that are always fresh: kept, shared, and renewed before they end."""

from __future__ import annotations

import hmac
import json
import secrets
import threading
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Coroutine, Hashable
from typing import Any, Final
from weakref import WeakSet

from . import _arguments as arguments
from ._calls import wire
from ._keys.exchange import MintedToken
from ._keys.held_token import HeldToken
from ._keys.key_reader import KeyReader
from ._keys.refused_keys import Restraint
from ._keys.renewal import Renewal
from ._runtime.clock import Clock
from ._runtime.forks import forget_in_child
from ._values.secret import Secret
from .errors import ClientClosed
from .events._telemetry import UNHOOKED, Telemetry
from .models import AccessKeyLoginOptions

__all__ = ["TokenSource"]

_MAX_RENEWALS: Final = 1024


class TokenSource:
    """The session token of an access key, renewed before it ends.

    Made by `DescopeClient.token_source`. One source serves any number of tasks, threads and event
    loops; sources of one client for the same access key and login options share their token.

    While the token is fresh, every call returns it at once. When a quarter of its life is left,
    at most an hour, it is renewed in the background. Shortly before its end, callers wait up to
    2 seconds for the renewal and otherwise get the old token. An error is raised only when there
    is no token that still works.
    """

    def __init__(self, renewal: Renewal, shared: TokenSources, owner: object) -> None:
        self._renewal = renewal
        self._shared = shared
        self._owner = owner
        self._running = shared.clock.running
        self._is_closed = False

    async def token(self) -> str:
        """The token, to send as ``Authorization: Bearer …``.

        Raises:
            ApiError: The service refuses the key, or the number of requests. ``retry_after`` says
                when it will be asked again; a changed key is tried at once.
            RequestFailed: No answer came in time, and there is no older token to go on with.
            ConfigurationError: The access key cannot be read from where it is kept.
            ClientClosed: The source or its client is closed.
        """
        held = self._fresh()
        while held is None:  # again if the exchange that it waited for was lost
            held = self._renewal.served(await self._renewed())
        return held.token

    def get_nowait(self) -> str | None:
        """The token if it is fresh, else None. Never waits and never sends anything."""
        held = self._fresh()
        return None if held is None else held.token

    async def headers(self) -> dict[str, str]:
        """The ``Authorization`` header with the token, as a new dict.

        Raises:
            DescopeError: As `token` does.
        """
        held = self._fresh()
        while held is None:
            held = self._renewal.served(await self._renewed())
        return {"Authorization": held.header}

    def headers_nowait(self) -> dict[str, str] | None:
        """The ``Authorization`` header if the token is fresh, else None."""
        held = self._fresh()
        return None if held is None else {"Authorization": held.header}

    def invalidate(self, token: str) -> None:
        """Say that a receiver refused this token, so that the next call gets another one.

        Does nothing if it is not the current token any more, and nothing more often than every
        10 seconds: a receiver that refuses every token must not cause an exchange per request.
        """
        given: Secret[object] = Secret(token)
        del token
        self._renewal.invalidate(given)

    async def warm_up(self, spread: float = 0) -> None:
        """Get the first token now, so that no caller waits for it.

        Args:
            spread: Wait for up to this many seconds first, at random, when many processes start
                at once.

        Raises:
            InvalidArgument: ``spread`` is not from 0 to 3600.
            DescopeError: As `token` does.
        """
        if arguments.seconds("spread", spread, 0, 3600) and self.get_nowait() is None:
            await self._shared.clock.sleep(self._shared.clock.draw(0, spread))
        await self.token()

    async def aclose(self) -> None:
        """Let go of the key and the token, unless another open source shares them."""
        if not self._is_closed:
            self._is_closed = True
            await self._shared.release(self._renewal)

    def __repr__(self) -> str:
        return "<TokenSource, closed>" if self._is_closed else "<TokenSource>"

    def _fresh(self) -> HeldToken | None:
        held = self._renewal.held
        if held is None or self._is_closed or self._running() >= held.refresh_at:
            return None
        return held

    def _renewed(self) -> Awaitable[HeldToken | None]:
        if self._is_closed:
            raise ClientClosed("the token source is closed")
        return self._renewal.current()


class TokenSources:
    """The sources of a client, and the tokens they share.

    Args:
        exchange: Makes a token from an access key and login options.
        clock: The time source, which also waits and draws random delays.
        deadline: Seconds that a caller without a token waits.
        telemetry: Is told.

    Attributes:
        restraint: What holds back the exchanges of the client.
    """

    restraint: Restraint

    def __init__(
        self,
        exchange: Callable[[Secret[str], AccessKeyLoginOptions], Coroutine[Any, Any, MintedToken]],
        clock: Clock,
        deadline: float,
        telemetry: Telemetry = UNHOOKED,
    ) -> None:
        self.clock = clock
        self._salt = Secret(secrets.token_bytes(32))
        self.restraint = Restraint(clock, exchange, self._fingerprint, deadline, telemetry)
        self._lock = threading.Lock()
        self._by_use: OrderedDict[Hashable, Renewal] = OrderedDict()
        # Those too that were crowded out of the above, as long as somebody uses them.
        self._alive: WeakSet[Renewal] = WeakSet()
        forget_in_child(self)

    def source(
        self, access_key: Secret[object], options: AccessKeyLoginOptions, owner: object = None
    ) -> TokenSource:
        """A source for an access key.

        Args:
            access_key: An `AccessKeySource`.
            options: What to ask for at the exchange; not to be changed any more.
            owner: What the source is to keep alive.

        Raises:
            InvalidArgument: It is none.
            ClientClosed: After `aclose`.
        """
        reader = KeyReader(access_key)
        canonical = json.dumps(wire.login_options(options), sort_keys=True)
        key = (reader.identity(self._fingerprint), canonical)
        with self._lock:
            if self.restraint.is_closed:
                raise ClientClosed("the client is closed")
            renewal = self._by_use.get(key)
            if renewal is None:
                renewal = Renewal(reader, options, canonical.encode(), self.restraint)
                self._by_use[key] = renewal
                self._alive.add(renewal)
                if len(self._by_use) > _MAX_RENEWALS:
                    self._by_use.popitem(last=False)
            self._by_use.move_to_end(key)
            renewal.users += 1
        return TokenSource(renewal, self, owner)

    async def release(self, renewal: Renewal) -> None:
        """Take note that a source was closed."""
        with self._lock:
            renewal.users -= 1
            if renewal.users:
                return
            for key, kept in list(self._by_use.items()):
                if kept is renewal:
                    del self._by_use[key]
        await renewal.aclose()

    async def aclose(self) -> None:
        """Close everything; every call to a source then raises ClientClosed."""
        with self._lock:
            self.restraint.is_closed = True
            renewals = list(self._alive)
            self._by_use.clear()
        for renewal in renewals:
            await renewal.aclose()

    def forget(self) -> None:
        """In a forked child, keep the tokens and nothing of what was going on."""
        self._lock = threading.Lock()
        self.restraint.forget()
        for renewal in list(self._alive):
            renewal.delay_again()

    def _fingerprint(self, access_key: Secret[str]) -> bytes:
        return hmac.digest(self._salt.reveal(), access_key.reveal().encode(), "sha256")
