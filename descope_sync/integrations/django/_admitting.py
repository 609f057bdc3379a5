"""Finds out who sent a Django request, and whether a route lets them in."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final, cast

from attrs import evolve
from django.core.exceptions import SynchronousOnlyOperation
from django.http import HttpRequest
from django.utils.encoding import iri_to_uri

from descope_async import ConfigurationError, DescopeError, DPoPRequest, SessionToken, Verification
from descope_async._runtime.clock import Clock
from descope_async.integrations._receiver import Admitted
from descope_async.integrations.admission import Credential, Refusal, Requirement

from . import _log_caller
from ._settings import Site, site
from .clients import aclient, averifier, client, verifier

#: The attributes of a request that hold the outcome for its credential, and its last refusal.
_OUTCOME: Final = "_descope_outcome"
_REFUSAL: Final = "_descope_refusal"


def refusal_of(request: HttpRequest) -> Refusal | None:
    """The last refusal of a request; None if it was not refused."""
    return cast("Refusal | None", getattr(request, _REFUSAL, None))


def is_asked_about(request: HttpRequest) -> bool:
    """Whether it has been found out who sent a request, and so the answer may depend on it."""
    return hasattr(request, _OUTCOME)


def known_caller(request: HttpRequest) -> SessionToken | None:
    """Who sent a request, if that has been found out and they are let in."""
    found: Admitted | Refusal | None = getattr(request, _OUTCOME, None)
    return found.session if isinstance(found, Admitted) else None


def admit(request: HttpRequest) -> Admitted | Refusal:
    """Who sent a request, or why its credential is refused.

    Raises:
        SynchronousOnlyOperation: This thread runs an event loop, and the answer takes a call to the
            service. `aadmit` awaits it.
    """
    found: Admitted | Refusal | None = getattr(request, _OUTCOME, None)
    if found is None:
        read = site().credential(request.META)
        found = _answered(request, read) if isinstance(read, Credential) else read
        _keep(request, found)
    return found


async def aadmit(request: HttpRequest) -> Admitted | Refusal:
    """As `admit`, for async code."""
    found: Admitted | Refusal | None = getattr(request, _OUTCOME, None)
    if found is None:
        read = site().credential(request.META)
        found = await _aanswered(request, read) if isinstance(read, Credential) else read
        _keep(request, found)
    return found


def demand(
    request: HttpRequest, requirement: Requirement, where: Mapping[str, Any]
) -> Admitted | Refusal:
    """The caller of a route, or why the request is refused.

    Args:
        request: The request.
        requirement: What the route demands.
        where: The arguments in the route's URL.
    """
    found = admit(request)
    now = 0.0 if requirement.max_age is None else client().clock.now()
    if requirement.max_age is not None and _is_too_old_a_memory(found, requirement, now):
        read = site().credential(request.META)
        if isinstance(read, Credential):
            _refuse_to_block()
            found = _verified(read, verifier(requirement.max_age).verify(read.value))
            requirement = evolve(requirement, max_age=None)  # the verifier has measured it
    return _checked(request, found, requirement, where, now)


async def ademand(
    request: HttpRequest, requirement: Requirement, where: Mapping[str, Any]
) -> Admitted | Refusal:
    """As `demand`, for async code."""
    found = await aadmit(request)
    now = 0.0 if requirement.max_age is None else aclient().clock.now()
    if requirement.max_age is not None and _is_too_old_a_memory(found, requirement, now):
        read = site().credential(request.META)
        if isinstance(read, Credential):
            found = _verified(read, await averifier(requirement.max_age).verify(read.value))
            requirement = evolve(requirement, max_age=None)  # as above
    return _checked(request, found, requirement, where, now)


def _answered(request: HttpRequest, read: Credential) -> Admitted | Refusal:
    here = site()
    try:
        if read.kind == "access_key":
            checker = verifier()
            known_already = checker.verify_nowait(read.value)
            if known_already is None:
                _refuse_to_block()
            return _verified(read, known_already or checker.verify(read.value))
        asked = client()
        proof = _proof(request, read, here, asked.clock)
        session = asked.validate_session_nowait(read.value, here.audience, dpop=proof)
        if session is None:
            _refuse_to_block()
            session = asked.validate_session(read.value, here.audience, dpop=proof)
    except ConfigurationError:
        raise
    except DescopeError as error:
        return _refusal(error, read, here, client().clock)
    return _bound(session, read, here)


async def _aanswered(request: HttpRequest, read: Credential) -> Admitted | Refusal:
    here = site()
    try:
        if read.kind == "access_key":
            return _verified(read, await averifier().verify(read.value))
        asked = aclient()
        proof = _proof(request, read, here, asked.clock)
        session = asked.validate_session_nowait(read.value, here.audience, dpop=proof)
        if session is None:
            session = await asked.validate_session(read.value, here.audience, dpop=proof)
    except ConfigurationError:
        raise
    except DescopeError as error:
        return _refusal(error, read, here, aclient().clock)
    return _bound(session, read, here)


def _refusal(error: DescopeError, read: Credential, here: Site, clock: Clock) -> Refusal:
    return here.nonces.handed_out(here.admission.refusal_of(error, read.scheme), clock.now())


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
    if not found:
        return site().admission.refusal_of_key(found)
    return Admitted(found.session, read.scheme, read.kind)


def _bound(session: SessionToken, read: Credential, here: Site) -> Admitted | Refusal:
    unbound = here.admission.refusal_of_unbound(session, read.scheme)
    return Admitted(session, read.scheme, read.kind) if unbound is None else unbound


def _is_too_old_a_memory(found: Admitted | Refusal, requirement: Requirement, now: float) -> bool:
    """Whether the remembered answer about an access key is too old for a route."""
    return (
        isinstance(found, Admitted)
        and found.kind == "access_key"
        and not requirement.is_recent(found.session, now)
    )


def _checked(
    request: HttpRequest,
    found: Admitted | Refusal,
    requirement: Requirement,
    where: Mapping[str, Any],
    now: float,
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
    refusal = site().admission.check(
        found.session, requirement, tenant=tenant, now=now, scheme=found.scheme
    )
    if refusal is not None:
        setattr(request, _REFUSAL, refusal)
        return refusal
    if tenant is not None:
        _log_caller.name(request, found.session, tenant)
    return found


def _keep(request: HttpRequest, found: Admitted | Refusal) -> None:
    setattr(request, _OUTCOME, found)
    if isinstance(found, Admitted):
        cast("Any", request).descope = found.session  # nothing is left to be found out
        _log_caller.name(request, found.session)


def _proof(request: HttpRequest, read: Credential, here: Site, clock: Clock) -> DPoPRequest | None:
    if here.admission.dpop is None:
        return None
    # get_host() refuses hosts that ALLOWED_HOSTS does not name.
    origin = here.origin or f"{request.scheme}://{request.get_host()}"
    url = f"{origin}{iri_to_uri(request.path)}"
    nonces = here.nonces.accepted(clock.now())
    return DPoPRequest(request.method or "GET", url, read.proofs, read.scheme, nonces=nonces)
