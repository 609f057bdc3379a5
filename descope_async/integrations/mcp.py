"""MCP servers whose callers have Descope tokens (``descope-async[mcp]``)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractAsyncContextManager
from contextvars import ContextVar
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

from descope_async import (
    ConfigurationError,
    DescopeClient,
    KeySetUnavailable,
    NotConfigured,
    SessionToken,
)
from descope_async._runtime.late_imports import importing
from descope_async._values.secret import Secret

from ._asgi import App, Receive, Scope, Send, live, refuse
from ._nonces import nonces_of
from ._receiver import Admitted, Receiver
from .admission import Accepted, Admission, Proofs, Refusal
from .caller import note
from .issuers import Issuers

try:
    from mcp.server.auth.provider import AccessToken
    from mcp.server.auth.settings import AuthSettings
    from pydantic import AnyHttpUrl
except ModuleNotFoundError as _error:
    _problem = "this needs an extra: pip install 'descope-async[mcp]'"
    raise ModuleNotFoundError(_problem, name=_error.name) from None

__all__ = ["DescopeMCP"]

#: The refusals that the layer answers itself, beside outages. The server answers all others.
_REFUSED, _OURS = 401, frozenset({"invalid_dpop_proof", "use_dpop_nonce"})
#: The layer around the application puts its result here for the verifier within.
_outcome: ContextVar[Admitted | Refusal | None] = ContextVar("descope_async.mcp", default=None)


class DescopeMCP:
    """Lets callers with a token of a Descope project into an MCP server.

    An MCP server asks its verifier about a bare token, and takes every no for 401. So a layer around
    the server looks at the request first: it answers 503 while tokens cannot be checked, checks the
    proofs of bound tokens, and gives the server a client while it runs.

    Args:
        resource: The URL of the MCP endpoint, as its callers write it.
        well_known: The well-known URL of what issues the tokens: the project, an MCP server
            (agentic) or a tenant; or several of one project. Callers without a token are sent to
            the first.
        client: The client to ask; a callable that makes one when the application starts; or None
            for one of the project in ``well_known``. The first two must name the issuers themselves,
            where these are not the project's own.
        audience: As for ``validate_session``; None for the project's id, the ``resource``, or none.
        accept: ``"session_token"``, ``"access_key"``, or both.
        dpop: ``"mixed"`` to accept tokens that are bound to a key (RFC 9449), with their proofs;
            ``"required"`` to accept no others; None to refuse bound tokens.
        dpop_nonce_secret: As for `fastapi.DescopeAuth`.
        required_scopes: Scopes or permissions that every caller must have.

    Raises:
        ConfigurationError: An argument cannot be right.
    """

    def __init__(
        self,
        resource: str,
        *,
        well_known: str | Sequence[str],
        client: DescopeClient | Callable[[], DescopeClient] | None = None,
        audience: str | Collection[str] | None = None,
        accept: Accepted | Sequence[Accepted] = "session_token",
        dpop: Proofs | None = None,
        dpop_nonce_secret: str | None = None,
        required_scopes: Sequence[str] = (),
    ) -> None:
        secret: Secret[str | None] = Secret(dpop_nonce_secret)
        del dpop_nonce_secret  # so that no traceback of an error from here shows it
        parts = _parts(resource)
        if parts is None:
            raise ConfigurationError("resource must be the absolute URL of the MCP endpoint")
        self._resource = resource
        self._origin = f"{parts.scheme}://{parts.netloc}"
        issuers = Issuers.of(well_known)
        self._issuer = issuers.values[0]
        admission = Admission(
            accept=accept,
            dpop=dpop,
            resource_metadata=f"{self._origin}/.well-known/oauth-protected-resource{parts.path}",
        )
        self._receiver = Receiver(
            _maker(issuers) if client is None else client,
            admission,
            audience=audience,
            other_audience=resource if audience is None else None,
            origin=self._origin,
            nonces=nonces_of(secret, dpop),
        )
        self._required_scopes = list(required_scopes)

    @property
    def client(self) -> DescopeClient:
        """The client, for tools that need one.

        Raises:
            NotConfigured: The application has not started, so there is none yet.
        """
        return self._receiver.client

    @property
    def auth_settings(self) -> AuthSettings:
        """The ``auth`` of the official SDK's server."""
        more: dict[str, Any] = {}
        if "validate_token_resource" in AuthSettings.model_fields:
            more["validate_token_resource"] = False  # the audience is checked here
        return AuthSettings(
            issuer_url=AnyHttpUrl(self._issuer),
            resource_server_url=AnyHttpUrl(self._resource),
            required_scopes=self._required_scopes or None,
            **more,
        )

    @property
    def fastmcp_auth(self) -> Any:
        """The ``auth`` of a server of the package ``fastmcp``.

        Raises:
            NotConfigured: That package is not installed.
        """
        try:
            with importing():
                from fastmcp.server import auth
        except ModuleNotFoundError as error:
            raise NotConfigured(f"fastmcp_auth needs the package fastmcp: {error}") from None

        verify = self.verify_token

        class Verifier(auth.TokenVerifier):
            async def verify_token(self, token: str) -> auth.AccessToken | None:
                found = await verify(token)
                return None if found is None else auth.AccessToken(**found.model_dump())

        return auth.RemoteAuthProvider(
            token_verifier=Verifier(required_scopes=self._required_scopes or None),
            authorization_servers=[AnyHttpUrl(self._issuer)],
            base_url=self._origin,
        )

    def running(self) -> AbstractAsyncContextManager[DescopeClient]:
        """Have a client while the block runs, where the application of `protect` is not served."""
        return self._receiver.running()

    def protect(self, app: App) -> App:
        """The application of an MCP server, with the layer around it. Serve this one."""

        async def protected(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] == "lifespan":
                await live(self._receiver.running(), app, scope, receive, send)
            elif scope["type"] == "http":
                await self._serve(app, scope, receive, send)
            else:
                await app(scope, receive, send)

        return protected

    async def verify_token(self, token: str) -> AccessToken | None:
        """What a token stands for; None for one that is not accepted. MCP servers call this.

        Without the layer of `protect` nobody knows the request, and so its proof. A token that is bound
        to a key is not accepted then.

        Raises:
            DescopeError: The token cannot be judged now, and the layer of `protect` is missing.
        """
        outcome = _outcome.get()
        if outcome is None:
            outcome = await self._receiver.admit(self._request_with(token))
        if isinstance(outcome, Admitted):
            return self._access_token(token, outcome.session)
        if outcome.retry_after is not None:
            raise KeySetUnavailable(outcome.description, retry_after=outcome.retry_after)
        return None

    def _request_with(self, token: str) -> Scope:
        """A request with a bare token and no proof."""
        return {
            "type": "http",
            "method": "POST",
            "path": unquote(urlsplit(self._resource).path),
            "headers": [(b"authorization", b"Bearer " + token.encode())],
        }

    async def _serve(self, app: App, scope: Scope, receive: Receive, send: Send) -> None:
        headers: list[tuple[bytes, bytes]] = list(scope["headers"])
        if not any(name == b"authorization" for name, _ in headers):
            # The server answers with its metadata, or says where they are.
            await app(scope, receive, send)
            return
        found = await self._receiver.admit(scope)
        # The server itself refuses all others, because it knows its own challenges.
        if isinstance(found, Refusal) and (found.status != _REFUSED or found.error in _OURS):
            await refuse(found, scope, send)
            return
        if isinstance(found, Admitted) and found.scheme == "DPoP":
            # The proof is checked by now, and the server knows the scheme Bearer only.
            scope["headers"] = [
                (name, b"Bearer " + value.partition(b" ")[2].lstrip())
                if name == b"authorization"
                else (name, value)
                for name, value in headers
            ]
        before = _outcome.set(found)
        try:
            await app(scope, receive, send)
        finally:
            _outcome.reset(before)
            note(None)

    def _access_token(self, token: str, session: SessionToken) -> AccessToken:
        claims = session.claims
        audiences = claims.get("aud", ())
        named = [audiences] if isinstance(audiences, str) else list(audiences)
        granted = claims.get("scope")
        scopes = granted.split() if isinstance(granted, str) else []
        client = next((claims[name] for name in ("azp", "client_id") if claims.get(name)), None)
        return AccessToken(
            token=token,
            client_id=str(client or session.key_id),
            scopes=list(dict.fromkeys([*session.permissions, *scopes])),
            expires_at=int(session.expire_time),
            resource=next((each for each in named if each == self._resource), None),
            subject=claims.get("sub"),
            claims=dict(claims),
        )


def _parts(resource: str) -> SplitResult | None:
    try:
        parts = urlsplit(resource)
    except (TypeError, ValueError, AttributeError):
        return None
    is_endpoint = parts.scheme in {"http", "https"} and parts.netloc and not parts.query
    return parts if is_endpoint else None


def _maker(issuers: Issuers) -> Callable[[], DescopeClient]:
    def make() -> DescopeClient:
        values = list(issuers.values)
        return DescopeClient(issuers.project_id, base_url=issuers.base_url, issuers=values)

    return make
