"""Holders of keys, what they prove with them, and who checks it."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Mapping
from itertools import count
from typing import Any

from attrs import define, frozen
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from descope_async import (
    DPoPRequest,
    SessionToken,
)
from descope_async._runtime.clock import Clock
from descope_async._tokens.claim_rules import ClaimRules
from descope_async._tokens.compact import parse
from descope_async._tokens.pinned_keys import PinnedKeys
from descope_async._tokens.signatures import PublicKey, check_signature, load_key
from descope_async._tokens.validation import SessionValidator
from descope_async._values.secret import Secret

NOW = 1_800_000_000
PROJECT = "P2aAc4T2V93bddihGEx2Ryhc8e5Z"
URL = "https://api.example.com/reports"
HASHES: dict[str, Any] = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}
CURVES: dict[str, Any] = {
    "ES256": ec.SECP256R1(),
    "ES384": ec.SECP384R1(),
    "ES512": ec.SECP521R1(),
}
IDS, CASES = count(), count()


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def check_compact(token: str | bytes, key: PublicKey | Mapping[str, object]) -> bytes:
    """The payload of a token that this key has signed: a JWK, or what `load_key` made of one."""
    return check_signature(parse(token), key if isinstance(key, PublicKey) else load_key(key))


def hashed(text: str) -> str:
    return b64(hashlib.sha256(text.encode()).digest())


@frozen
class Signer:
    """A private key, its public JWK, and RFC 7638's thumbprint of it."""

    alg: str
    jwk: dict[str, Any]
    sign: Callable[[bytes], bytes]

    @property
    def thumbprint(self) -> str:
        return hashed(json.dumps(self.jwk, sort_keys=True, separators=(",", ":")))

    def compact(self, header: Any, payload: Any) -> str:
        parts = [
            each if isinstance(each, bytes) else json.dumps(each).encode()
            for each in (header, payload)
        ]
        signing_input = ".".join(map(b64, parts))
        return f"{signing_input}.{b64(self.sign(signing_input.encode()))}"


def rsa_signer(alg: str, bits: int = 2048) -> Signer:
    key = rsa.generate_private_key(65537, bits)
    n = key.public_key().public_numbers().n
    digest = HASHES[alg[2:]]
    pss = padding.PSS(padding.MGF1(digest), digest.digest_size)
    used = padding.PKCS1v15() if alg.startswith("RS") else pss
    jwk = {"kty": "RSA", "n": b64(n.to_bytes((bits + 7) // 8, "big")), "e": "AQAB"}
    return Signer(alg, jwk, lambda data: key.sign(data, used, digest))


def ec_signer(alg: str) -> Signer:
    key = ec.generate_private_key(CURVES[alg])
    octets = (key.curve.key_size + 7) // 8
    point = key.public_key().public_numbers()

    def sign(data: bytes) -> bytes:
        r, s = decode_dss_signature(key.sign(data, ec.ECDSA(HASHES[alg[2:]])))
        return r.to_bytes(octets, "big") + s.to_bytes(octets, "big")

    x, y = (b64(number.to_bytes(octets, "big")) for number in (point.x, point.y))
    return Signer(alg, {"kty": "EC", "crv": f"P-{key.curve.key_size}", "x": x, "y": y}, sign)


def edwards_signer() -> Signer:
    key = ed25519.Ed25519PrivateKey.generate()
    x = b64(key.public_key().public_bytes_raw())
    return Signer("EdDSA", {"kty": "OKP", "crv": "Ed25519", "x": x}, key.sign)


SIGNERS = {
    signer.alg: signer
    for signer in [
        *(rsa_signer(f"{family}{size}") for family in ("RS", "PS") for size in HASHES),
        *map(ec_signer, CURVES),
        edwards_signer(),
    ]
}
HOLDER, SERVICE, STRANGER = SIGNERS["ES256"], rsa_signer("RS256"), ec_signer("ES256")
PINNED = json.dumps({**SERVICE.jwk, "alg": "RS256", "kid": "k1"})


def mint(**changes: Any) -> str:
    claims = {"iss": PROJECT, "sub": "K2abc", "exp": NOW + 600, "iat": NOW - 600, **changes}
    return SERVICE.compact({"alg": "RS256", "kid": "k1"}, claims)


TOKEN = mint(cnf={"jkt": HOLDER.thumbprint})
BEARER = mint()


def proof(
    signer: Signer = HOLDER,
    header: dict[str, Any] | bytes | None = None,
    payload: bytes | None = None,
    **changes: Any,
) -> str:
    """A proof for `TOKEN` and a GET of `URL`, but for the changes; None leaves a claim out."""
    head = {"typ": "dpop+jwt", "alg": signer.alg, "jwk": signer.jwk}
    claims = {
        "jti": f"id-{next(IDS)}",
        "htm": "GET",
        "htu": URL,
        "iat": NOW,
        "ath": hashed(TOKEN),
        **changes,
    }
    claims = {name: value for name, value in claims.items() if value is not None}
    given = header if isinstance(header, bytes) else {**head, **(header or {})}
    return signer.compact(given, claims if payload is None else payload)


def request(*proofs: str, method: str = "GET", url: str = URL, scheme: str = "DPoP") -> DPoPRequest:
    return DPoPRequest(method, url, proofs, scheme)


@define
class SetClock(Clock):
    """Says what it is told."""

    at: float = NOW

    def now(self) -> float:
        return self.at

    def running(self) -> float:
        return self.at


def validator(clock: Clock | None = None, store: Any = None) -> SessionValidator:
    clock = clock or SetClock()
    keys = PinnedKeys.parse(Secret(PINNED))
    return SessionValidator(keys, ClaimRules(PROJECT, frozenset({PROJECT}), 5), clock, store)


def validate(
    asked: DPoPRequest | None, token: str = TOKEN, using: SessionValidator | None = None
) -> SessionToken:
    found = (using or validator()).validate_nowait(Secret(token), None, "validate_session", asked)
    assert found is not None
    return found
