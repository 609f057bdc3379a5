"""Protected routes for FastAPI (``descope-async[fastapi]``)."""

# Annotations are no strings here: FastAPI before 0.116 could not read those of callable objects.

from collections.abc import AsyncGenerator, Callable, Collection, MutableMapping, Sequence
from contextlib import asynccontextmanager
from inspect import isawaitable
from typing import Any, Final, NoReturn, cast

from descope_async import DescopeClient, SessionToken
from descope_async._values.secret import Secret

from ._asgi import POLICY_VIOLATION, can_deny
from ._nonces import nonces_of
from ._receiver import Admitted, Receiver
from ._socket_end import end_with_token
from .admission import Accepted, Admission, Proofs, Refusal, Requirement

try:
    from fastapi import Depends, HTTPException, WebSocket, WebSocketException
    from fastapi.openapi.models import HTTPBearer
    from fastapi.openapi.models import SecurityBase as SecurityModel
    from fastapi.security import SecurityScopes
    from fastapi.security.base import SecurityBase
    from starlette.requests import HTTPConnection
except ModuleNotFoundError as _error:
    _problem = "this needs an extra: pip install 'descope-async[fastapi]'"
    raise ModuleNotFoundError(_problem, name=_error.name) from None

__all__ = ["DescopeAuth"]

_BODY: Final = {
    "type": "object",
    "properties": {"detail": {"type": "string"}},
    "required": ["detail"],
}
_ANSWERS: Final = {
    401: "There is no credential, or it is not valid.",
    403: "The caller may not do this.",
    503: "The credential cannot be checked now.",
}


class DescopeAuth(SecurityBase):
    """Lets callers with a session token in: as a dependency, the caller's `SessionToken`.

    Constructing it reads no setting and sends nothing. Give its `lifespan` to the application, which
    then has a client while it runs.

    In tests, ``app.dependency_overrides[auth] = lambda: SessionToken(…)`` puts a caller of one's own
    in place of each request's. The function may be a coroutine function, and has no parameters. It
    needs no settings and no `lifespan`.

    A token is checked once for each request, however many requirements a route has. Routes of
    routers, sub-applications and WebSockets use it alike.

    Args:
        client: The client to ask; or a callable that makes one when the application starts, and is
            closed when it ends; or None for one with the settings of the environment.
        audience: As for ``validate_session``: name the one for which tokens are made, if this
            application has one. Another object can serve another audience.
        accept: ``"session_token"``, ``"access_key"``, or both: whether callers send a session
            token, or an access key as it is.
        access_key_header: A header for access keys beside ``Authorization``, such as
            ``"X-Api-Key"``; None for no other.
        dpop: ``"mixed"`` to accept tokens that are bound to a key (RFC 9449), with their proofs;
            ``"required"`` to accept no others; None to refuse bound tokens.
        origin: The scheme and host by which callers reach the application, such as
            ``"https://api.example.com"``, for the URL in proofs; None for the scheme that the
            server put into the scope, and the ``Host`` header.
        dpop_nonce_secret: A secret of 32 characters or more, the same in all processes, to demand a
            nonce in each proof (RFC 9449, 9): none can be made in advance then. Callers get a nonce
            with an answer 401 ``use_dpop_nonce``, and the next one after 5 to 10 minutes. None to
            demand none.
        realm: The ``realm`` of challenges.
        scheme_name: The name of the security scheme in OpenAPI.

    Raises:
        ConfigurationError: An argument cannot be right.
    """

    model: SecurityModel

    def __init__(
        self,
        client: DescopeClient | Callable[[], DescopeClient] | None = None,
        *,
        audience: str | Collection[str] | None = None,
        accept: Accepted | Sequence[Accepted] = "session_token",
        access_key_header: str | None = None,
        dpop: Proofs | None = None,
        origin: str | None = None,
        dpop_nonce_secret: str | None = None,
        realm: str = "descope",
        scheme_name: str = "DescopeAccessKey",
    ) -> None:
        secret: Secret[str | None] = Secret(dpop_nonce_secret)
        del dpop_nonce_secret  # so that no traceback of an error from here shows it
        admission = Admission(
            accept=accept, access_key_header=access_key_header, dpop=dpop, realm=realm
        )
        self._receiver = Receiver(
            client, admission, audience=audience, origin=origin, nonces=nonces_of(secret, dpop)
        )
        self.model = HTTPBearer(
            bearerFormat="JWT", description="A session token, made from a Descope access key."
        )
        self.scheme_name = scheme_name

    @property
    def client(self) -> DescopeClient:
        """The client, for routes that need one.

        Raises:
            NotConfigured: The application has not started, so there is none yet.
        """
        return self._receiver.client

    @property
    def responses(self) -> dict[int | str, dict[str, Any]]:
        """The answers to refused requests, for ``responses`` of a route, a router or an app."""
        content = {"application/json": {"schema": _BODY}}
        found: dict[int | str, dict[str, Any]] = {
            status: {"description": text, "content": content} for status, text in _ANSWERS.items()
        }
        if "access_key" in self._receiver.admission.accept:
            found[429] = {"description": "Too many unknown access keys.", "content": content}
        return found

    @asynccontextmanager
    async def lifespan(self, app: object = None) -> AsyncGenerator[None, None]:
        """Have a client while the block runs: the ``lifespan`` of an application, or in one.

        The signing keys are fetched in the background, so that an application starts also while
        the service is down. See `is_ready`.

        Args:
            app: Passed by FastAPI; not used.

        Raises:
            ConfigurationError: A setting is missing or unusable, so the application does not start.
        """
        del app
        async with self._receiver.running():
            yield

    async def is_ready(self) -> dict[str, bool]:
        """A route that tells whether tokens can be checked: 200, or 503 until there are keys.

        Once there are, it does not depend on the service any more, and neither do tokens.
        """
        if not await self._receiver.is_ready():
            raise HTTPException(503, "the signing keys could not be fetched yet")
        return {"ready": True}

    def require(
        self,
        *,
        permissions: Sequence[str] = (),
        roles: Sequence[str] = (),
        tenant: str | None = None,
        max_age: float | None = None,
    ) -> Any:
        """A dependency: the caller's `SessionToken`, if it has all that is required.

        Use it in ``Annotated``, or in the ``dependencies`` of a route, a router or an application.

        Args:
            permissions: All of these, on the project or, with a tenant, in the tenant.
            roles: All of these, likewise.
            tenant: The name of the path parameter that holds a tenant's id. The caller must belong
                to that tenant. None to look at what the caller has on the project.
            max_age: Seconds since the service made the token, at most: that long a deactivated
                access key is let in. None for the token's life.

        Raises:
            InvalidArgument: An argument cannot be right.
        """
        requirement = Requirement(permissions, roles, tenant, max_age)
        asked = None if requirement.is_empty else requirement
        return Depends(_Required(self, self._receiver, asked))

    async def __call__(
        self, connection: HTTPConnection, security_scopes: SecurityScopes
    ) -> SessionToken:
        """The caller. The scopes of ``Security`` are permissions on the project.

        Raises:
            HTTPException: The caller is not let in. For a WebSocket, on a server that cannot send
                an answer in its place, WebSocketException.
        """
        scopes = security_scopes.scopes
        return await self.caller(connection, Requirement(scopes) if scopes else None)

    async def caller(
        self, connection: HTTPConnection, requirement: Requirement | None = None
    ) -> SessionToken:
        """The caller, who fulfils a requirement, if there is one.

        Raises:
            HTTPException: The caller is not let in. For a WebSocket, on a server that cannot send
                an answer in its place, WebSocketException.
        """
        return await _Required(self, self._receiver, requirement)(connection)


class _Required(SecurityBase):
    """A dependency with a requirement.

    It depends on nothing else: FastAPI takes longer to solve one more dependency than this takes to
    check a token.
    """

    def __init__(
        self, auth: DescopeAuth, receiver: Receiver, requirement: Requirement | None
    ) -> None:
        self._auth = auth
        self._receiver = receiver
        self._requirement = requirement
        self.model = auth.model
        self.scheme_name = auth.scheme_name

    async def __call__(self, connection: HTTPConnection) -> SessionToken:
        scope, receiver = connection.scope, self._receiver
        overrides = scope["app"].dependency_overrides
        is_overridden = bool(overrides) and self._auth in overrides
        admitted: Admitted | None = None  # most requests need nothing but the caller
        caller = None if is_overridden else receiver.caller_nowait(scope)
        if caller is None:
            if is_overridden:
                found: Admitted | Refusal = await _admitted_instead(overrides[self._auth])
            else:
                found = await receiver.admit_by_asking(scope)
            if isinstance(found, Refusal):
                _refuse(scope, found)
            admitted, caller = found, found.session
        requirement = self._requirement
        if requirement is not None and not requirement.is_met_by(caller):
            refusal = await receiver.demand(scope, admitted or Admitted(caller), requirement)
            if refusal is not None:
                _refuse(scope, refusal)
        if scope["type"] == "websocket" and not is_overridden:
            end_with_token(cast("WebSocket", connection), receiver.seconds_left(caller))
        return caller


async def _admitted_instead(override: Callable[[], Any]) -> Admitted:
    """The caller that a test puts in place of the request's. It must meet requirements, too."""
    caller = override()
    return Admitted(await caller if isawaitable(caller) else caller)


def _refuse(scope: MutableMapping[str, Any], refusal: Refusal) -> NoReturn:
    if scope["type"] == "websocket" and not can_deny(scope):
        raise WebSocketException(POLICY_VIOLATION, refusal.description)
    raise HTTPException(refusal.status, refusal.description, refusal.headers)
