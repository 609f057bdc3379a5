"""The HTTP request that a token came with, as its proof of possession describes it (RFC 9449)."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final, Self, cast

from attrs import field, frozen

from ._values.secret import Secret
from ._values.value import Value
from .errors import InvalidArgument

__all__ = ["DPoPRequest"]

_HOST: Final = r"(?P<host>[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::(?P<port>[0-9]{0,5}))?"
_AUTHORITY: Final = re.compile(_HOST, re.ASCII | re.IGNORECASE)
#: RFC 3986 without what a request cannot have, such as user information. Any visible ASCII may
#: stand in the path, up to the first ``?`` or ``#``.
_URL: Final = re.compile(
    rf"(?P<scheme>https?|wss?)://(?P<authority>{_HOST})(?P<path>/[!\"$->@-~]*)?(?:[?#][!-~]*)?",
    re.ASCII | re.IGNORECASE,
)
_DEFAULT_PORT: Final = {"http": "80", "https": "443", "ws": "80", "wss": "443"}
#: The schemes of WebSockets, each with that of the HTTP request by which one begins (RFC 6455, 4.1).
BEGINS_AS: Final = {"ws": "http", "wss": "https"}
_ENCODED: Final = re.compile("%([0-9A-Fa-f]{2})")
_NOT_ENCODED: Final = re.compile("%(?![0-9A-Fa-f]{2})")
_UNRESERVED: Final = re.compile(r"[A-Za-z0-9._~-]")

_HEADERS: Final = ("authorization", "dpop", "x-forwarded-proto", "x-forwarded-host")


def _proofs(given: Secret[object]) -> Secret[tuple[str, ...]] | None:
    """The proofs as a tuple; None where they are of another type."""
    value = given.reveal()
    if isinstance(value, str):
        return Secret((value,))
    if isinstance(value, Iterable) and not isinstance(value, bytes | Mapping):
        proofs = tuple(cast("Iterable[object]", value))
        if all(isinstance(each, str) for each in proofs):
            return Secret(cast("tuple[str, ...]", proofs))
    return None


@frozen(init=False, eq=False, repr=False)
class DPoPRequest(Value):
    """The request that a DPoP proof must have been made for.

    Only types are refused here. The values come from a caller, and are judged with the token.

    Attributes:
        method: The HTTP method, in the case in which it was sent.
        url: The URL as the caller wrote it: absolute, with the host that the caller means, and
            percent-encoded as sent. Query and fragment do not matter, and ``wss`` counts as ``https``.
            Do not take the host from a ``Host`` header that anybody may choose: a proof for another
            server would fit then.
        proofs: The values of the ``DPoP`` headers; one proof may be given as a string. Exactly
            one is accepted.
        scheme: The scheme of the ``Authorization`` header, such as ``"DPoP"``; None when the token
            came some other way.
        accepts_bearer: Whether a bound token may also come under the Bearer scheme, with its proof.
            RFC 9449, 7.2 demands to refuse it, because a client that sends it so does not know
            that it is bound.
        nonces: The nonces of which the proof must have one (RFC 9449, 9); empty to demand none.

    Raises:
        InvalidArgument: A value is not of its type.
    """

    method: str
    url: str
    proofs: Sequence[str] = field(repr=False)
    scheme: str | None
    accepts_bearer: bool
    nonces: frozenset[str] = field(repr=False)

    def __init__(
        self,
        method: str,
        url: str,
        proofs: Sequence[str] = (),
        scheme: str | None = None,
        *,
        accepts_bearer: bool = False,
        nonces: Collection[str] = (),
    ) -> None:
        given: Secret[object] = Secret(proofs)
        del proofs  # no traceback shall show them
        texts: list[tuple[str, object]] = [("method", method), ("url", url)]
        if scheme is not None:
            texts.append(("scheme", scheme))
        for name, value in texts:
            if not isinstance(value, str):
                raise InvalidArgument(f"{name} must be a string, not {type(value).__name__}")
        checked = _proofs(given)
        if checked is None:
            raise InvalidArgument("proofs must be the values of the DPoP headers, as strings")
        object.__setattr__(self, "method", method)  # frozen from here on
        object.__setattr__(self, "url", url)
        object.__setattr__(self, "proofs", checked.reveal())
        # The whole header may stand there, with the token.
        object.__setattr__(self, "scheme", scheme and scheme.partition(" ")[0])
        object.__setattr__(self, "accepts_bearer", accepts_bearer is True)
        # A string is a collection of its letters, each of which would do.
        given_nonces: object = nonces
        if (
            isinstance(given_nonces, str | bytes)
            or not isinstance(given_nonces, Collection)
            or not all(isinstance(each, str) for each in nonces)
        ):
            raise InvalidArgument("nonces must be a list of strings")
        object.__setattr__(self, "nonces", frozenset(nonces))

    def __repr__(self) -> str:
        shown = [
            f"{name}={_without_query(getattr(self, name, None))!r}"
            for name in ("method", "url", "scheme")
        ]
        return f"DPoPRequest({', '.join(shown)})"

    def _members(self, *, secrets: bool) -> dict[str, Any]:
        members = super()._members(secrets=secrets)
        return members if secrets else members | {"url": _without_query(self.url)}

    @classmethod
    def from_headers(
        cls,
        method: str,
        url: str,
        headers: Mapping[str, str] | Iterable[tuple[str, str]],
        *,
        trust_forwarded: bool = False,
        accepts_bearer: bool = False,
        nonces: Collection[str] = (),
    ) -> Self:
        """The request with these headers.

        Args:
            method: The HTTP method.
            url: The URL, absolute.
            headers: All headers, as a mapping or in pairs, names in any case. A mapping that keeps
                repeated headers must list each in its ``items()``, as those of the frameworks do.
            trust_forwarded: Whether to take scheme and host from ``X-Forwarded-Proto`` and
                ``X-Forwarded-Host``, where they are. Only behind a proxy that sets both itself:
                anybody else's would let a proof for another server fit.
            accepts_bearer: As for the class.
            nonces: As for the class.

        Raises:
            InvalidArgument: A value is not of its type.
        """
        given: Secret[object] = Secret(headers)
        del headers  # the token is among them
        found = _read(given)
        if found is None:
            raise InvalidArgument("headers must be a mapping of strings, or pairs of them")
        if trust_forwarded and isinstance(url, str):
            url = _forwarded(url, found["x-forwarded-proto"], found["x-forwarded-host"])
        scheme = next(iter(found["authorization"]), "")
        return cls(
            method,
            url,
            found["dpop"],
            scheme or None,
            accepts_bearer=accepts_bearer,
            nonces=nonces,
        )


def _without_query(url: str | None) -> str | None:
    """What is shown of a URL: its query may hold the token, as those of WebSockets do."""
    return url and url.partition("?")[0].partition("#")[0]


def normal_url(url: str) -> str | None:
    """A URL without query and fragment, in normal form (RFC 3986, 6.2.2 and 6.2.3), to be compared.

    Scheme and host in lower case, no default port, percent-encoding only where it is needed. The URL of
    a WebSocket counts as that of the HTTP request by which it begins. Segments of dots stay, because
    servers differ in what they make of them. None for what is not an absolute URL of these schemes in
    ASCII, or names a user.
    """
    found = _URL.fullmatch(url)
    if found is None:
        return None
    scheme, host, path = found["scheme"].lower(), found["host"].lower(), found["path"] or "/"
    if _NOT_ENCODED.search(path):
        return None
    port = "" if found["port"] in {None, "", _DEFAULT_PORT[scheme]} else f":{found['port']}"
    return f"{BEGINS_AS.get(scheme, scheme)}://{host}{port}{_ENCODED.sub(_plain, path)}"


def _plain(encoded: re.Match[str]) -> str:
    character = chr(int(encoded[1], 16))
    return character if _UNRESERVED.fullmatch(character) else encoded[0].upper()


def _forwarded(url: str, protocols: Sequence[str], hosts: Sequence[str]) -> str:
    """The URL that the caller asked the proxy for. Unusable headers make an unusable URL."""
    found = _URL.fullmatch(url)
    if found is None:
        return url
    # With several values, in headers or separated by commas, nobody knows which one is meant.
    scheme = ", ".join(protocols) or found["scheme"]
    authority = ", ".join(hosts) or found["authority"]
    if scheme.lower() not in _DEFAULT_PORT or not _AUTHORITY.fullmatch(authority):
        return ""
    return f"{scheme}://{authority}{found['path'] or '/'}"


def _read(headers: Secret[object]) -> dict[str, list[str]] | None:
    """The values of the headers that count, of Authorization the scheme; None for no headers."""
    found: dict[str, list[str]] = {name: [] for name in _HEADERS}
    given: Any = headers.reveal()
    if isinstance(given, str | bytes) or not isinstance(given, Iterable):
        return None
    for pair in cast("Iterable[Any]", given.items() if isinstance(given, Mapping) else given):
        match pair:
            case (str(name), str(value)):
                name, value = name.lower(), value.strip()
            case _:
                return None
        if name == "authorization":
            scheme, space, _ = value.partition(" ")
            value = scheme if space else ""
        if name in found:
            found[name].append(value)
    return found
