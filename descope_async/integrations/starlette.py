"""Middleware for Starlette, and for every other ASGI application.

It is plain ASGI and imports no framework. With Starlette, Litestar and Quart it is tried.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Final

from descope_async import ConfigurationError, DescopeClient, SessionToken
from descope_async._values.secret import Secret

from ._asgi import App, Receive, Scope, Send, live, refuse, serve_for
from ._nonces import nonces_of
from ._receiver import Admitted, Receiver
from .admission import Accepted, Admission, Proofs, Refusal, Requirement
from .caller import note

__all__ = ["DescopeMiddleware", "Require", "caller_of"]

_ADMITTED: Final = "descope_async.admitted"


def caller_of(scope: Scope) -> SessionToken | None:
    """The caller of a request, by its ASGI scope; None for an exempt path."""
    found = scope.get(_ADMITTED)
    return None if found is None else found[1].session


class DescopeMiddleware:
    """Lets only callers with a valid credential through to an ASGI application.

    Wrap it around the whole application, so that it also sees the application start and end: it has
    a client in between. Whatever answers requests without a credential, such as a middleware for
    CORS, goes around it.

    Args:
        app: The application.
        client: As for `fastapi.DescopeAuth`.
        exempt: Paths that need no caller: ``"/health"`` is this path alone, ``"/static/*"`` all
            below it.
        permissions: Permissions on the project that every caller must have.
        audience: As for ``validate_session``.
        accept: As for `fastapi.DescopeAuth`.
        access_key_header: As for `fastapi.DescopeAuth`.
        dpop: As for `fastapi.DescopeAuth`.
        origin: As for `fastapi.DescopeAuth`.
        dpop_nonce_secret: As for `fastapi.DescopeAuth`.
        realm: The ``realm`` of challenges.

    Raises:
        ConfigurationError: An argument cannot be right.
    """

    def __init__(
        self,
        app: App,
        client: DescopeClient | Callable[[], DescopeClient] | None = None,
        *,
        exempt: Collection[str] = (),
        permissions: Sequence[str] = (),
        audience: str | Collection[str] | None = None,
        accept: Accepted | Sequence[Accepted] = "session_token",
        access_key_header: str | None = None,
        dpop: Proofs | None = None,
        origin: str | None = None,
        dpop_nonce_secret: str | None = None,
        realm: str = "descope",
    ) -> None:
        secret: Secret[str | None] = Secret(dpop_nonce_secret)
        del dpop_nonce_secret  # so that no traceback of an error from here shows it
        admission = Admission(
            accept=accept, access_key_header=access_key_header, dpop=dpop, realm=realm
        )
        self._app = app
        self._receiver = Receiver(
            client, admission, audience=audience, origin=origin, nonces=nonces_of(secret, dpop)
        )
        self._requirement = Requirement(permissions) if permissions else None
        self._exempt, self._exempt_below = _paths(exempt)

    @property
    def client(self) -> DescopeClient:
        """The client.

        Raises:
            NotConfigured: The application has not started, so there is none yet.
        """
        return self._receiver.client

    async def is_ready(self) -> bool:
        """Whether tokens can be checked now, for a route that tells so."""
        return await self._receiver.is_ready()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        if scope["type"] == "lifespan":
            await live(self._receiver.running(), self._app, scope, receive, send)
        elif scope["type"] not in {"http", "websocket"} or self._is_exempt(scope):
            await self._app(scope, receive, send)
        else:
            await self._serve(scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        admitted = await self._receiver.admit(scope)
        if isinstance(admitted, Admitted):
            refusal = None
            if self._requirement is not None:
                refusal = await self._receiver.demand(scope, admitted, self._requirement)
        else:
            refusal = admitted
        if refusal is not None:
            await refuse(refusal, scope, send)
            return
        assert isinstance(admitted, Admitted)  # noqa: S101 - otherwise there is a refusal
        scope[_ADMITTED] = self._receiver, admitted
        try:
            if scope["type"] == "websocket":
                left = self._receiver.seconds_left(admitted.session)
                await serve_for(left, self._app, scope, receive, send)
            else:
                await self._app(scope, receive, send)
        finally:
            note(None)

    def _is_exempt(self, scope: Scope) -> bool:
        path: str = scope["path"]
        if not self._exempt and not self._exempt_below:
            return False
        path = path.removeprefix(scope.get("root_path", "")) or "/"
        if path in self._exempt:
            return True
        # A server behind this one may resolve ".." and serve another path.
        return path.startswith(self._exempt_below) and ".." not in path.split("/")


class Require:
    """Middleware of one route, below `DescopeMiddleware`: what its callers must have.

    Args:
        app: The route.
        permissions: All of these, on the project or, with a tenant, in the tenant.
        roles: All of these, likewise.
        tenant: The name of the path parameter that holds a tenant's id.
        max_age: Seconds since the service made the token, at most.

    Raises:
        InvalidArgument: An argument cannot be right.
    """

    def __init__(
        self,
        app: App,
        *,
        permissions: Sequence[str] = (),
        roles: Sequence[str] = (),
        tenant: str | None = None,
        max_age: float | None = None,
    ) -> None:
        self._app = app
        self._requirement = Requirement(permissions, roles, tenant, max_age)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request.

        Raises:
            ConfigurationError: There is no `DescopeMiddleware` above, or the path is exempt.
        """
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        found = scope.get(_ADMITTED)
        if found is None:
            raise ConfigurationError("nobody was admitted: DescopeMiddleware must come first")
        receiver, admitted = found
        refusal: Refusal | None = await receiver.demand(scope, admitted, self._requirement)
        if refusal is None:
            await self._app(scope, receive, send)
        else:
            await refuse(refusal, scope, send)


def _paths(exempt: Collection[str]) -> tuple[frozenset[str], tuple[str, ...]]:
    """Paths that are exempt, and those of which everything below is."""
    if isinstance(exempt, str):
        raise ConfigurationError("exempt must be a list of paths, not a string")
    for path in exempt:
        if not path.startswith("/") or "*" in path.removesuffix("/*"):
            raise ConfigurationError(f"an exempt path is like /health or /static/*, not {path!r}")
    exact = frozenset(path for path in exempt if not path.endswith("/*"))
    return exact, tuple(path[:-1] for path in exempt if path.endswith("/*"))
