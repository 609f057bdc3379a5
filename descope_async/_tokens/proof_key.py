"""The key that a token is bound to, and proofs that its holder has it (DPoP, RFC 9449)."""

from __future__ import annotations

import base64
import json
import re
import secrets
from typing import Final, TypeGuard, cast

from attrs import frozen
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from descope_async._runtime.clock import SYSTEM_CLOCK
from descope_async._values.secret import Secret
from descope_async.dpop_request import normal_url
from descope_async.errors import InvalidArgument

from .algorithms import PROOF_ALGORITHMS
from .compact import sha256_base64url
from .signatures import load_key

_PrivateKey = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey

_METHOD: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}\Z")  # RFC 9110, 5.6.2
_HEADER_VALUE: Final = re.compile(r"[!-~]{1,8192}\Z")
_LEAST_RSA_BITS: Final = 2048


@frozen(eq=False, repr=False)
class _Curve:
    alg: str
    name: str
    octets: int
    digest: hashes.HashAlgorithm


#: RFC 7518, sections 3.4 and 6.2.1.1.
_CURVES: Final = {
    "secp256r1": _Curve("ES256", "P-256", 32, hashes.SHA256()),
    "secp384r1": _Curve("ES384", "P-384", 48, hashes.SHA384()),
    "secp521r1": _Curve("ES512", "P-521", 66, hashes.SHA512()),
}


class ProofKey:
    """A private key to which a session token can be bound, and which signs proofs.

    A proof shows that whoever sends a token holds the key that it is bound to. It is for one request,
    and goes into the header ``DPoP`` of that request; the token goes into ``Authorization`` with the
    scheme ``DPoP`` (RFC 9449 sections 4.1 and 7.1). `headers` gives both. Make a key with `generate` or
    `from_pem`. One key serves any number of threads.

    Args:
        key: A private key of ``cryptography``: of an elliptic curve (P-256, P-384 or P-521), Ed25519,
            or RSA of at least 2048 bits.

    Attributes:
        thumbprint: The JWK SHA-256 thumbprint of the key (RFC 7638), which tokens bound to it name as
            ``cnf.jkt``.

    Raises:
        InvalidArgument: The key cannot be used; the message says what to pass.
    """

    thumbprint: str

    def __init__(self, key: _PrivateKey) -> None:
        given = Secret(key)
        del key  # callers without a type checker pass anything, such as the key's PEM
        if not _is_usable(given.reveal()):
            raise InvalidArgument(
                "the key must be of P-256, P-384, P-521, Ed25519, or RSA with at least "
                f"{_LEAST_RSA_BITS} bits"
            )
        self._key = given.reveal()
        self._alg, self._jwk = _public(self._key)
        self.thumbprint = load_key({**self._jwk, "alg": self._alg}, PROOF_ALGORITHMS).thumbprint

    @classmethod
    def generate(cls) -> ProofKey:
        """A new key on the curve P-256."""
        return cls(ec.generate_private_key(ec.SECP256R1()))

    @classmethod
    def from_pem(cls, pem: str | bytes) -> ProofKey:
        """The key in a PEM text that is not encrypted.

        Raises:
            InvalidArgument: It holds no private key that can be used; the message says what to pass.
        """
        given = Secret(pem)
        del pem  # so that no traceback of an error from here shows it
        return cls(_loaded(given))

    def to_pem(self) -> str:
        """The key in PEM (PKCS #8). It is a secret: who has it can use the tokens bound to it."""
        return self._key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ).decode("ascii")

    def __repr__(self) -> str:
        return f"<ProofKey {getattr(self, 'thumbprint', 'of nothing')}>"

    def proof(
        self,
        method: str,
        url: str,
        token: str | None = None,
        *,
        nonce: str | None = None,
    ) -> str:
        """A proof for one request (RFC 9449 section 4.2).

        Args:
            method: The HTTP method of the request, in the case in which it is sent.
            url: The absolute URL of the request. Query and fragment are not part of a proof. That of a
                WebSocket (``wss``) stands there as that of the HTTP request by which it begins.
            token: The token that the request carries; None for a request without one.
            nonce: What the server asked for in ``DPoP-Nonce``; None for nothing.

        Raises:
            InvalidArgument: An argument cannot be part of a proof.
        """
        given, asked = Secret(token), Secret(nonce)
        del token, nonce  # so that no traceback of an error from here shows them
        claims: dict[str, object] = {
            "jti": secrets.token_urlsafe(16),
            "htm": _method(method),
            "htu": _target(url),
            "iat": int(SYSTEM_CLOCK.now()),
        }
        if given.reveal() is not None:
            claims["ath"] = sha256_base64url(_value("token", given).encode("ascii"))
        if asked.reveal() is not None:
            claims["nonce"] = _value("nonce", asked)
        return self._signed({"typ": "dpop+jwt", "alg": self._alg, "jwk": self._jwk}, claims)

    def headers(
        self, token: str, method: str, url: str, *, nonce: str | None = None
    ) -> dict[str, str]:
        """The ``Authorization`` and ``DPoP`` headers of one request, as a new dict.

        The arguments are those of `proof`.

        Raises:
            InvalidArgument: An argument cannot be part of a proof.
        """
        given, asked = Secret(token), Secret(nonce)
        del token, nonce
        proof = Secret(self.proof(method, url, given.reveal(), nonce=asked.reveal()))
        return {"Authorization": f"DPoP {_value('token', given)}", "DPoP": proof.reveal()}

    def _signed(self, header: object, claims: object) -> str:
        signed = f"{_encoded(_json(header))}.{_encoded(_json(claims))}"
        return f"{signed}.{_encoded(_signature(self._key, signed.encode('ascii')))}"


def _loaded(given: Secret[str | bytes]) -> _PrivateKey:
    pem = given.reveal()
    if isinstance(pem, str | bytes):
        try:
            key = serialization.load_pem_private_key(
                pem.encode("ascii") if isinstance(pem, str) else pem, password=None
            )
        except (ValueError, TypeError, UnsupportedAlgorithm):
            pass  # what is raised may quote the key: the error below does not
        else:
            if _is_usable(key):
                return key
    del pem
    raise InvalidArgument(
        "the PEM must hold a private key, not encrypted, of P-256, P-384, P-521, Ed25519, or RSA "
        f"with at least {_LEAST_RSA_BITS} bits"
    )


def _is_usable(key: object) -> TypeGuard[_PrivateKey]:
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return key.curve.name in _CURVES
    if isinstance(key, rsa.RSAPrivateKey):
        return key.key_size >= _LEAST_RSA_BITS
    return isinstance(key, ed25519.Ed25519PrivateKey)


def _public(key: _PrivateKey) -> tuple[str, dict[str, str]]:
    """The algorithm of a key, and its public half as a JWK with the members that count."""
    if isinstance(key, ed25519.Ed25519PrivateKey):
        octets = key.public_key().public_bytes_raw()
        return "EdDSA", {"kty": "OKP", "crv": "Ed25519", "x": _encoded(octets)}
    if isinstance(key, rsa.RSAPrivateKey):
        numbers = key.public_key().public_numbers()
        return "RS256", {"kty": "RSA", "n": _number(numbers.n), "e": _number(numbers.e)}
    curve = _CURVES[key.curve.name]
    point = key.public_key().public_numbers()
    return curve.alg, {
        "kty": "EC",
        "crv": curve.name,
        "x": _encoded(point.x.to_bytes(curve.octets, "big")),
        "y": _encoded(point.y.to_bytes(curve.octets, "big")),
    }


def _signature(key: _PrivateKey, signed: bytes) -> bytes:
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key.sign(signed)
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(signed, padding.PKCS1v15(), hashes.SHA256())
    curve = _CURVES[key.curve.name]
    r, s = decode_dss_signature(key.sign(signed, ec.ECDSA(curve.digest)))
    # Two numbers of fixed size (RFC 7518, 3.4), and not the ASN.1 that cryptography makes.
    return r.to_bytes(curve.octets, "big") + s.to_bytes(curve.octets, "big")


def _method(given: object) -> str:
    if not isinstance(given, str) or not _METHOD.match(given):
        raise InvalidArgument("method must be an HTTP method such as 'GET'")
    return str.__str__(given)


def _target(given: object) -> str:
    """A URL without query and fragment, in the form in which services compare it."""
    target = normal_url(given) if isinstance(given, str) else None
    if target is None:
        raise InvalidArgument("url must be an absolute URL of http, https, ws or wss in ASCII")
    return target


def _value(name: str, given: Secret[str] | Secret[str | None]) -> str:
    """A string that can be part of a header."""
    if not _is_value(given.reveal()):
        raise InvalidArgument(f"{name} must be visible ASCII characters, at most 8192")
    return str.__str__(cast("str", given.reveal()))


def _is_value(given: object) -> bool:
    return isinstance(given, str) and _HEADER_VALUE.match(given) is not None


def _number(value: int) -> str:
    return _encoded(value.to_bytes((value.bit_length() + 7) // 8, "big"))


def _encoded(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode("ascii")


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode("ascii")
