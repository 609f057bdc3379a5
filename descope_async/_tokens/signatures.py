"""Signatures: a compact JWS and a public key in, the signed bytes or an error out.

`key_handles` does the arithmetic, by libraries that accept some keys and signatures that are not safe:
these are refused here first.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final, cast

from attrs import field, frozen

from descope_async._runtime.imports_aside import imported
from descope_async._runtime.late_imports import late_import
from descope_async.errors import InvalidArgument, KeySetUnavailable, SignatureInvalid

from .algorithms import ALGORITHMS, PROOF_ALGORITHMS
from .compact import (
    MAX_TOKEN,
    UncheckedToken,
    from_base64url,
    is_name,
    parse_proof,
    sha256_base64url,
)

if TYPE_CHECKING:
    from .key_handles import Handle

#: Curve and octets of a coordinate (RFC 7518, 3.4); a signature is two numbers of that size.
_CURVES: Final = {"ES256": ("P-256", 32), "ES384": ("P-384", 48), "ES512": ("P-521", 66)}
#: Octets of a key; a signature has twice as many (RFC 8032, 5.1).
_ED25519: Final = 32

RSA_BITS: Final = range(2048, 16_384 + 1)
#: OpenSSL's own limit; a larger exponent only makes verification slow.
_MAX_EXPONENT_BITS: Final = 64
_PRIVATE: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})


@frozen
class PublicKey:
    """A public key, ready to check signatures of the one algorithm that it is for.

    Attributes:
        kid: The key's id; None for a key without one.
        alg: The algorithm, such as ``"RS256"``.
        thumbprint: Its SHA-256 thumbprint in base64url (RFC 7638).
        signature_length: Octets of each of its signatures.
        handle: The key as the library keeps it.
    """

    kid: str | None
    alg: str
    thumbprint: str = field(repr=False)
    signature_length: int = field(repr=False)
    handle: Handle = field(repr=False, eq=False)


def open_proof(proof: object) -> tuple[UncheckedToken, PublicKey]:
    """A proof of possession (RFC 9449, 4.2) taken apart, and the key that it brings along.

    Whether that key has signed it is not checked yet. Compare the key with the one that the token
    names first: that costs less than to check a signature.

    Raises:
        TokenMalformed: It is not a compact JWS of the strict form, or no such proof.
        InvalidArgument: Its key is not a public key for one of ``PROOF_ALGORITHMS``, or a weak one.
    """
    unchecked, jwk = parse_proof(proof)
    # A key need not name its algorithm (RFC 7517, 4.4). Then the header's algorithm is used.
    return unchecked, load_key({"alg": unchecked.alg, **jwk}, PROOF_ALGORITHMS)


def check_signature(token: UncheckedToken, key: PublicKey, noun: str = "token") -> bytes:
    """The payload of a token that this very key has signed. Errors call the token by the noun.

    Raises:
        SignatureInvalid: Another key, another algorithm, or a changed token.
    """
    if token.alg != key.alg:
        raise SignatureInvalid(f"the {noun} is signed with another algorithm than its key is for")
    if len(token.signature) != key.signature_length:
        raise SignatureInvalid(f"the {noun}'s signature has not the length of its key's signatures")
    try:
        genuine = key.handle.verify(token.signing_input, token.signature)
    except Exception:  # noqa: BLE001 - whatever the library raises, it has not found the signature right
        genuine = False
    if genuine is not True:
        raise SignatureInvalid(
            f"the {noun}'s signature is not its key's: it was changed or made up, so refuse it"
        )
    return token.payload


def load_key(jwk: object, algorithms: frozenset[str] = ALGORITHMS) -> PublicKey:
    """Construct a public key from its JWK (RFC 7517).

    The JWK must say which algorithm it is for. One with private members is refused: once
    published, anybody can sign with it.

    Raises:
        InvalidArgument: Not a public key that may verify with one of these algorithms, or a weak
            one. The message says why and quotes nothing of it.
    """
    if not isinstance(jwk, Mapping):
        raise InvalidArgument(f"a JWK is a JSON object, not {type(jwk).__name__}")
    members = cast("Mapping[str, object]", jwk)
    alg = members.get("alg")
    if not isinstance(alg, str) or alg not in algorithms:
        raise InvalidArgument(f"a JWK's alg must be one of {', '.join(sorted(algorithms))}")
    kid = members.get("kid")
    if kid is not None and not is_name(kid):
        raise InvalidArgument("a JWK's kid must be a string of a sensible length")
    _check_purpose(members)
    if alg in _CURVES:
        public, signature_length = _ec(members, *_CURVES[alg])
    elif alg == "EdDSA":
        public, signature_length = _okp(members)
    else:
        public, signature_length = _rsa(members)
    return PublicKey(kid, alg, _thumbprint(public), signature_length, _handle(public, alg))


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
    if bits not in RSA_BITS:
        raise InvalidArgument(f"an RSA key must have {RSA_BITS[0]} to {RSA_BITS[-1]} bits")
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


def _okp(jwk: Mapping[str, object]) -> tuple[dict[str, str], int]:
    if jwk.get("kty") != "OKP" or jwk.get("crv") != "Ed25519":
        raise InvalidArgument("a JWK for this algorithm must be of kty OKP on Ed25519")
    x = _number(jwk, "x")
    if len(x[1]) != _ED25519:
        raise InvalidArgument(f"a key on Ed25519 must have {_ED25519} octets")
    return {"kty": "OKP", "crv": "Ed25519", "x": x[0]}, 2 * _ED25519


def _thumbprint(public: dict[str, str]) -> str:
    # By now the key has only the members that its thumbprint is made of (RFC 7638).
    return sha256_base64url(json.dumps(public, sort_keys=True, separators=(",", ":")).encode())


def _handle(public: dict[str, str], alg: str) -> Handle:
    make = handle_maker()  # an import that fails says nothing about the key
    try:
        return make(public, alg)
    except Exception as error:  # noqa: BLE001 - a point that is not on the curve, and what else
        raise InvalidArgument(f"a JWK holds no {alg} key: {type(error).__name__}") from None


@late_import
def handle_maker() -> Callable[[dict[str, str], str], Handle]:
    """What makes handles. It takes 60 ms to import, and no management call needs it."""
    from .key_handles import make_handle

    return make_handle


async def import_handle_maker() -> None:
    """Import what makes handles, on a worker thread.

    Raises:
        KeySetUnavailable: The process cannot open another file.
    """
    try:
        await imported(handle_maker)
    except OSError as error:
        problem = f"signatures cannot be checked, so the token may be fine: {error}"
        raise KeySetUnavailable(problem) from error


def _number(jwk: Mapping[str, object], member: str) -> tuple[str, bytes]:
    """A JWK's number as text and as octets."""
    text = jwk.get(member)
    if isinstance(text, str) and text.isascii() and len(text) <= MAX_TOKEN:
        octets = from_base64url(text)
        if octets:
            return text, octets
    raise InvalidArgument(f"a JWK's {member} must be a number in base64url")
