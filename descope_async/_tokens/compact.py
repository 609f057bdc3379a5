"""The compact form of a JWS (RFC 7515, 7.1): three segments, each accepted in one spelling only.

Nothing that comes out of here may be trusted yet.
"""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from functools import lru_cache
from hashlib import sha256
from typing import Final, Literal, TypeGuard, cast

from attrs import define, field, frozen

from descope_async._values.strict_json import ReadOnlyDict, read_object
from descope_async.errors import TokenMalformed

from .algorithms import ALGORITHMS, PROOF_ALGORITHMS

#: Far above what Descope issues and what servers take in a header line (about 8 KB).
MAX_TOKEN: Final = 16_384
MAX_PROOF: Final = 8_192
#: A signature by RSA-4096 has 683 characters.
MAX_HEADER = _MAX_SIGNATURE = 1_024
_MAX_NAME: Final = 256

#: `crit` and `b64` change what a signature means; the others bring the signer's own key.
_FORBIDDEN: Final = frozenset({"crit", "b64", "jku", "jwk", "x5u", "x5c"})

#: Indexed by len % 4: which final characters are canonical, and the padding to add.
_LAST: Final = ("", "", "AQgw", "AEIMQUYcgkosw048")
_PADDING: Final = ("", "", "==", "=")


@define  # not frozen, which would take 0.3 µs of each new token
class UncheckedToken:
    """A compact JWS taken apart. Nothing in it may be trusted yet.

    Attributes:
        text: All of it.
        alg: The algorithm that the header names, one of ``ALGORITHMS``.
        kid: The id of the signer's key, for looking it up; None when the header has none.
        signing_input: What the signature covers.
        signature: The signature.
        payload: What was signed.
    """

    text: str = field(repr=False)
    alg: str
    kid: str | None
    signing_input: bytes = field(repr=False)
    signature: bytes = field(repr=False)
    payload: bytes = field(repr=False)

    def signer(self) -> tuple[str, str]:
        """The id of the key that is said to have signed it, and the algorithm.

        Raises:
            TokenMalformed: The header names no key.
        """
        if self.kid is None:
            raise TokenMalformed("the token does not name the key that signed it (kid)")
        return self.kid, self.alg


@frozen(eq=False, repr=False)
class _Kind:
    """One use of a compact JWS, and what the JWS must look like.

    Attributes:
        noun: What errors call it.
        advice: What errors say to do about one that is no JWS at all.
        max_length: Characters of all of it.
        max_header: Characters of its header.
        types: The media types that ``typ`` may name.
        type_if_absent: What a header without ``typ`` is taken for; None where it must be there.
        algorithms: What it may be signed with.
        forbidden: Members that its header must not have.
    """

    noun: Literal["token", "proof"]
    advice: str
    max_length: int
    max_header: int
    types: frozenset[str]
    type_if_absent: str | None
    algorithms: frozenset[str]
    forbidden: frozenset[str]


#: at+jwt is RFC 9068's.
_TOKEN: Final = _Kind(
    "token",
    "it must be a session token alone, without Bearer",
    MAX_TOKEN,
    MAX_HEADER,
    frozenset({"jwt", "at+jwt"}),
    "jwt",
    ALGORITHMS,
    _FORBIDDEN,
)
#: A proof (RFC 9449, 4.2) must have a ``typ``. Its header has its key, and so is longer.
_PROOF: Final = _Kind(
    "proof",
    "it must be what the DPoP header holds",
    MAX_PROOF,
    MAX_PROOF,
    frozenset({"dpop+jwt"}),
    None,
    PROOF_ALGORITHMS,
    _FORBIDDEN - {"jwk"},
)


def parse(token: object) -> UncheckedToken:
    """Take a compact JWS, a str or bytes, apart, to find its key by ``kid``.

    Raises:
        TokenMalformed: It is not a compact JWS of the strict form: three segments of unpadded,
            canonical base64url within the size limits, with a header that this package reads.
    """
    text, header, covered, payload, signature = _segments(token, _TOKEN)
    alg, kid = _token_header(header)
    return UncheckedToken(
        text,
        alg,
        kid,
        covered,
        _decoded("signature", signature, _TOKEN),
        _decoded("payload", payload, _TOKEN),
    )


def parse_proof(proof: object) -> tuple[UncheckedToken, Mapping[str, object]]:
    """Take a proof of possession (RFC 9449, 4.2) apart: a JWS, and the JWK that it brings along.

    Raises:
        TokenMalformed: It is not of the strict form, or no such proof.
    """
    text, segment, covered, payload, signature = _segments(proof, _PROOF)
    header = _header(segment, _PROOF)
    jwk = header.get("jwk")
    if not isinstance(jwk, Mapping):
        raise TokenMalformed("the proof's header has no key (jwk)")
    unchecked = UncheckedToken(
        text,
        header["alg"],
        None,
        covered,
        _decoded("signature", signature, _PROOF),
        _decoded("payload", payload, _PROOF),
    )
    return unchecked, cast("Mapping[str, object]", jwk)


def is_encrypted(token: str) -> bool:
    """Whether a token is a compact JWE (RFC 7516, 7.1), which only its issuer can read."""
    if len(token) > MAX_TOKEN or not token.isascii():
        return False
    header, *others = token.split(".", 5)
    if len(others) != 4 or len(header) > MAX_HEADER:  # noqa: PLR2004 - key, vector, text, tag
        return False
    members = read_object(from_base64url(header) or b"")
    return members is not None and isinstance(members.get("enc"), str)


def is_name(value: object) -> TypeGuard[str]:
    """Whether a value can be a ``kid``."""
    return isinstance(value, str) and 0 < len(value) <= _MAX_NAME


def from_base64url(segment: str) -> bytes | None:
    """The octets that unpadded base64url stands for; None where it is spelt in another way."""
    left_over = len(segment) % 4
    # The last character may have unused bits. Only the character in which these are zero is
    # accepted.
    if left_over and segment[-1] not in _LAST[left_over]:
        return None
    if "+" in segment or "/" in segment or "=" in segment:  # which only base64 has
        return None
    # Quicker than `translate`, which looks each character up.
    base64 = segment.replace("-", "+").replace("_", "/") + _PADDING[left_over]
    try:
        return binascii.a2b_base64(base64, strict_mode=True)
    except ValueError:
        return None


def sha256_base64url(octets: bytes) -> str:
    """The SHA-256 of something, in unpadded base64url."""
    return urlsafe_b64encode(sha256(octets).digest()).rstrip(b"=").decode()


def _segments(compact: object, kind: _Kind) -> tuple[str, str, bytes, str, str]:
    """All of it, the header, what the signature covers, the payload, and the signature."""
    noun = kind.noun
    # Not by the methods of a subclass, which may say something else.
    if isinstance(compact, str):
        text = str.__str__(compact)
    elif isinstance(compact, bytes):
        text = bytes.decode(compact, "latin-1")  # which decodes anything, to be refused below
    else:
        raise TokenMalformed(f"a {noun} is a string, not {type(compact).__name__}")
    if len(text) > kind.max_length:
        raise TokenMalformed(f"the {noun} has more than {kind.max_length} characters")
    if not text.isascii():
        raise TokenMalformed(f"the {noun} has characters that no {noun} has: {kind.advice}")
    covered, last_dot, signature = text.rpartition(".")
    header, first_dot, payload = covered.partition(".")
    if not (last_dot and first_dot) or "." in payload:
        if is_encrypted(text):
            raise TokenMalformed(f"the {noun} is encrypted (JWE), so that only Descope can read it")
        raise TokenMalformed(f"a {noun} has three segments with a dot between each: {kind.advice}")
    if len(header) > kind.max_header or len(signature) > _MAX_SIGNATURE:
        raise TokenMalformed(f"the {noun}'s header or signature is too long")
    return text, header, covered.encode(), payload, signature


@lru_cache(maxsize=128)  # a signer has one header for all its tokens
def _token_header(segment: str) -> tuple[str, str | None]:
    header = _header(segment, _TOKEN)
    return header["alg"], header.get("kid")


def _header(segment: str, kind: _Kind) -> ReadOnlyDict:
    """A header with an accepted algorithm and type, and no member that changes the signature."""
    noun = kind.noun
    header = read_object(_decoded("header", segment, kind))
    if header is None:
        raise TokenMalformed(f"the {noun}'s header is not a JSON object with distinct names")
    alg, kid, typ = header.get("alg"), header.get("kid"), header.get("typ", kind.type_if_absent)
    if not isinstance(alg, str) or alg not in kind.algorithms:
        raise TokenMalformed(f"the {noun}'s alg is not an accepted signature algorithm")
    if kid is not None and not is_name(kid):
        raise TokenMalformed(f"the {noun}'s kid is not a string of a sensible length")
    # A media type, so its case is free (RFC 7515, 4.1.9).
    if not isinstance(typ, str) or typ.lower().removeprefix("application/") not in kind.types:
        raise TokenMalformed(f"the {noun}'s typ is not {' or '.join(sorted(kind.types))}")
    if not kind.forbidden.isdisjoint(header):
        raise TokenMalformed(f"the {noun}'s header has a member that is not accepted")
    return header


def _decoded(name: Literal["header", "payload", "signature"], segment: str, kind: _Kind) -> bytes:
    decoded = from_base64url(segment)
    if decoded is None:
        raise TokenMalformed(f"the {kind.noun}'s {name} is not base64url: {kind.advice}")
    return decoded
