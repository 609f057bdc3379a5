"""The key that a token is bound to, and proofs that its holder has it (RFC 9449)."""

from __future__ import annotations

import json
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from hashlib import sha256
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    SECP256R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from descope_async._runtime.clock import SYSTEM_CLOCK
from descope_async._secret import Secret
from descope_async.dpop_request import normal_url
from descope_async.errors import InvalidArgument

__all__ = ["ProofKey"]

#: Octets of a number of P-256; a signature is two (RFC 7518, 3.4).
_OCTETS: Final = 32


class ProofKey:
    """A private key on the curve P-256, to which a token can be bound, and that signs proofs.

    Make one with `generate` or `from_pem`. One key serves any number of threads.

    Attributes:
        thumbprint: What a token that is bound to this key names as ``cnf.jkt`` (RFC 7638).
    """

    thumbprint: str

    def __init__(self, key: EllipticCurvePrivateKey) -> None:
        given: object = key  # callers without a type checker pass anything
        if not isinstance(given, EllipticCurvePrivateKey) or not isinstance(key.curve, SECP256R1):
            raise InvalidArgument("the key must be a private key on the curve P-256")
        self._key = Secret(key)
        numbers = key.public_key().public_numbers()
        x, y = (number.to_bytes(_OCTETS, "big") for number in (numbers.x, numbers.y))
        # The members and their order are those of which RFC 7638 makes a thumbprint.
        self._jwk = {"crv": "P-256", "kty": "EC", "x": _base64url(x), "y": _base64url(y)}
        self.thumbprint = _base64url(sha256(_json(self._jwk)).digest())
        self._header = _base64url(_json({"typ": "dpop+jwt", "alg": "ES256", "jwk": self._jwk}))

    @classmethod
    def generate(cls) -> ProofKey:
        """A new key."""
        return cls(generate_private_key(SECP256R1()))

    @classmethod
    def from_pem(cls, pem: str | bytes) -> ProofKey:
        """The key in a PEM text that is not encrypted.

        Raises:
            InvalidArgument: It holds no private key on the curve P-256.
        """
        given = Secret(pem)
        del pem  # no traceback shall show it
        text = given.reveal()
        try:
            key = load_pem_private_key(text.encode() if isinstance(text, str) else text, None)
        except (ValueError, TypeError, AttributeError):
            key = None
        del text
        if not isinstance(key, EllipticCurvePrivateKey):
            raise InvalidArgument("the PEM must hold a private key on P-256 that is not encrypted")
        return cls(key)

    def to_pem(self) -> str:
        """The private key as PEM, not encrypted: a secret."""
        return (
            self._key.reveal()
            .private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
            .decode()
        )

    def proof(self, method: str, url: str, token: str | None = None) -> str:
        """A proof for one request, to send as its ``DPoP`` header (RFC 9449, 4.2).

        Args:
            method: The HTTP method, in the case in which it is sent.
            url: The URL, absolute. Query and fragment do not count.
            token: The token that is sent with it; None for none.

        Raises:
            InvalidArgument: The URL is not an absolute http or https URL in ASCII.
        """
        given = Secret(token)
        del token  # no traceback shall show it
        named: object = url  # callers without a type checker pass anything
        target = normal_url(named) if isinstance(named, str) else None
        if target is None:
            raise InvalidArgument("url must be an absolute http or https URL in ASCII")
        claims: dict[str, object] = {
            "jti": secrets.token_urlsafe(16),
            "htm": method,
            "htu": target,
            "iat": int(SYSTEM_CLOCK.now()),
        }
        value = given.reveal()
        if value is not None:
            claims["ath"] = _base64url(sha256(value.encode()).digest())
        signed = f"{self._header}.{_base64url(_json(claims))}"
        r, s = decode_dss_signature(self._key.reveal().sign(signed.encode(), ECDSA(SHA256())))
        signature = r.to_bytes(_OCTETS, "big") + s.to_bytes(_OCTETS, "big")
        return f"{signed}.{_base64url(signature)}"

    def headers(self, token: str, method: str, url: str) -> dict[str, str]:
        """The ``Authorization`` and ``DPoP`` headers of one request, as a new dict.

        Raises:
            InvalidArgument: As `proof` does.
        """
        return {"Authorization": f"DPoP {token}", "DPoP": self.proof(method, url, token)}

    def __repr__(self) -> str:
        return f"<ProofKey {self.thumbprint}>"


def _json(value: Mapping[str, object]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _base64url(octets: bytes) -> str:
    return urlsafe_b64encode(octets).rstrip(b"=").decode()
