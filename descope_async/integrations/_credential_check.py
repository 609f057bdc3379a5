"""Asks a client about the credential of an ASGI request."""

from __future__ import annotations

from collections.abc import Collection, MutableMapping
from typing import Any

from descope_async import (
    AudienceMismatch,
    DescopeClient,
    DescopeError,
    DPoPRequest,
    InvalidArgument,
    SessionToken,
)

from ._admitted import Admitted
from ._asgi import requested_url
from ._expected import audience_of
from ._nonces import ProofNonces
from ._verifiers import Verifiers
from .admission import Admission, Credential, Refusal

__all__ = ["CredentialCheck"]


class CredentialCheck:
    """Finds out what becomes of a credential.

    Args:
        admission: What is accepted.
        audience: As for ``validate_session``.
        other_audience: An audience for which a token may be as well; None for no other.
        origin: Scheme and host in proofs; None for those of the request.
        nonces: The nonces to demand in proofs.

    Attributes:
        audience: The audience, as a client takes it.

    Raises:
        ConfigurationError: The audience cannot be right.
    """

    def __init__(
        self,
        admission: Admission,
        *,
        audience: str | Collection[str] | None,
        other_audience: str | None,
        origin: str | None,
        nonces: ProofNonces,
    ) -> None:
        self.audience = audience_of(audience)
        self._admission = admission
        #: The audiences to try for a token, in this order.
        self._audiences: tuple[frozenset[str] | None, ...] = (self.audience,)
        if other_audience is not None:
            self._audiences += (frozenset({other_audience}),)
        self._origin = origin
        self._nonces = nonces
        self._verifiers = Verifiers(self.audience)

    async def of_token(
        self, client: DescopeClient, credential: Credential, scope: MutableMapping[str, Any]
    ) -> Admitted | Refusal:
        """What becomes of a session token.

        Args:
            client: The client to ask.
            credential: The token.
            scope: The ASGI scope of the request that it came with.

        Raises:
            InvalidArgument: The application made a mistake, such as not to start the client.
        """
        request: DPoPRequest | None = None
        if self._admission.dpop is not None:
            request = DPoPRequest(
                scope.get("method", "GET"),
                requested_url(scope, self._origin),
                credential.proofs,
                credential.scheme,
                nonces=self._nonces.accepted(client.clock.now()),
            )
        try:
            session = await self._validate(client, credential, request)
        except InvalidArgument:
            raise
        except DescopeError as error:
            refusal = self._admission.refusal_of(error, credential.scheme)
            return self._nonces.handed_out(refusal, client.clock.now())
        unbound = self._admission.refusal_of_unbound(session, credential.scheme)
        return unbound or Admitted(session, credential.scheme, credential.kind)

    async def of_key(
        self, client: DescopeClient, credential: Credential, max_age: float | None = None
    ) -> Admitted | Refusal:
        """What becomes of an access key.

        Args:
            client: The client to ask.
            credential: The access key.
            max_age: Seconds since the service was asked about it, at most. None for the verifier's own.

        Raises:
            InvalidArgument: As `of_token`.
        """
        try:
            found = await self._verifiers.of(client, max_age).verify(credential.value)
        except InvalidArgument:
            raise
        except DescopeError as error:
            return self._admission.refusal_of(error)
        if not found:
            return self._admission.refusal_of_key(found)
        return Admitted(found.session, credential.scheme, credential.kind)

    def forget(self) -> None:
        """Forget what belongs to a client that is closed."""
        self._verifiers.clear()

    async def _validate(
        self, client: DescopeClient, credential: Credential, request: DPoPRequest | None
    ) -> SessionToken:
        first, *others = self._audiences
        try:
            return await _validated(client, first, credential, request)
        except AudienceMismatch:
            # The audience is checked before the proof, so the proof is not used up.
            if not others:
                raise
        session = await _validated(client, others[0], credential, request)
        self._audiences = others[0], first  # the next token is most likely for the same audience
        return session


async def _validated(
    client: DescopeClient,
    audience: frozenset[str] | None,
    credential: Credential,
    request: DPoPRequest | None,
) -> SessionToken:
    session = client.validate_session_nowait(credential.value, audience, dpop=request)
    if session is not None:
        return session
    return await client.validate_session(credential.value, audience, dpop=request)
