"""What becomes of a Django request: asked once for each, whoever wants to know."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final, cast

from attrs import evolve, frozen
from django.core.exceptions import SynchronousOnlyOperation
from django.http import HttpRequest
from django.utils.encoding import iri_to_uri

from descope_async import ConfigurationError, DescopeError, DPoPRequest, SessionToken, Verification
from descope_async._runtime.clock import SYSTEM_CLOCK
from descope_async.integrations.admission import Accepted, Credential, Refusal, Requirement, Scheme
from descope_async.integrations.caller import note

from . import settings
from .clients import aclient, averifier, client, verifier

#: Where a request keeps what came of its credential, and how it was refused last.
_OUTCOME: Final = "_descope_outcome"
_REFUSAL: Final = "_descope_refusal"


@frozen
class Admitted:
    """A caller who was let in.

    Attributes:
        session: What the caller may do.
        scheme: The scheme of the credential.
        kind: The kind of the credential.
    """

    session: SessionToken
    scheme: Scheme
    kind: Accepted


def refusal_of(request: HttpRequest) -> Refusal | None:
    """How a request was refused last; None when it was not."""
    return cast("Refusal | None", getattr(request, _REFUSAL, None))


def _known(request: HttpRequest) -> Admitted | Refusal | None:
    """What came of a request's credential; None when nobody has asked yet."""
    return cast("Admitted | Refusal | None", getattr(request, _OUTCOME, None))


def credential_of(request: HttpRequest) -> Credential | Refusal:
    """The credential that a request brings."""
    return settings.admission().read(_headers(request))


def admit(request: HttpRequest) -> Admitted | Refusal:
    """What becomes of a request.

    Raises:
        SynchronousOnlyOperation: This thread runs an event loop, and the answer takes a call to the
            service. `aadmit` awaits it.
    """
    found = _known(request)
    if found is not None:
        return found
    read = credential_of(request)
    if isinstance(read, Credential):
        return _keep(request, _answered(request, read))
    return _keep(request, read)


async def aadmit(request: HttpRequest) -> Admitted | Refusal:
    """As `admit`, for code that awaits."""
    found = _known(request)
    if found is not None:
        return found
    read = credential_of(request)
    if isinstance(read, Credential):
        return _keep(request, await _aanswered(request, read))
    return _keep(request, read)


def demand(
    request: HttpRequest, requirement: Requirement, where: Mapping[str, Any]
) -> Admitted | Refusal:
    """The caller of a route, or why nobody is let in.

    Args:
        request: The request.
        requirement: What the route demands.
        where: The arguments in the route's URL.
    """
    found = admit(request)
    if isinstance(found, Admitted) and _is_too_old_a_memory(found, requirement):
        read = credential_of(request)
        if isinstance(read, Credential):
            _refuse_to_block()
            found = _verified(read, verifier(requirement.max_age).verify(read.value))
            requirement = evolve(requirement, max_age=None)  # the verifier has measured it
    return _checked(request, found, requirement, where)


async def ademand(
    request: HttpRequest, requirement: Requirement, where: Mapping[str, Any]
) -> Admitted | Refusal:
    """As `demand`, for code that awaits."""
    found = await aadmit(request)
    if isinstance(found, Admitted) and _is_too_old_a_memory(found, requirement):
        read = credential_of(request)
        if isinstance(read, Credential):
            found = _verified(read, await averifier(requirement.max_age).verify(read.value))
            requirement = evolve(requirement, max_age=None)  # as above
    return _checked(request, found, requirement, where)


def _answered(request: HttpRequest, read: Credential) -> Admitted | Refusal:
    try:
        if read.kind == "access_key":
            checker = verifier()
            known_already = checker.verify_nowait(read.value)
            if known_already is None:
                _refuse_to_block()
            return _verified(read, known_already or checker.verify(read.value))
        asked, audience, proof = client(), settings.entry("AUDIENCE"), _proof(request, read)
        session = asked.validate_session_nowait(read.value, audience, dpop=proof)
        if session is None:
            _refuse_to_block()
            session = asked.validate_session(read.value, audience, dpop=proof)
    except ConfigurationError:
        raise
    except DescopeError as error:
        return settings.admission().refusal_of(error, read.scheme)
    return _bound(session, read)


async def _aanswered(request: HttpRequest, read: Credential) -> Admitted | Refusal:
    try:
        if read.kind == "access_key":
            return _verified(read, await averifier().verify(read.value))
        asked, audience, proof = aclient(), settings.entry("AUDIENCE"), _proof(request, read)
        session = asked.validate_session_nowait(read.value, audience, dpop=proof)
        if session is None:
            session = await asked.validate_session(read.value, audience, dpop=proof)
    except ConfigurationError:
        raise
    except DescopeError as error:
        return settings.admission().refusal_of(error, read.scheme)
    return _bound(session, read)


def _refuse_to_block() -> None:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    raise SynchronousOnlyOperation(
        "this takes a call to the service, and would hold up the event loop: "
        "use await request.adescope() in async code"
    )


def _verified(read: Credential, found: Verification) -> Admitted | Refusal:
    refusal = settings.admission().refusal_of_key(found)
    if found.session is None or refusal is not None:
        return refusal or settings.admission().refuse_missing()
    return Admitted(found.session, read.scheme, read.kind)


def _bound(session: SessionToken, read: Credential) -> Admitted | Refusal:
    unbound = settings.admission().refusal_of_unbound(session, read.scheme)
    return unbound or Admitted(session, read.scheme, read.kind)


def _is_too_old_a_memory(found: Admitted, requirement: Requirement) -> bool:
    """Whether what is remembered of an access key is too old for a route."""
    return found.kind == "access_key" and not requirement.is_recent(
        found.session, SYSTEM_CLOCK.now()
    )


def _checked(
    request: HttpRequest,
    found: Admitted | Refusal,
    requirement: Requirement,
    where: Mapping[str, Any],
) -> Admitted | Refusal:
    if isinstance(found, Refusal):
        setattr(request, _REFUSAL, found)
        return found
    tenant: str | None = None
    if requirement.tenant is not None:
        if requirement.tenant not in where:
            raise ConfigurationError(
                f"the route has no argument {requirement.tenant!r} for the tenant in its URL"
            )
        tenant = str(where[requirement.tenant])
    refusal = settings.admission().check(
        found.session, requirement, tenant=tenant, now=SYSTEM_CLOCK.now(), scheme=found.scheme
    )
    if refusal is not None:
        setattr(request, _REFUSAL, refusal)
        return refusal
    if tenant is not None:
        note(found.session, tenant)
    return found


def _keep(request: HttpRequest, found: Admitted | Refusal) -> Admitted | Refusal:
    setattr(request, _OUTCOME, found)
    note(found.session if isinstance(found, Admitted) else None)
    return found


def _headers(request: HttpRequest) -> list[tuple[bytes, bytes]]:
    wanted = ["authorization", "dpop"]
    if (name := settings.admission().access_key_header) is not None:
        wanted.append(name.lower())
    found: list[tuple[bytes, bytes]] = []
    for name in wanted:
        value: object = request.META.get(f"HTTP_{name.upper().replace('-', '_')}")
        if isinstance(value, str):
            # Servers hand headers on as Latin-1. What is not even that is nobody's credential.
            found.append((name.encode(), value.encode("latin-1", "replace")))
    return found


def _proof(request: HttpRequest, read: Credential) -> DPoPRequest | None:
    if settings.admission().dpop is None:
        return None
    origin = settings.entry("ORIGIN")
    if origin is None:
        # Django refuses hosts that ALLOWED_HOSTS does not name.
        origin = f"{request.scheme}://{request.get_host()}"
    url = f"{str(origin).rstrip('/')}{iri_to_uri(request.path)}"
    return DPoPRequest(request.method or "GET", url, read.proofs, read.scheme)
