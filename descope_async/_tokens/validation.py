"""From a JWT to a SessionToken: which claims are demanded."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any, Final, cast

from attrs import frozen

from descope_async._runtime.clock import Clock
from descope_async._secret import Secret
from descope_async._strict_json import glance
from descope_async._telemetry import UNHOOKED, Telemetry
from descope_async.dpop_request import DPoPRequest
from descope_async.errors import (
    AudienceMismatch,
    DescopeError,
    IssuerMismatch,
    TokenExpired,
    TokenMalformed,
    TokenNotYetValid,
    TokenTypeMismatch,
)
from descope_async.events import SessionChecked
from descope_async.session_token import SessionToken, strings
from descope_async.settings import ReplayStore

from .compact import UnverifiedToken, parse
from .proofs import check_proof
from .signatures import VerifyingKey, verify
from .signing_keys import KeyCache
from .used_proofs import UsedProofs
from .validated_tokens import VerifiedToken, VerifiedTokens, name_of

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

    def check(
        self, claims: Mapping[str, Any], audience: frozenset[str] | None, now: float
    ) -> float:
        """Check everything but the signature, and the proof that a bound token needs.

        Returns:
            From when on the token is valid, epoch seconds.

        Raises:
            TokenError: The subclass says what is wrong.
        """
        valid_from = self._check_times(claims, now)
        issuer = claims.get("iss")
        if not isinstance(issuer, str) or issuer not in self.issuers:
            raise IssuerMismatch(
                "the token's issuer is not this project at this base URL; "
                "name another host of yours in the client's issuers"
            )
        self._check_audience(claims, audience)
        if claims.get("drn", _SESSION) != _SESSION:
            raise TokenTypeMismatch("the token is not a session token (drn)")
        return valid_from

    def is_time_for(self, verified: VerifiedToken, now: float) -> bool:
        """Whether a token that was accepted before is valid now."""
        return verified.valid_from - self.leeway <= now < verified.session.expire_time + self.leeway

    def _check_times(self, claims: Mapping[str, Any], now: float) -> float:
        expires = _time(claims, "exp")
        if expires is None:
            raise TokenMalformed("the token has no exp: it would never expire")
        if now >= expires + self.leeway:
            raise TokenExpired("the token has expired", expired_at=expires)
        starts, issued = _time(claims, "nbf"), _time(claims, "iat")
        for name, start in (("nbf", starts), ("iat", issued)):
            if start is not None and now < start - self.leeway:
                raise TokenNotYetValid(
                    f"the token is not valid yet by this machine's clock ({name})", valid_from=start
                )
        if expires - (now if issued is None else issued) > _MAX_LIFETIME + self.leeway:
            raise TokenMalformed("the token would live longer than Descope lets any token live")
        # Without `iat` it may not live longer than that from now on, whenever that is.
        began = expires - _MAX_LIFETIME if issued is None else issued
        return began if starts is None else max(began, starts)

    def _check_audience(self, claims: Mapping[str, Any], demanded: frozenset[str] | None) -> None:
        if demanded is None and "aud" not in claims:
            return
        given = claims.get("aud")
        named = {given} if isinstance(given, str) else set(strings(given))
        if named.isdisjoint({self.project_id} if demanded is None else demanded):
            raise AudienceMismatch("the token is meant for another audience")


class SessionValidator:
    """Checks session tokens with the project's keys.

    Args:
        keys: The project's keys.
        rules: What a token must claim.
        clock: The time source.
        replays: Remembers used proofs for other processes too; None for this one only.
        telemetry: Is told.
    """

    def __init__(
        self,
        keys: KeyCache,
        rules: ClaimRules,
        clock: Clock,
        replays: ReplayStore | None = None,
        telemetry: Telemetry = UNHOOKED,
    ) -> None:
        self._keys = keys
        self._rules = rules
        self._clock = clock
        self._proofs = UsedProofs(clock, replays)
        self._telemetry = telemetry
        self._tokens = VerifiedTokens()

    async def validate(
        self,
        token: Secret[object],
        audience: frozenset[str] | None,
        operation: str,
        request: DPoPRequest | None = None,
    ) -> SessionToken:
        """The session that the token stands for.

        Args:
            token: The JWT, a str or bytes.
            audience: The audiences of which it must name one. None demands none, but a token that
                names any must then name the project id among them.
            operation: What an error is to name as its ``operation``.
            request: The request that it came with, to check a proof against; None for none.

        Raises:
            TokenError: The token is refused; the subclass says why.
            KeySetUnavailable: The keys cannot be had; the token may be fine.
            ReplayStoreFull: A proof cannot be remembered; the token may be fine.
        """
        began = self._clock.running() if self._telemetry.is_hooked else None
        # The frames below hold the token, so an error leaves without them.
        try:
            session = await self._validated(token, audience, request)
        except DescopeError as error:
            failure = error.with_traceback(None)
        else:
            if began is not None:
                self._tell(operation, began)
            return session
        failure.operation = operation
        self._tell(operation, began, failure)
        raise failure

    def validate_nowait(
        self,
        token: Secret[object],
        audience: frozenset[str] | None,
        operation: str,
        request: DPoPRequest | None = None,
    ) -> SessionToken | None:
        """As `validate`, without I/O: None when a key must be fetched, or ``replays`` be asked.

        Raises:
            TokenError: The token is refused; the subclass says why.
            ReplayStoreFull: A proof cannot be remembered; the token may be fine.
        """
        began = self._clock.running() if self._telemetry.is_hooked else None
        try:
            session = self._validated_nowait(token, audience, request)
        except DescopeError as error:
            failure = error.with_traceback(None)
        else:
            if began is not None and session is not None:
                self._tell(operation, began)
            return session
        failure.operation = operation
        self._tell(operation, began, failure)
        raise failure

    def _tell(
        self, operation: str, began: float | None, failure: DescopeError | None = None
    ) -> None:
        duration = None if began is None else self._clock.running() - began
        error_type = None if failure is None else type(failure).__name__
        self._telemetry.tell(
            SessionChecked(operation=operation, duration=duration, error_type=error_type)
        )

    async def _validated(
        self, token: Secret[object], audience: frozenset[str] | None, request: DPoPRequest | None
    ) -> SessionToken:
        verified = self._known(token, audience)
        if verified is None:
            unverified = parse(token.reveal())
            key = await self._keys.key(_kid(unverified))
            verified = self._verified(token, unverified, key, audience)
        proof_id = self._proof_id(verified, request)
        # Last, so that whoever is refused for anything else does not use up another's proof.
        if proof_id is not None:
            await self._proofs.use(proof_id)
        return verified.session

    def _validated_nowait(
        self, token: Secret[object], audience: frozenset[str] | None, request: DPoPRequest | None
    ) -> SessionToken | None:
        verified = self._known(token, audience)
        if verified is None:
            unverified = parse(token.reveal())
            key = self._keys.key_nowait(_kid(unverified))
            if key is None:
                return None
            verified = self._verified(token, unverified, key, audience)
        proof_id = self._proof_id(verified, request)
        if proof_id is not None and not self._proofs.use_nowait(proof_id):
            return None
        return verified.session

    def _known(
        self, token: Secret[object], audience: frozenset[str] | None
    ) -> VerifiedToken | None:
        """A token that was accepted before, for this audience and by a key that is still current.

        Raises:
            TokenError: Its time is not now.
        """
        if not _is_text(token):
            return None
        found = self._tokens.find(name_of(_text(token), audience))
        if (
            found is None
            or found.session.jwt != token.reveal()
            or self._keys.key_nowait(str(found.key.kid)) is not found.key
        ):
            return None
        now = self._clock.now()
        if not self._rules.is_time_for(found, now):
            self._rules.check(found.session.claims, audience, now)  # says what is wrong
        return found

    def _verified(
        self,
        token: Secret[object],
        unverified: UnverifiedToken,
        key: VerifyingKey,
        audience: frozenset[str] | None,
    ) -> VerifiedToken:
        signed = verify(unverified, key)
        claims = glance(signed)
        if claims is None:
            raise TokenMalformed("the token's claims are not a JSON object of distinct names")
        valid_from = self._rules.check(claims, audience, self._clock.now())
        session = _session_of(_text(token), claims, signed, self._rules.project_id)
        verified = VerifiedToken(session, key, valid_from, is_bound="cnf" in claims)
        if _is_text(token):
            self._tokens.remember(name_of(session.jwt, audience), verified)
        return verified

    def _proof_id(self, verified: VerifiedToken, request: DPoPRequest | None) -> str | None:
        if request is None and not verified.is_bound:
            return None
        return check_proof(verified.session, request, self._clock.now())


def _session_of(
    jwt: str, claims: Mapping[str, Any], signed: bytes, project_id: str
) -> SessionToken:
    subject = claims.get("dsub", claims.get("sub"))
    if not isinstance(subject, str) or not subject:
        raise TokenMalformed("the token names no subject (dsub or sub)")
    return SessionToken(
        jwt=jwt, key_id=subject, project_id=project_id, expire_time=claims["exp"], claims=signed
    )


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


def _is_text(token: Secret[object]) -> bool:
    # A class of its own may say that it is another string than it is.
    return type(token.reveal()) is str


def _text(token: Secret[object]) -> str:
    value = token.reveal()
    return value.decode("ascii") if isinstance(value, bytes) else str.__str__(cast("str", value))
