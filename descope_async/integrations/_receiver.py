"""Admits ASGI requests: asks a client about their credentials, once for each request."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Collection, MutableMapping
from contextlib import asynccontextmanager
from typing import Any, Final

from attrs import evolve

from descope_async import (
    ConfigurationError,
    DescopeClient,
    KeySetUnavailable,
    NotConfigured,
    SessionToken,
    TokenError,
)
from descope_async._runtime.clock import SYSTEM_CLOCK, Clock
from descope_async._runtime.imports_aside import all_imported

from ._admitted import Admitted
from ._credential_check import CredentialCheck
from ._expected import origin_of
from ._nonces import NO_NONCES, ProofNonces
from ._workers import problems_with_proofs
from .admission import Admission, Credential, Refusal, Requirement
from .caller import note

__all__ = ["Admitted", "Receiver"]

log: logging.Logger = logging.getLogger("descope_async")

_CLIENTS: Final = "a DescopeClient of descope_async or a callable that makes one"


class Receiver:
    """Admits the requests of an ASGI application.

    Args:
        client: The client to ask; a callable that makes one when the application starts; or None
            for a `DescopeClient` with the settings of the environment, made then. A client that was
            made here is closed when the application ends.
        admission: What is accepted.
        audience: As for ``validate_session``.
        other_audience: An audience for which a token may be as well; None for no other.
        origin: The scheme and host by which callers reach the application, such as
            ``"https://api.example.com"``, for the URL in proofs; None for the scheme that the
            server put into the scope, and the ``Host`` header.
        nonces: The nonces to demand in proofs.

    Raises:
        ConfigurationError: The client, the audience or the origin cannot be right.
    """

    admission: Admission

    def __init__(
        self,
        client: DescopeClient | Callable[[], DescopeClient] | None = None,
        admission: Admission | None = None,
        *,
        audience: str | Collection[str] | None = None,
        other_audience: str | None = None,
        origin: str | None = None,
        nonces: ProofNonces = NO_NONCES,
    ) -> None:
        self.admission = admission or Admission()
        if not (client is None or isinstance(client, DescopeClient) or callable(client)):
            raise ConfigurationError(f"client must be {_CLIENTS}, or None")
        self._make = DescopeClient if client is None else client
        self._origin = origin_of(origin)
        self._check = CredentialCheck(
            self.admission,
            audience=audience,
            other_audience=other_audience,
            origin=self._origin,
            nonces=nonces,
        )
        self._audience = self._check.audience
        self._has_other_audience = other_audience is not None
        self._client = client if isinstance(client, DescopeClient) else None
        self._runs = 0
        #: Where the scope of a request keeps what came of its credential.
        self._outcome = f"descope_async.outcome.{id(self)}"

    @property
    def client(self) -> DescopeClient:
        """The client.

        Raises:
            NotConfigured: The application has not started, so there is none yet.
        """
        if self._client is None:
            raise NotConfigured(
                "there is no client yet: let the outermost application run this object's lifespan, since "
                "nobody runs that of a mounted one, or construct this with a client"
            )
        return self._client

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[DescopeClient, None]:
        """Have a client while the application runs. Blocks may lie within one another.

        The signing keys are fetched in the background: an application starts also while the
        service is down.

        Raises:
            ConfigurationError: A setting is missing or unusable.
        """
        await all_imported()  # before a client is made, because that imports as well
        if self._runs == 0 and not isinstance(self._make, DescopeClient):
            made: object = self._make()
            if not isinstance(made, DescopeClient):
                raise ConfigurationError(f"client must be {_CLIENTS}: it makes something else")
            self._client = made
        for problem in self.client.check(management=False):
            raise ConfigurationError(problem)
        self._runs += 1
        warming = asyncio.create_task(self._warm_up())
        try:
            if self._runs == 1:
                self._warn()
            yield self.client
        finally:
            warming.cancel()
            await asyncio.wait([warming])
            self._runs -= 1
            if self._runs == 0 and not isinstance(self._make, DescopeClient):
                client, self._client = self.client, None
                self._check.forget()
                await client.aclose()

    async def is_ready(self) -> bool:
        """Whether tokens can be checked now. Fetches the signing keys if there are none yet."""
        if (client := self.client).export_key_set() is None:
            try:
                await client.refresh_key_set()  # which does nothing where the keys are given
            except KeySetUnavailable:
                return False
        return True

    async def admit(self, scope: MutableMapping[str, Any]) -> Admitted | Refusal:
        """What becomes of a request, by its ASGI scope. The second time it is known already."""
        caller = self.caller_nowait(scope)
        return Admitted(caller) if caller is not None else await self.admit_by_asking(scope)

    def caller_nowait(self, scope: MutableMapping[str, Any]) -> SessionToken | None:
        """The caller of a request with nothing but a valid bearer token, as most have. Does no I/O.

        None for all others, to `admit_by_asking`.
        """
        found: SessionToken | Admitted | Refusal | None = scope.get(self._outcome)
        if found is not None:
            return found if isinstance(found, SessionToken) else None
        client, token = self._client, self.admission.plain_token(scope["headers"])
        if client is None or token is None or self._has_other_audience:
            return None
        try:
            session = client.validate_session_nowait(token, self._audience)
        except TokenError as error:
            self._refuse(scope, token, error)
            return None
        if session is not None:
            scope[self._outcome] = session
            note(session)
        return session

    async def admit_by_asking(self, scope: MutableMapping[str, Any]) -> Admitted | Refusal:
        """As `admit`, for a request whose caller `caller_nowait` does not know."""
        known: Admitted | Refusal | None = scope.get(self._outcome)
        if known is not None:
            return known
        read = self.admission.read(scope["headers"])
        found = await self._ask(read, scope) if isinstance(read, Credential) else read
        scope[self._outcome] = found
        note(found.session if isinstance(found, Admitted) else None)
        return found

    def _refuse(self, scope: MutableMapping[str, Any], token: bytes, error: TokenError) -> None:
        found = self.admission.read(scope["headers"])
        if isinstance(found, Credential):
            if found.value.encode() != token:  # the header has more than one space before the token
                return
            found = self.admission.refusal_of(error)
        scope[self._outcome] = found
        note(None)

    async def demand(
        self, scope: MutableMapping[str, Any], admitted: Admitted, requirement: Requirement
    ) -> Refusal | None:
        """What is wrong with a caller for a route. None for nothing.

        Args:
            scope: The ASGI scope of the request.
            admitted: The caller.
            requirement: What the route demands.

        Raises:
            ConfigurationError: The route has no path parameter of the name that the requirement
                gives for the tenant.
        """
        session, now = admitted.session, 0.0
        if requirement.max_age is not None:
            now = self._clock.now()
            if admitted.kind == "access_key" and not requirement.is_recent(session, now):
                # The last answer about the key is too old for this route, so the service is asked again.
                credential = self.admission.read(scope["headers"])
                if isinstance(credential, Credential):
                    verified = await self._check.of_key(
                        self.client, credential, requirement.max_age
                    )
                    if isinstance(verified, Refusal):
                        return verified
                    # The verifier has measured its age, by this machine's clock alone.
                    session, requirement = verified.session, evolve(requirement, max_age=None)
        tenant: str | None = None
        if requirement.tenant is not None:
            tenant = scope.get("path_params", {}).get(requirement.tenant)
            if tenant is None:
                raise ConfigurationError(
                    f"the route has no path parameter {requirement.tenant!r} for the tenant"
                )
        refusal = self.admission.check(
            session, requirement, tenant=tenant, now=now, scheme=admitted.scheme
        )
        if refusal is None and tenant is not None:
            note(session, tenant)
        return refusal

    def seconds_left(self, session: SessionToken) -> float:
        """How long a token lasts from now on."""
        return session.expire_time - self._clock.now()

    @property
    def _clock(self) -> Clock:
        return SYSTEM_CLOCK if self._client is None else self._client.clock

    async def _ask(
        self, credential: Credential, scope: MutableMapping[str, Any]
    ) -> Admitted | Refusal:
        if credential.kind == "access_key":
            return await self._check.of_key(self.client, credential)
        return await self._check.of_token(self.client, credential, scope)

    async def _warm_up(self) -> None:
        if not await self.is_ready():
            log.warning("no token can be checked yet: the signing keys could not be fetched")

    def _warn(self) -> None:
        if self.admission.dpop is not None:
            for problem in problems_with_proofs(self._origin, self.client):
                log.warning(problem)
