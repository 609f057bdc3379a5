"""Session tokens that are always fresh: kept, shared, and renewed before they end."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TYPE_CHECKING

from . import _arguments as arguments
from ._values.secret import Secret
from .errors import ClientClosed

if TYPE_CHECKING:
    from ._keys.renewal import Renewal
    from ._keys.renewal_times import HeldToken
    from ._keys.renewals import Renewals

__all__ = ["TokenSource"]


class TokenSource:
    """The session token of an access key, renewed before it ends.

    Made by `DescopeClient.token_source`. One source serves any number of tasks, threads and event
    loops; sources of one client for the same access key and login options share their token.

    While the token is fresh, every call returns it at once. When a quarter of its life is left,
    at most an hour, it is renewed in the background. Shortly before its end, callers wait up to
    2 seconds for the renewal and otherwise get the old token. An error is raised only when there
    is no token that still works.
    """

    def __init__(self, renewal: Renewal, renewals: Renewals, owner: object) -> None:
        self._renewal = renewal
        self._renewals = renewals
        self._owner = owner
        self._running = renewals.clock.running
        self._is_closed = False

    async def token(self) -> str:
        """The token, to send as ``Authorization: Bearer …``.

        Raises:
            ApiError: The service refuses the key, or the number of requests. ``retry_after`` says
                when it will be asked again; a changed key is tried at once.
            RequestFailed: No answer came in time, and there is no older token to go on with.
            ConfigurationError: The access key cannot be read from where it is kept, the client has no
                project, or a setting cannot be used.
            ClientClosed: The source or its client is closed.
        """
        held = self._fresh()
        while held is None:  # once more if the exchange that it waited for was lost with its loop
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
            await self._renewals.clock.sleep(self._renewals.clock.draw(0, spread))
        await self.token()

    async def aclose(self) -> None:
        """Let go of the key and the token, unless another open source shares them."""
        if not self._is_closed:
            self._is_closed = True
            await self._renewals.release(self._renewal)

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
