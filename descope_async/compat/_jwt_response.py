"""The dicts that the official SDK makes of a session token, and what they grant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

from descope_async._values.secret import Secret
from descope_async._values.strict_json import writable
from descope_async.errors import InvalidArgument, TokenMalformed
from descope_async.session_token import SessionToken

from .common import SESSION_TOKEN_NAME

#: What the rules for grants look at.
_GRANTS: Final = ("permissions", "roles", "tenants", "dct")


def readable(session: SessionToken) -> SessionToken:
    """A session whose token can be read, as the official SDK demands.

    Raises:
        TokenMalformed: The token is encrypted.
    """
    if session.is_encrypted:
        raise TokenMalformed("the token is encrypted (JWE), so that only Descope can read it")
    return session


def exchanged(session: SessionToken) -> dict[str, Any]:
    """The result of an exchange."""
    return {**_parts(session), "keyId": session.key_id}


def validated(session: SessionToken) -> dict[str, Any]:
    """The result of a validation: the claims at the top level as well, and no ``keyId``."""
    parts = _parts(session)
    return {**_token(session), **parts, "userId": session.key_id}


def granted(jwt_response: Secret[object]) -> SessionToken:
    """What such a dict grants, by the same rules as a session token; None grants nothing.

    Nothing of it is checked again: pass what an exchange or a validation returned.

    Raises:
        InvalidArgument: It is no mapping.
    """
    if not isinstance(jwt_response.reveal(), Mapping | None):
        raise InvalidArgument(
            "jwt_response must be what exchange_access_key or validate_session returned, "
            f"not {type(jwt_response.reveal()).__name__}"
        )
    return _session(_grants(cast("Mapping[str, Any]", jwt_response.reveal() or {})))


def _grants(response: Mapping[str, Any]) -> dict[str, Any]:
    claims = {name: response[name] for name in _GRANTS if name in response}
    token = response.get(SESSION_TOKEN_NAME)
    if isinstance(token, Mapping):
        token = cast("Mapping[str, Any]", token)
        claims["dct"] = token.get("dct")
        if "tenants" not in token and not claims.get("tenants"):
            # The result of an exchange has `tenants` even where the token does not.
            claims.pop("tenants", None)
    return claims


def names(value: Sequence[str]) -> Sequence[str]:
    """Permissions or roles, of which the official SDK also takes a single one."""
    return [value] if isinstance(value, str) else value


def _session(claims: Mapping[str, Any]) -> SessionToken:
    # Whose token it is and until when plays no part in what it grants.
    return SessionToken(jwt="", key_id="", project_id="", expire_time=0, claims=claims)


def _token(session: SessionToken) -> dict[str, Any]:
    claims: dict[str, Any] = writable(session.claims)
    return {**claims, "jwt": session.jwt}


def _parts(session: SessionToken) -> dict[str, Any]:
    tenants = session.claims.get("tenants")
    return {
        SESSION_TOKEN_NAME: _token(session),
        "permissions": list(session.permissions),
        "roles": list(session.roles),
        "tenants": writable(tenants) if isinstance(tenants, Mapping) else {},
        "projectId": session.project_id,
    }
