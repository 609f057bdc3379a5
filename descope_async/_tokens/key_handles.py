"""Public keys as the libraries keep them, ready to check signatures.

python-jose (RFC 7515) makes the keys of RS and ES, and checks ES. cryptography, on which it runs, does
the rest: PS and EdDSA, which python-jose lacks, and the arithmetic of RS without letting threads in.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

from attrs import frozen
from cryptography.hazmat.backends import default_backend
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS, PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey, RSAPublicNumbers
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512, HashAlgorithm
from jose import jwk as jose_jwk
from jose.backends.cryptography_backend import CryptographyRSAKey

from .compact import from_base64url

_DIGESTS: Final[Mapping[str, HashAlgorithm]] = {"256": SHA256(), "384": SHA384(), "512": SHA512()}
_PKCS1: Final = PKCS1v15()
#: The most bytes that `hashlib` hashes without letting other threads run meanwhile.
_HASHED_AT_ONCE: Final = 2047

# Else jose imports it with the first key, where a fork would not wait for the import.
default_backend()


class Handle(Protocol):
    """A public key for one algorithm."""

    def verify(self, msg: bytes, sig: bytes) -> bool:
        """Whether the key made a signature. It may also raise if it did not."""
        ...


@frozen(eq=False, repr=False)
class _Pkcs1Key:
    """A key for RS256 to RS512, with which Descope signs.

    `RSAPublicKey.verify` lets other threads run meanwhile. If one of them computes, it keeps the
    interpreter for 5 ms, and sixteen threads that check signatures hinder each other. A check takes
    20 µs, so this one lets no other thread run: `recover_data_from_signature` does not.
    """

    key: RSAPublicKey
    digest: HashAlgorithm
    hasher: Callable[[bytes], Any]

    def verify(self, msg: bytes, sig: bytes) -> bool:
        """Whether the hash that was signed is this message's. Raise if the padding is not exact."""
        signed = self.key.recover_data_from_signature(sig, _PKCS1, self.digest)
        hashed = self.hasher(msg[:_HASHED_AT_ONCE])
        for start in range(_HASHED_AT_ONCE, len(msg), _HASHED_AT_ONCE):
            hashed.update(msg[start : start + _HASHED_AT_ONCE])
        return bool(signed == hashed.digest())


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
    if alg.startswith("PS"):
        numbers = [int.from_bytes(_octets(public[member]), "big") for member in "en"]
        return _PssKey(RSAPublicNumbers(*numbers).public_key(), _DIGESTS[alg[2:]])
    key = jose_jwk.construct(dict(public), alg)
    if isinstance(key, CryptographyRSAKey):
        digest = _DIGESTS[alg[2:]]
        return _Pkcs1Key(key.prepared_key, digest, getattr(hashlib, digest.name))
    return key


def _octets(number: str) -> bytes:
    return from_base64url(number) or b""
