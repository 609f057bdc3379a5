"""What the credential of an HTTP request becomes: a question to the client, or a refusal.

These rules do no I/O and know no framework. Whatever serves requests uses them in three steps:

1. `Admission.read` takes the credential from the request's headers.
2. The client is asked about it. `Admission.refusal_of` and `Admission.refusal_of_key` say what its
   answer means when it is not a session.
3. `Admission.check` compares the session with what a route demands.

A refusal never says why a signature failed, and holds no credential.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from typing import Final, cast, get_args

from attrs import field, frozen

from descope_async import (
    ConfigurationError,
    DescopeError,
    ProofInvalid,
    ProofRequired,
    SessionToken,
    TokenError,
    TokenExpired,
    UnverifiedKey,
)
from descope_async._values.value import Value

from ._challenges import Challenges, Proofs, can_be_quoted, scope
from ._credential import Accepted, Credential, Scheme
from ._refusal import Refusal
from ._requirement import Requirement

__all__ = ["Accepted", "Admission", "Credential", "Proofs", "Refusal", "Requirement", "Scheme"]

_SCHEMES: Final[dict[bytes, Scheme]] = {b"bearer": "Bearer", b"dpop": "DPoP"}
_BEARER: Final = b"Bearer "
#: No headers for access keys: what is looked at anyway, and what browsers send by themselves.
_TAKEN: Final = frozenset({"authorization", "dpop", "cookie"})
#: Visible ASCII without the comma: a comma joins the values of repeated headers.
_CHARACTERS: Final = bytes(range(0x21, 0x7F)).replace(b",", b"")
#: A JWT has two dots, and no access key of the service has any.
_DOTS: Final = 2
_HEADER_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")

_NOT_VALID: Final = "the token is not valid"
_NO_PROOF: Final = "the token needs a DPoP proof of this request"
_NO_NONCE: Final = "the DPoP proof needs the nonce of this answer"


def _kinds(value: Accepted | Iterable[Accepted]) -> tuple[Accepted, ...]:
    given: object = value  # callers without a type checker pass anything
    is_one = isinstance(given, str) or not isinstance(given, Iterable)
    return cast("tuple[Accepted, ...]", (given,) if is_one else tuple(value))


@frozen(kw_only=True, eq=False, repr=False)
class Admission(Value):
    """What a service accepts, and how it refuses.

    Attributes:
        accept: The kinds of credentials. What has the form of a token is never taken for an access
            key, so no token is sent to the service.
        dpop: ``"mixed"`` to accept tokens that are bound to a key, with their proofs;
            ``"required"`` to accept no others; None to refuse bound tokens.
        access_key_header: A header for access keys beside ``Authorization``, such as
            ``"X-Api-Key"``; None for no other.
        realm: The ``realm`` of challenges.
        resource_metadata: The URL of the resource's metadata (RFC 9728) for challenges; None to
            name none.

    Raises:
        ConfigurationError: A value cannot be right.
    """

    accept: tuple[Accepted, ...] = field(default=("session_token",), converter=_kinds)
    dpop: Proofs | None = None
    access_key_header: str | None = None
    realm: str = "descope"
    resource_metadata: str | None = None
    _challenges: Challenges = field(init=False, repr=False, eq=False)
    _key_header: bytes | None = field(init=False, default=None)
    _reads_plain: bool = field(init=False, default=False)

    def __attrs_post_init__(self) -> None:
        kinds = get_args(Accepted)
        if not self.accept or any(each not in kinds for each in self.accept):
            raise ConfigurationError(f"accept must name one or more of {', '.join(kinds)}")
        if self.dpop not in (None, *get_args(Proofs)):
            raise ConfigurationError(f"dpop must be None or one of {', '.join(get_args(Proofs))}")
        if self.dpop is not None and "session_token" not in self.accept:
            raise ConfigurationError("dpop is about session tokens: accept them, or leave it out")
        for name in ("realm", "resource_metadata"):
            value = getattr(self, name)
            is_left_out = name == "resource_metadata" and value is None
            if not (is_left_out or can_be_quoted(value)):
                raise ConfigurationError(f"{name} must be printable ASCII without quotes")
        challenges = Challenges(self.dpop, self.realm, self.resource_metadata)
        object.__setattr__(self, "_challenges", challenges)
        is_plain = self.dpop is None and "session_token" in self.accept
        object.__setattr__(self, "_reads_plain", is_plain)
        if self.access_key_header is None:
            return
        if "access_key" not in self.accept:
            raise ConfigurationError("access_key_header needs access_key in accept")
        header: object = self.access_key_header
        if not isinstance(header, str) or not _HEADER_NAME.fullmatch(header):
            raise ConfigurationError("access_key_header must be the name of a header")
        if header.lower() in _TAKEN:
            raise ConfigurationError(
                "access_key_header must be a header for nothing else, such as X-Api-Key"
            )
        object.__setattr__(self, "_key_header", header.lower().encode())

    def read(self, headers: Iterable[tuple[bytes, bytes]]) -> Credential | Refusal:
        """The credential in a request's headers. Nothing else of a request is looked at.

        Args:
            headers: All headers in pairs, with names in lower case, as an ASGI server gives them.
        """
        pairs = list(headers)
        given = [value for name, value in pairs if name == b"authorization"]
        keys: list[bytes] = []
        if self._key_header is not None:
            keys = [value for name, value in pairs if name == self._key_header]
        proofs: list[bytes] = []
        if self.dpop is not None:
            proofs = [value for name, value in pairs if name == b"dpop"]
        return self.read_values(given, keys, proofs)

    def read_values(
        self, given: Sequence[bytes], keys: Sequence[bytes] = (), proofs: Sequence[bytes] = ()
    ) -> Credential | Refusal:
        """As `read`, for servers that hand out headers by name.

        Args:
            given: The values of ``Authorization``.
            keys: The values of `access_key_header`, if there is one.
            proofs: The values of ``DPoP``.
        """
        if len(given) + len(keys) > 1:
            return self._challenges.refuse(
                400, "invalid_request", "there must be exactly one credential"
            )
        word, _, rest = given[0].partition(b" ") if given else (b"", b"", b"")
        scheme = _SCHEMES.get(word.lower())
        if keys:
            scheme, rest = "Bearer", keys[0]
        value = rest.strip(b" ")
        if scheme is None or not value or (scheme == "DPoP" and self.dpop is None):
            return self.refuse_missing()
        if value.translate(None, _CHARACTERS):
            return self._challenges.refuse(
                400, "invalid_request", "the credential is malformed", scheme
            )
        kind: Accepted = "session_token"
        if "access_key" in self.accept and value.count(b".") < _DOTS:
            kind = "access_key"
        # No token belongs into the header for keys, and no access key has a proof.
        is_misplaced = bool(keys) if kind == "session_token" else scheme == "DPoP"
        if is_misplaced or kind not in self.accept:
            return self._challenges.refuse(401, "invalid_token", _NOT_VALID, scheme)
        if self.dpop is None:
            return Credential(kind, scheme, value.decode())
        shown = tuple([each.decode("latin-1") for each in proofs])
        return Credential(kind, scheme, value.decode(), shown)

    def plain_token(self, headers: Iterable[tuple[bytes, bytes]]) -> bytes | None:
        """The session token of a request, where nothing but the token itself needs to be looked at.

        `read` takes longer than to validate a token that was seen before, and a token that turns
        out to be valid needs none of its checks.

        Returns:
            None for a request that must be `read`. What is returned may be no token, and malformed.
        """
        if not self._reads_plain:
            return None
        given: bytes | None = None
        key_header = self._key_header
        for name, value in headers:
            if name == b"authorization":
                if given is not None:
                    return None
                given = value
            elif key_header is not None and name == key_header:
                return None
        if given is None or given[: len(_BEARER)] != _BEARER:  # `startswith` takes thrice as long
            return None
        token = given[len(_BEARER) :]
        if "access_key" in self.accept and token.count(b".") < _DOTS:
            return None
        return token

    def refuse_missing(self) -> Refusal:
        """The refusal of a request without a credential, or of a scheme that is not accepted."""
        return self._challenges.refuse(401, None, "a credential is needed")

    def refusal_of(self, error: DescopeError, scheme: Scheme = "Bearer") -> Refusal:
        """What an error of ``validate_session`` means for the caller.

        Only a `TokenError` is the caller's fault. All else says nothing about the token, so that
        an outage, or a rate limit of the service, is answered with 503.
        """
        match error:
            case ProofInvalid(claim="nonce") if self.dpop is not None:
                return self._challenges.refuse(401, "use_dpop_nonce", _NO_NONCE, "DPoP")
            case ProofRequired() | ProofInvalid() if self.dpop is not None:
                return self._challenges.refuse(401, "invalid_dpop_proof", _NO_PROOF, "DPoP")
            case TokenExpired():
                return self._challenges.refuse(
                    401, "invalid_token", "the token has expired", scheme
                )
            case TokenError():
                return self._challenges.refuse(401, "invalid_token", _NOT_VALID, scheme)
            case _:
                return _unavailable(error.retry_after)

    def refusal_of_key(self, unverified: UnverifiedKey) -> Refusal:
        """What a verifier's answer about an access key that is not let in means for the caller."""
        match unverified.reason:
            case "malformed" | "refused":
                return self._challenges.refuse(
                    401, "invalid_token", "the access key is not valid", "Bearer"
                )
            case "forbidden":
                return self._challenges.refuse(
                    403, "insufficient_scope", "the access key is not for here", "Bearer"
                )
            case "rate_limited":
                text = "too many unknown access keys are being tried"
                return Refusal.to_wait(429, text, unverified.retry_after)
            case "unavailable":
                return _unavailable(unverified.retry_after)

    def refusal_of_unbound(self, session: SessionToken, scheme: Scheme) -> Refusal | None:
        """The refusal of a token that is bound to no key, where it must be. None to go on."""
        if self.dpop != "required" or "cnf" in session.claims:
            return None
        return self._challenges.refuse(
            401, "invalid_token", "the token must be bound to a key", scheme
        )

    def check(
        self,
        session: SessionToken,
        requirement: Requirement,
        *,
        tenant: str | None = None,
        now: float = math.inf,
        scheme: Scheme = "Bearer",
    ) -> Refusal | None:
        """What is wrong with a caller for a route. None for nothing.

        Args:
            session: The caller.
            requirement: What the route demands.
            tenant: The tenant's id in the request's path, if the requirement names a parameter.
            now: Epoch seconds; needed for a ``max_age``.
            scheme: The scheme that the caller used.
        """
        if not requirement.is_recent(session, now):
            limit = f'max_age="{math.floor(requirement.max_age or 0)}"'
            text = "the token is older than is accepted here"
            return self._challenges.refuse(401, "invalid_token", text, scheme, limit)
        if not requirement.is_granted(session, tenant):
            text = "the caller lacks a permission, a role or the tenant"
            more = scope(requirement.permissions)
            return self._challenges.refuse(403, "insufficient_scope", text, scheme, *more)
        return None


def _unavailable(wait: float | None) -> Refusal:
    return Refusal.to_wait(503, "the credential cannot be checked now", wait)
