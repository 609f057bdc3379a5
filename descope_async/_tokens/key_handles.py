"""Public keys as the libraries keep them, ready to check signatures.

python-jose (RFC 7515) does the arithmetic, and cryptography, on which it runs, does that of PS256 to
PS512 and EdDSA, which it lacks.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Protocol

from attrs import frozen
from cryptography.hazmat.backends import default_backend
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey, RSAPublicNumbers
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512, HashAlgorithm
from jose import jwk as jose_jwk

from .compact import from_base64url

_PSS: Final[Mapping[str, HashAlgorithm]] = {
    "PS256": SHA256(),
    "PS384": SHA384(),
    "PS512": SHA512(),
}

# Else jose imports it with the first key, where a fork would not wait for the import.
default_backend()


class Handle(Protocol):
    """A public key for one algorithm."""

    def verify(self, msg: bytes, sig: bytes) -> bool:
        """Whether the key made a signature. It may also raise if it did not."""
        ...


@frozen(eq=False, repr=False)
class _PssKey:
    key: RSAPublicKey
    digest: HashAlgorithm

    def verify(self, msg: bytes, sig: bytes) -> bool:
        """True, or raise. The salt has the digest's length (RFC 7518, 3.5)."""
        padding = PSS(MGF1(self.digest), self.digest.digest_size)
        self.key.verify(sig, msg, padding, self.digest)
        return True


@frozen(eq=False, repr=False)
class _EdwardsKey:
    key: Ed25519PublicKey

    def verify(self, msg: bytes, sig: bytes) -> bool:
        """True, or raise."""
        self.key.verify(sig, msg)
        return True


def make_handle(public: Mapping[str, str], alg: str) -> Handle:
    """The handle of a key.

    Args:
        public: The members of a JWK that its thumbprint is made of, checked.
        alg: The algorithm that it is for.

    Raises:
        Exception: There is no such key, such as a point that is not on the curve.
    """
    if alg == "EdDSA":
        return _EdwardsKey(Ed25519PublicKey.from_public_bytes(_octets(public["x"])))
    if alg in _PSS:
        numbers = [int.from_bytes(_octets(public[member]), "big") for member in "en"]
        return _PssKey(RSAPublicNumbers(*numbers).public_key(), _PSS[alg])
    return jose_jwk.construct(dict(public), alg)


def _octets(number: str) -> bytes:
    return from_base64url(number) or b""
