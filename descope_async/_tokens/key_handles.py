"""Public keys as cryptography keeps them, ready to check signatures. Those on curves: `curve_handles`."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

from attrs import frozen
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS, PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey, RSAPublicNumbers
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512, HashAlgorithm

from .compact import from_base64url

_HASHES: Final[Mapping[str, HashAlgorithm]] = {"256": SHA256(), "384": SHA384(), "512": SHA512()}
_PKCS1: Final = PKCS1v15()
#: The most bytes that `hashlib` hashes without letting other threads run meanwhile.
_HASHED_AT_ONCE: Final = 2047


class Handle(Protocol):
    """A public key for one algorithm."""

    def verify(self, msg: bytes, sig: bytes) -> bool:
        """Whether the key made a signature. It may also raise if it did not."""
        ...


@frozen(eq=False, repr=False)
class _Pkcs1Key:
    """An RSA key for RS256 to RS512, with which Descope signs.

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
        return signed == hashed.digest()


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
    """The handle of an RSA key or of one for EdDSA.

    Args:
        public: The members of a JWK that its thumbprint is made of, checked.
        alg: The algorithm that it is for.

    Raises:
        Exception: There is no such key.
    """
    if alg == "EdDSA":
        return _EdwardsKey(Ed25519PublicKey.from_public_bytes(_octets(public["x"])))
    e, n = (int.from_bytes(_octets(public[member]), "big") for member in "en")
    key, digest = RSAPublicNumbers(e, n).public_key(), _HASHES[alg[2:]]
    if alg.startswith("PS"):
        return _PssKey(key, digest)
    return _Pkcs1Key(key, digest, getattr(hashlib, digest.name))


def _octets(number: str) -> bytes:
    return from_base64url(number) or b""
