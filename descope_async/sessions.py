"""From a JWT to a SessionToken: which claims are demanded, and what they grant."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any, Final, cast

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
from .jws import MAX_TOKEN, UnverifiedToken, VerifyingKey, parse, verify
from .models import ReadOnlyDict, SessionToken, TenantAccess
from .secret import Secret
from .strict_json import read_object
from .verified_tokens import VerifiedToken, VerifiedTokens, digest_of

#: The ``drn`` of a session token. A refresh token has ``DSR``.
_SESSION: Final = "DS"
#: The longest life that a project can give to access-key tokens is four weeks.
_MAX_LIFETIME: Final = 4 * 7 * 86_400
#: How JSON's numbers come; a boolean is none.
_NUMBERS: Final = frozenset({int, float})
#: Neither NaN nor Infinity lies within, nor an integer beyond every float.
_LARGEST: Final = sys.float_info.max


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
        # Whatever it names, a key, a certificate: the bearer has not shown to hold it.
        if "cnf" in claims:
            raise ProofRequired("the token is bound to its holder's key, whose proof is missing")

    def _check_times(self, claims: Mapping[str, Any], now: float) -> None:
        expires = _time(claims, "exp")
        if expires is None:
            raise TokenMalformed("the token has no exp: it would never expire")
        if now >= expires + self.leeway:
            raise TokenExpired("the token has expired", expired_at=expires)
        starts, issued = _time(claims, "nbf"), _time(claims, "iat")
        for name, start in (("nbf", starts), ("iat", issued)):
            if start is not None and start > now + self.leeway:
                raise TokenNotYetValid(f"the token is not valid yet ({name})", valid_from=start)
        if expires - (now if issued is None else issued) > _MAX_LIFETIME + self.leeway:
            raise TokenMalformed("the token would live longer than Descope lets any token live")

    def _check_audience(self, claims: Mapping[str, Any], demanded: frozenset[str] | None) -> None:
        if demanded is None and "aud" not in claims:
            return
        given = claims.get("aud")
        named = {given} if isinstance(given, str) else set(_strings(given))
        if named.isdisjoint({self.project_id} if demanded is None else demanded):
            raise AudienceMismatch("the token is meant for another audience")


class SessionValidator:
    """Checks session tokens with the project's keys."""

    def __init__(self, keys: KeyCache, rules: ClaimRules, clock: Clock) -> None:
        self._keys = keys
        self._rules = rules
        self._clock = clock
        self._tokens = VerifiedTokens()

    async def validate(
        self, token: Secret[object], audience: frozenset[str] | None, operation: str
    ) -> SessionToken:
        """The session that the token stands for.

        Args:
            token: The JWT, a str or bytes.
            audience: The audiences of which it must name one. None demands none, but a token that
                names any must then name the project id among them.
            operation: What an error is to name as its ``operation``.

        Raises:
            TokenError: The token is refused; the subclass says why.
            KeySetUnavailable: The keys cannot be had; the token may be fine.
        """
        # The frames below hold the token, so an error leaves without them.
        try:
            digest = _digest(token)
            known = self._known(digest, audience)
            if known is not None:
                return known
            unverified = parse(token.reveal())
            key = await self._keys.key(_kid(unverified))
            return self._verified(token, digest, unverified, key, audience)
        except DescopeError as error:
            failure = error.with_traceback(None)
        failure.operation = operation
        raise failure

    def validate_nowait(
        self, token: Secret[object], audience: frozenset[str] | None, operation: str
    ) -> SessionToken | None:
        """As `validate`, without I/O: None when a key would have to be fetched first.

        Raises:
            TokenError: The token is refused; the subclass says why.
        """
        try:
            digest = _digest(token)
            known = self._known(digest, audience)
            if known is not None:
                return known
            unverified = parse(token.reveal())
            key = self._keys.key_nowait(_kid(unverified))
            if key is None:
                return None
            return self._verified(token, digest, unverified, key, audience)
        except DescopeError as error:
            failure = error.with_traceback(None)
        failure.operation = operation
        raise failure

    def _known(self, digest: bytes | None, audience: frozenset[str] | None) -> SessionToken | None:
        """The session of a token that was verified before, by a key that is still current."""
        found = self._tokens.find(digest) if digest else None
        if found is None or self._keys.key_nowait(str(found.key.kid)) is not found.key:
            return None
        self._rules.check(found.session.claims, audience, self._clock.now())
        return found.session

    def _verified(
        self,
        token: Secret[object],
        digest: bytes | None,
        unverified: UnverifiedToken,
        key: VerifyingKey,
        audience: frozenset[str] | None,
    ) -> SessionToken:
        claims = read_object(verify(unverified, key))
        if claims is None:
            raise TokenMalformed("the token's claims are not a JSON object of distinct names")
        self._rules.check(claims, audience, self._clock.now())
        session = session_of(_text(token), claims, self._rules.project_id)
        if digest:
            self._tokens.remember(digest, VerifiedToken(session, key))
        return session


def session_of(jwt: str, claims: ReadOnlyDict, project_id: str) -> SessionToken:
    """What checked claims grant. A claim of the wrong type grants nothing.

    Raises:
        TokenMalformed: The claims name no subject.
    """
    subject = claims.get("dsub", claims.get("sub"))
    if not isinstance(subject, str) or not subject:
        raise TokenMalformed("the token names no subject (dsub or sub)")
    selected = claims.get("dct")
    current = selected if isinstance(selected, str) and selected else None
    top_level = _access(claims)
    chosen = claims.get("nsec")
    return SessionToken(
        jwt=jwt,
        key_id=subject,
        project_id=project_id,
        expire_time=claims["exp"],
        permissions=top_level.permissions,
        roles=top_level.roles,
        tenants=_tenants(claims, current, top_level),
        current_tenant=current,
        client_claims=chosen if isinstance(chosen, ReadOnlyDict) else ReadOnlyDict(),
        claims=claims,
    )


def _tenants(claims: ReadOnlyDict, current: str | None, top_level: TenantAccess) -> ReadOnlyDict:
    # With a selected tenant and no `tenants` at all, the top level speaks of that tenant. Where
    # `tenants` exists, the top level speaks of the project, and must not leak into a tenant.
    if "tenants" not in claims:
        return ReadOnlyDict({current: top_level} if current else {})
    listed = claims["tenants"]
    members = listed.items() if isinstance(listed, ReadOnlyDict) else ()
    found = {tenant: _access(item) for tenant, item in members if isinstance(item, ReadOnlyDict)}
    if current:
        found.setdefault(current, TenantAccess())
    return ReadOnlyDict(found)


def _access(claims: ReadOnlyDict) -> TenantAccess:
    return TenantAccess(_strings(claims.get("permissions")), _strings(claims.get("roles")))


def _strings(claim: object) -> tuple[str, ...]:
    if not isinstance(claim, tuple):
        return ()
    items = cast("tuple[object, ...]", claim)
    for item in items:
        if type(item) is not str:
            return tuple([item for item in items if isinstance(item, str)])
    return cast("tuple[str, ...]", items)


def _time(claims: Mapping[str, Any], name: str) -> float | None:
    if name not in claims:
        return None
    value = claims[name]
    if type(value) not in _NUMBERS or not -_LARGEST <= value <= _LARGEST:
        raise TokenMalformed(f"the token's {name} is not a time")
    return cast("float", value)


def _kid(token: UnverifiedToken) -> str:
    if token.kid is None:
        raise TokenMalformed("the token does not name the key that signed it (kid)")
    return token.kid


def _digest(token: Secret[object]) -> bytes | None:
    """The hash that a token is remembered by; None for what is surely no token."""
    text = token.reveal()
    return digest_of(text) if isinstance(text, str) and len(text) <= MAX_TOKEN else None


def _text(token: Secret[object]) -> str:
    value = token.reveal()
    return value.decode("ascii") if isinstance(value, bytes) else str(value)
