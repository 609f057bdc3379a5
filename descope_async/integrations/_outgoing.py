"""What a request to another service is sent with, and when it may be sent once more. No I/O."""

from __future__ import annotations

import ipaddress
import json
import re
from base64 import urlsafe_b64decode
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

from descope_async import ConfigurationError, ProofKey
from descope_async.dpop_request import BEGINS_AS

__all__ = ["UNAUTHORIZED", "Outgoing"]

_PORTS: Final = {"http": 80, "https": 443}
_INVALID_TOKEN: Final = re.compile(r'error\s*=\s*"?invalid_token\b', re.IGNORECASE)
_USE_NONCE: Final = re.compile(r'error\s*=\s*"?use_dpop_nonce\b', re.IGNORECASE)
_NONCE: Final = re.compile(r"[!#-\[\]-~]{1,1024}")  # RFC 9449, 8.1

#: The status of an answer that may lead to a second request.
UNAUTHORIZED: Final = 401


class Outgoing:
    """The rules of requests that carry a session token.

    Args:
        origins: Scheme, host and port of the services that may see the token, such as
            ``"https://api.example.com"``. No other ever does, also after a redirect. Only a service
            on this machine may be reached by http.
        proof_key: The key that the token is bound to (RFC 9449); None for a bearer token.

    Attributes:
        origins: Scheme, host and port of the services that may see the token, in all the spellings in
            which URLs name them: so no URL must be brought into one form.
        bearers: By a token, the value of its ``Authorization`` header; None for one that is bound to a
            key. It raises as `headers` does.
        makes_proofs: Whether there is a key for proofs, for which the nonces of answers are noted.

    Raises:
        ConfigurationError: An argument cannot be right.
    """

    def __init__(self, origins: str | Sequence[str], proof_key: ProofKey | None = None) -> None:
        given = [origins] if isinstance(origins, str) else list(origins)
        self.origins = frozenset(each for origin in given for each in _spellings(*_origin(origin)))
        if not self.origins:
            raise ConfigurationError("origins must name one or more services")
        key: object = proof_key  # callers without a type checker pass anything
        if key is not None and not isinstance(key, ProofKey):
            raise ConfigurationError("proof_key must be a ProofKey")
        self._proof_key = proof_key
        self.bearers: Mapping[str, str | None] = _Bearers(self._is_bound)
        self.makes_proofs = proof_key is not None
        self._nonces: dict[tuple[str, str, int], str] = {}

    def headers(self, token: str, method: str, url: object) -> Mapping[str, str]:
        """The headers with a token: for a bound one, with a proof for this request.

        Args:
            token: The token.
            method: The HTTP method.
            url: The URL, or what has it as its string.

        Raises:
            ConfigurationError: The token is bound to a key, and ``proof_key`` is not that one.
        """
        bearer = self.bearers[token]
        if bearer is not None:
            return {"Authorization": bearer}
        assert self._proof_key is not None  # noqa: S101 - a bound token is refused without it
        target = str(url)
        return self._proof_key.headers(
            token, method, target, nonce=self._nonces.get(_origin_of(target))
        )

    def note_nonce(self, url: object, headers: Mapping[str, str]) -> None:
        """Take the nonce of an answer for the next proofs that go to its service (RFC 9449, 8.2).

        Where no proofs are made, nothing is done. A nonce of another service is passed over, and one
        that RFC 9449 does not allow.

        Args:
            url: The URL that answered, or what has it as its string.
            headers: The answer's headers, whose names have no case.
        """
        if self._proof_key is None:
            return
        nonce = headers.get("DPoP-Nonce")  # first, because most answers have none
        if nonce is not None and _NONCE.fullmatch(nonce):
            origin = _origin_of(str(url))
            if origin in self.origins:
                self._nonces[origin] = nonce

    def refuses_token(self, challenges: Iterable[str]) -> bool:
        """Whether an answer with status 401 says that another token may be accepted."""
        return any(map(_INVALID_TOKEN.search, challenges))

    def wants_nonce(self, challenges: Iterable[str]) -> bool:
        """Whether an answer with status 401 asks for a proof with the nonce that it brings."""
        return self._proof_key is not None and any(map(_USE_NONCE.search, challenges))

    def _is_bound(self, token: str) -> bool:
        """Whether a token is bound to the key. It is read unchecked: its receiver checks it."""
        thumbprint = _thumbprint(token)
        if thumbprint is None:
            return False
        if self._proof_key is None or self._proof_key.thumbprint != thumbprint:
            raise ConfigurationError(
                "the token is bound to a key: pass that key as proof_key, to make proofs"
            )
        return True


class _Bearers(dict[str, "str | None"]):
    """The header of the last token. Finding it there takes no call of a function.

    Args:
        is_bound: Whether a token is bound to a key.
    """

    def __init__(self, is_bound: Callable[[str], bool]) -> None:
        super().__init__()
        self._is_bound = is_bound

    def __missing__(self, token: str) -> str | None:
        bearer = None if self._is_bound(token) else f"Bearer {token}"
        self.clear()
        self[token] = bearer
        return bearer


def _origin(value: str) -> tuple[str, str, int]:
    # What stands before an @ may be a password.
    problem = f"an origin is like https://api.example.com, not {str(value).rpartition('@')[2]!r}"
    try:
        parts = urlsplit(value)
        port = parts.port
    except (ValueError, AttributeError, TypeError):
        raise ConfigurationError(problem) from None
    scheme, host = parts.scheme, parts.hostname
    if (
        scheme not in _PORTS
        or not host
        or not host.isascii()
        or parts.username is not None
        or parts.path not in {"", "/"}
        or parts.query
        or parts.fragment
    ):
        raise ConfigurationError(problem)
    if scheme == "http" and not _is_here(host):
        raise ConfigurationError("a token is sent by https, except to this machine")
    return scheme, host, port or _PORTS[scheme]


def _spellings(scheme: str, host: str, port: int) -> list[tuple[str, str, int | None]]:
    """An origin as URLs for requests and for WebSockets name it."""
    schemes = [scheme, *(ws for ws, http in BEGINS_AS.items() if http == scheme)]
    ports = [port, None] if port == _PORTS[scheme] else [port]
    return [(each, host, number) for each in schemes for number in ports]


def _origin_of(url: str) -> tuple[str, str, int]:
    """The origin of a URL, in the same spelling for requests and for WebSockets."""
    parts = urlsplit(url)
    scheme = BEGINS_AS.get(parts.scheme, parts.scheme)
    return scheme, parts.hostname or "", parts.port or _PORTS.get(scheme, 0)


def _is_here(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _thumbprint(token: str) -> str | None:
    """The thumbprint that an unchecked token names (RFC 9449, 6.1)."""
    try:
        payload = token.split(".")[1]
        claims: Any = json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        found = claims["cnf"]["jkt"]
    except (IndexError, ValueError, KeyError, TypeError):
        return None
    return found if isinstance(found, str) else None
