"""Signatures: a compact JWS and a public key in, the signed bytes or an error out.

python-jose (RFC 7515) does the arithmetic. What it lets through is refused here, before it runs.
"""

from __future__ import annotations

import binascii
from collections.abc import Mapping
from functools import lru_cache
from typing import Final, Literal, TypeGuard, cast

from attrs import field, frozen
from jose import jwk as jose_jwk
from jose.backends.base import Key

from .errors import InvalidArgument, SignatureInvalid, TokenMalformed
from .strict_json import read_object

#: Far above what Descope issues and what servers take in a header line (about 8 KB).
MAX_TOKEN: Final = 16_384
#: A signature by RSA-4096 has 683 characters.
_MAX_HEADER = _MAX_SIGNATURE = 1_024
_MAX_NAME: Final = 256

#: Curve and octets of a coordinate (RFC 7518, 3.4); a signature is two numbers of that size.
_CURVES: Final = {"ES256": ("P-256", 32), "ES384": ("P-384", 48)}
_RSA: Final = frozenset({"RS256", "RS384", "RS512"})
#: What a key may be used with. HMAC is missing on purpose: a public key is no shared secret.
ALGORITHMS: Final = _RSA | frozenset(_CURVES)

_RSA_BITS: Final = range(2048, 16_384 + 1)
#: OpenSSL's own limit; a larger exponent only makes verification slow.
_MAX_EXPONENT_BITS: Final = 64
_PRIVATE: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})

#: `crit` and `b64` change what a signature means; the others bring the signer's own key.
_FORBIDDEN: Final = frozenset({"crit", "b64", "jku", "jwk", "x5u", "x5c"})
#: Media types, so their case is free (RFC 7515, 4.1.9); at+jwt is RFC 9068's.
_TYPES: Final = frozenset({"jwt", "at+jwt"})

#: base64url to base64, with the characters that only base64 knows made invalid.
_TO_BASE64: Final = bytes.maketrans(b"-_+/=", b"+/!!!")


@frozen
class VerifyingKey:
    """A public key, ready to verify with the one algorithm that it is for.

    Attributes:
        kid: The key's id; None for a key without one.
        alg: The algorithm, such as ``"RS256"``.
        signature_length: Octets of each of its signatures.
        handle: The key as python-jose keeps it.
    """

    kid: str | None
    alg: str
    signature_length: int = field(repr=False)
    handle: Key = field(repr=False, eq=False)


@frozen
class UnverifiedToken:
    """A compact JWS taken apart. Nothing in it may be trusted yet.

    Attributes:
        alg: The algorithm that the header names, one of ``ALGORITHMS``.
        kid: The id of the signer's key, for looking it up; None when the header has none.
        signing_input: What the signature covers.
        signature: The signature.
        payload: What was signed.
    """

    alg: str
    kid: str | None
    signing_input: bytes = field(repr=False)
    signature: bytes = field(repr=False)
    payload: bytes = field(repr=False)


def verify_compact(token: str | bytes, key: VerifyingKey | Mapping[str, object]) -> bytes:
    """The payload of a compact JWS that this very key has signed.

    Args:
        token: The JWS.
        key: The public key: a JWK, or what ``load_key`` made of it, which is much faster.

    Raises:
        InvalidArgument: The JWK is not a usable public key.
        TokenMalformed: The token is not a compact JWS of the strict form.
        SignatureInvalid: Another key, another algorithm, or a changed token.
    """
    return verify(parse(token), key if isinstance(key, VerifyingKey) else load_key(key))


def parse(token: object) -> UnverifiedToken:
    """Take a compact JWS, a str or bytes, apart, to find its key by ``kid``.

    Raises:
        TokenMalformed: It is not a compact JWS of the strict form: three segments of unpadded,
            canonical base64url within the size limits, with a header that this package reads.
    """
    if not isinstance(token, str | bytes):
        raise TokenMalformed(f"a token is a string, not {type(token).__name__}")
    if len(token) > MAX_TOKEN:
        raise TokenMalformed(f"the token has more than {MAX_TOKEN} characters")
    if not token.isascii():
        raise TokenMalformed("the token has characters that no token has")
    compact = token.encode() if isinstance(token, str) else token
    segments = compact.split(b".", 3)
    if len(segments) != 3:  # noqa: PLR2004 - header, payload, signature
        raise TokenMalformed("a token has three segments with a dot between each")
    header, payload, signature = segments
    if len(header) > _MAX_HEADER or len(signature) > _MAX_SIGNATURE:
        raise TokenMalformed("the token's header or signature is too long")
    alg, kid = _header(header)
    return UnverifiedToken(
        alg,
        kid,
        compact[: len(header) + 1 + len(payload)],
        _decoded("signature", signature),
        _decoded("payload", payload),
    )


def verify(token: UnverifiedToken, key: VerifyingKey) -> bytes:
    """The payload of a token that this very key has signed.

    Raises:
        SignatureInvalid: Another key, another algorithm, or a changed token.
    """
    if token.alg != key.alg:
        raise SignatureInvalid("the token is signed with another algorithm than its key is for")
    if len(token.signature) != key.signature_length:
        raise SignatureInvalid("the token's signature has not the length of its key's signatures")
    try:
        genuine = key.handle.verify(token.signing_input, token.signature)
    except Exception:  # noqa: BLE001 - whatever the library trips over was not proven genuine
        genuine = False
    if genuine is not True:
        raise SignatureInvalid("the token's signature is not its key's")
    return token.payload


def load_key(jwk: object) -> VerifyingKey:
    """Construct a public key from its JWK (RFC 7517).

    The JWK must say which algorithm it is for. One with private members is refused: once
    published, anybody can sign with it.

    Raises:
        InvalidArgument: Not a public key that may verify with one of ``ALGORITHMS``, or a weak
            one. The message says why and quotes nothing of it.
    """
    if not isinstance(jwk, Mapping):
        raise InvalidArgument(f"a JWK is a JSON object, not {type(jwk).__name__}")
    members = cast("Mapping[str, object]", jwk)
    alg = members.get("alg")
    if not isinstance(alg, str) or alg not in ALGORITHMS:
        raise InvalidArgument(f"a JWK's alg must be one of {', '.join(sorted(ALGORITHMS))}")
    kid = members.get("kid")
    if kid is not None and not _is_name(kid):
        raise InvalidArgument(f"a JWK's kid must be a string of 1 to {_MAX_NAME} characters")
    _check_purpose(members)
    public, signature_length = _rsa(members) if alg in _RSA else _ec(members, *_CURVES[alg])
    return VerifyingKey(kid, alg, signature_length, _construct(public, alg))


def _check_purpose(jwk: Mapping[str, object]) -> None:
    if not _PRIVATE.isdisjoint(jwk):
        raise InvalidArgument("a JWK with private members is not a public key")
    if jwk.get("use", "sig") != "sig":
        raise InvalidArgument("a JWK's use must be sig")
    operations = jwk.get("key_ops", ("verify",))
    if not isinstance(operations, list | tuple) or "verify" not in operations:
        raise InvalidArgument("a JWK's key_ops must be a list with verify in it")


def _rsa(jwk: Mapping[str, object]) -> tuple[dict[str, str], int]:
    if jwk.get("kty") != "RSA":
        raise InvalidArgument("a JWK for RSA signatures must be of kty RSA")
    n, e = _number(jwk, "n"), _number(jwk, "e")
    bits = int.from_bytes(n[1], "big").bit_length()
    exponent = int.from_bytes(e[1], "big")
    if bits not in _RSA_BITS:
        raise InvalidArgument(f"an RSA key must have {_RSA_BITS[0]} to {_RSA_BITS[-1]} bits")
    if exponent < 3 or exponent % 2 == 0 or exponent.bit_length() > _MAX_EXPONENT_BITS:  # noqa: PLR2004 - the least odd prime
        raise InvalidArgument("an RSA key's exponent must be odd and between 3 and 2**64")
    return {"kty": "RSA", "n": n[0], "e": e[0]}, (bits + 7) // 8


def _ec(jwk: Mapping[str, object], curve: str, octets: int) -> tuple[dict[str, str], int]:
    if jwk.get("kty") != "EC" or jwk.get("crv") != curve:
        raise InvalidArgument(f"a JWK for this algorithm must be of kty EC on {curve}")
    x, y = _number(jwk, "x"), _number(jwk, "y")
    if len(x[1]) != octets or len(y[1]) != octets:
        raise InvalidArgument(f"a coordinate on {curve} must have {octets} octets")
    return {"kty": "EC", "crv": curve, "x": x[0], "y": y[0]}, 2 * octets


def _construct(public: dict[str, str], alg: str) -> Key:
    try:
        return jose_jwk.construct(public, alg)
    except Exception as error:  # noqa: BLE001 - a point that is not on the curve, and what else
        raise InvalidArgument(f"a JWK holds no {alg} key: {type(error).__name__}") from None


def _number(jwk: Mapping[str, object], member: str) -> tuple[str, bytes]:
    """A JWK's number as text and as octets."""
    text = jwk.get(member)
    if isinstance(text, str) and text.isascii() and len(text) <= MAX_TOKEN:
        octets = _base64url(text.encode())
        if octets:
            return text, octets
    raise InvalidArgument(f"a JWK's {member} must be a number in base64url")


@lru_cache(maxsize=128)  # a signer has one header for all its tokens
def _header(segment: bytes) -> tuple[str, str | None]:
    """The algorithm and key id of a header that is fit to be trusted with a signature."""
    header = read_object(_decoded("header", segment))
    if header is None:
        raise TokenMalformed("the token's header is not a JSON object with distinct names")
    alg, kid, typ = header.get("alg"), header.get("kid"), header.get("typ", "JWT")
    if not isinstance(alg, str) or alg not in ALGORITHMS:
        raise TokenMalformed("the token's alg is not an accepted signature algorithm")
    if kid is not None and not _is_name(kid):
        raise TokenMalformed("the token's kid is not a string of a sensible length")
    if not isinstance(typ, str) or typ.lower().removeprefix("application/") not in _TYPES:
        raise TokenMalformed("the token's typ is neither JWT nor at+jwt")
    if not _FORBIDDEN.isdisjoint(header):
        raise TokenMalformed("the token's header has a member that is not accepted")
    return alg, kid


def _is_name(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and 0 < len(value) <= _MAX_NAME


def _decoded(name: Literal["header", "payload", "signature"], segment: bytes) -> bytes:
    decoded = _base64url(segment)
    if decoded is None:
        raise TokenMalformed(f"the token's {name} is not base64url")
    return decoded


def _base64url(segment: bytes) -> bytes | None:
    """The octets behind unpadded base64url; None unless this is the only way to write them."""
    text = segment.translate(_TO_BASE64) + b"=" * (-len(segment) % 4)
    try:
        octets = binascii.a2b_base64(text)
    except binascii.Error:
        return None
    # The decoder skips foreign characters and ignores trailing bits: many texts, one meaning.
    return octets if binascii.b2a_base64(octets, newline=False) == text else None
