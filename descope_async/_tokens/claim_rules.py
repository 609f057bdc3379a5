"""Which claims a session token must have, besides a signature."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any, Final, NoReturn

from attrs import frozen

from descope_async.errors import (
    AudienceMismatch,
    IssuerMismatch,
    TokenExpired,
    TokenMalformed,
    TokenNotYetValid,
    TokenTypeMismatch,
)
from descope_async.session_token import strings

#: The ``drn`` of a session token. A refresh token has ``DSR``.
_SESSION: Final = "DS"
#: The longest life that a project can give to access-key tokens is four weeks.
MAX_LIFETIME: Final = 4 * 7 * 86_400
#: The types of JSON's numbers. A boolean is an int for `isinstance`, but not a number in JSON.
_NUMBERS: Final = frozenset({int, float})
#: Neither NaN nor Infinity lies within, nor an integer beyond every float.
_LARGEST: Final = sys.float_info.max


def issuers_of(project_id: str, *base_urls: str) -> frozenset[str]:
    """Every ``iss`` that the project's own tokens can have.

    The whole value counts: anybody can own a host whose URL ends in the project id.
    """
    forms = [f"{url}{path}/{project_id}" for url in base_urls for path in ("", "/v1/apps")]
    return frozenset([project_id, *forms])


@frozen(eq=False, repr=False)
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
    ) -> tuple[float, float]:
        """Check everything but the signature, and the proof that a bound token needs.

        Args:
            claims: The token's claims.
            audience: The audiences of which it must name one. With None, a token that names any
                must name the project id among them.
            now: Epoch seconds.

        Returns:
            From when on the token is valid, and until when it is not any more, both with the
            leeway, in epoch seconds.

        Raises:
            TokenError: The subclass says what is wrong.
        """
        expires, starts, issued = _time(claims, "exp"), _time(claims, "nbf"), _time(claims, "iat")
        if expires is None:
            raise TokenMalformed("the token has no exp: it would never expire")
        # A token without `iat` may live for the longest lifetime from now, whenever now is. So it
        # is valid from that long before its end.
        began = expires - MAX_LIFETIME if issued is None else issued
        valid_from = (began if starts is None else max(began, starts)) - self.leeway
        valid_until = expires + self.leeway
        if not valid_from <= now < valid_until or (
            issued is not None and expires - issued > MAX_LIFETIME + self.leeway
        ):
            self._refuse_times(expires, starts, issued, now)
        issuer = claims.get("iss")
        if not isinstance(issuer, str) or issuer not in self.issuers:
            raise IssuerMismatch(
                "the token's issuer is not this project at this base URL; "
                "name another host of yours in the client's issuers"
            )
        if audience is not None or "aud" in claims:
            self._check_audience(claims, audience)
        if claims.get("drn", _SESSION) != _SESSION:
            raise TokenTypeMismatch(
                "the token is not a session token (drn): ask the caller for its session token, "
                "not for a refresh token"
            )
        return valid_from, valid_until

    def _refuse_times(
        self, expires: float, starts: float | None, issued: float | None, now: float
    ) -> NoReturn:
        if now >= expires + self.leeway:
            raise TokenExpired(
                "the token has expired: exchange the access key again, "
                "and look at this machine's clock if all tokens have",
                expired_at=expires,
            )
        for name, start in (("nbf", starts), ("iat", issued)):
            if start is not None and now < start - self.leeway:
                raise TokenNotYetValid(
                    f"the token is not valid yet by this machine's clock ({name}): set the clock, "
                    "or accept a difference with jwt_validation_leeway",
                    valid_from=start,
                )
        raise TokenMalformed("the token would live longer than Descope lets any token live")

    def _check_audience(self, claims: Mapping[str, Any], demanded: frozenset[str] | None) -> None:
        given = claims.get("aud")
        named = {given} if isinstance(given, str) else set(strings(given))
        if named.isdisjoint({self.project_id} if demanded is None else demanded):
            raise AudienceMismatch(
                "the token is meant for another audience: pass its own as audience, "
                "or have the access key exchanged for yours"
            )


def _time(claims: Mapping[str, Any], name: str) -> float | None:
    if name not in claims:
        return None
    value: float = claims[name]
    if type(value) not in _NUMBERS or not -_LARGEST <= value <= _LARGEST:
        raise TokenMalformed(f"the token's {name} is not a time")
    return value
