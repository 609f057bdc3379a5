"""From a JWT to a SessionToken: which claims are demanded, and what they grant."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

from attrs import frozen

from .clock import Clock
from .errors import (
    AudienceMismatch,
    DescopeError,
    IssuerMismatch,
    ProofRequired,
    TokenExpired,
    TokenMalformed,
    TokenNotYetValid,
    TokenTypeMismatch,
)
from .jwks import KeyCache
from .jws import CompactToken, parse_compact, parse_json_object
from .models import ReadOnlyDict, SessionToken, TenantAccess
from .secret import Secret

#: The ``drn`` of a session token. A refresh token has ``DSR``.
_SESSION: Final = "DS"
#: The longest lifetime that a project can set for access-key tokens is four weeks.
_MAX_LIFETIME: Final = 4 * 7 * 86_400


def issuers_of(project_id: str, *base_urls: str) -> frozenset[str]:
    """Every ``iss`` that the project's own tokens can have.

    The whole value counts: a host that merely ends its URL in the project id is somebody else.
    """
    forms = [f"{url}{path}/{project_id}" for url in base_urls for path in ("", "/v1/apps")]
    return frozenset([project_id, *forms])


@frozen
class ClaimRules:
    """What a token must claim to be taken for a session of this project.

    Attributes:
        project_id: The project.
        issuers: The values that ``iss`` may have.
        leeway: Seconds by which clocks may differ.
    """

    project_id: str
    issuers: frozenset[str]
    leeway: float

    def check(self, claims: Mapping[str, Any], audience: frozenset[str] | None, now: float) -> None:
        """Check everything but the signature.

        Raises:
            TokenError: The subclass says what is wrong.
        """
        self._check_times(claims, now)
        issuer = claims.get("iss")
        if not isinstance(issuer, str) or issuer not in self.issuers:
            raise IssuerMismatch(
                "the token's issuer is not this project at this base URL; "
                "name another host of yours in the client's issuers"
            )
        self._check_audience(claims, audience)
        if claims.get("drn", _SESSION) != _SESSION:
            raise TokenTypeMismatch("the token is not a session token (drn)")
        if "cnf" in claims:
            raise ProofRequired("the token is bound to its holder's key, whose proof is missing")

    def _check_times(self, claims: Mapping[str, Any], now: float) -> None:
        expires = _time(claims, "exp")
        if expires is None:
            raise TokenMalformed("the token has no exp: it would never expire")
        if now >= expires + self.leeway:
            raise TokenExpired("the token has expired", expired_at=expires)
        for name in ("nbf", "iat"):
            start = _time(claims, name)
            if start is not None and start > now + self.leeway:
                raise TokenNotYetValid(f"the token is not valid yet ({name})", valid_from=start)
        if expires - now > _MAX_LIFETIME + self.leeway:
            raise TokenMalformed("the token would live longer than Descope lets any token live")

    def _check_audience(self, claims: Mapping[str, Any], demanded: frozenset[str] | None) -> None:
        if demanded is None and "aud" not in claims:
            return
        given = claims.get("aud")
        named = {given} if isinstance(given, str) else set(_strings(given))
        if named.isdisjoint(demanded or {self.project_id}):
            raise AudienceMismatch("the token is meant for another audience")


class SessionValidator:
    """Checks session tokens with the project's keys."""

    def __init__(self, keys: KeyCache, rules: ClaimRules, clock: Clock) -> None:
        self._keys = keys
        self._rules = rules
        self._clock = clock

    async def validate(
        self, token: Secret[object], audience: frozenset[str] | None, operation: str
    ) -> SessionToken:
        """The session that the token stands for.

        Raises:
            TokenError: The token is refused; the subclass says why.
            KeySetUnavailable: The keys cannot be had; the token may be fine.
        """
        # The frames below hold the token, so an error leaves without them.
        try:
            compact = parse_compact(token.reveal())
            payload = compact.verified_by(await self._keys.key(_kid(compact)))
            return self._session(_text(token), payload, audience)
        except DescopeError as error:
            failure = error.with_traceback(None)
        failure.operation = operation
        raise failure

    def _session(self, jwt: str, payload: bytes, audience: frozenset[str] | None) -> SessionToken:
        claims = parse_json_object(payload)
        self._rules.check(claims, audience, self._clock.now())
        return session_of(jwt, claims, self._rules.project_id)


def session_of(jwt: str, claims: Mapping[str, Any], project_id: str) -> SessionToken:
    """What checked claims grant. A claim of the wrong type grants nothing.

    Raises:
        TokenMalformed: The claims name no subject.
    """
    subject = claims.get("dsub") or claims.get("sub")
    if not isinstance(subject, str):
        raise TokenMalformed("the token has no subject")
    selected = claims.get("dct")
    current = selected if isinstance(selected, str) and selected else None
    access = TenantAccess(_strings(claims.get("permissions")), _strings(claims.get("roles")))
    chosen = claims.get("nsec")
    return SessionToken(
        jwt=jwt,
        key_id=subject,
        project_id=project_id,
        expire_time=claims["exp"],
        permissions=access.permissions,
        roles=access.roles,
        tenants=_tenants(claims, current, access),
        current_tenant=current,
        client_claims=_frozen(chosen if isinstance(chosen, dict) else {}),
        claims=_frozen(claims),
    )


def _tenants(
    claims: Mapping[str, Any], current: str | None, top_level: TenantAccess
) -> ReadOnlyDict:
    # With a selected tenant and no `tenants` at all, the top level speaks of that tenant. Where
    # `tenants` exists, the top level speaks of the project, and must not leak into a tenant.
    if "tenants" not in claims:
        return ReadOnlyDict({current: top_level} if current else {})
    listed = claims["tenants"]
    found = {
        tenant: TenantAccess(_strings(item.get("permissions")), _strings(item.get("roles")))
        if isinstance(item, dict)
        else TenantAccess()
        for tenant, item in (listed.items() if isinstance(listed, dict) else ())
    }
    if current:
        found.setdefault(current, TenantAccess())
    return ReadOnlyDict(found)


def _strings(claim: object) -> tuple[str, ...]:
    if not isinstance(claim, list):
        return ()
    return tuple(item for item in claim if isinstance(item, str))


def _time(claims: Mapping[str, Any], name: str) -> float | None:
    value = claims.get(name)
    if value is None and name not in claims:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not _is_finite(value):
        raise TokenMalformed(f"the token's {name} is not a time")
    return value


def _is_finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer beyond every float
        return False


def _frozen(value: Any) -> Any:
    if isinstance(value, Mapping):
        return ReadOnlyDict({name: _frozen(item) for name, item in value.items()})
    if isinstance(value, list):
        return tuple(_frozen(item) for item in value)
    return value


def _kid(token: CompactToken) -> str:
    if token.header.kid is None:
        raise TokenMalformed("the token does not name the key that signed it (kid)")
    return token.header.kid


def _text(token: Secret[object]) -> str:
    value = token.reveal()
    return value.decode("ascii") if isinstance(value, bytes) else str(value)
