"""Tokens that are bound to a key pass with a proof of it, once, and in no other way."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import pickle
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from attrs import define, field, frozen
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from hypothesis import given
from hypothesis import strategies as st

from descope_async import (
    ConfigurationError,
    DescopeClient,
    DPoPRequest,
    InvalidArgument,
    ProofInvalid,
    ProofReplayed,
    ProofRequired,
    ReplayStoreFull,
    SessionToken,
    SignatureInvalid,
    TokenError,
    TokenExpired,
    TokenMalformed,
    TokenTypeMismatch,
)
from descope_async._runtime.clock import Clock
from descope_async._tokens import used_proofs
from descope_async._tokens.claim_rules import ClaimRules
from descope_async._tokens.compact import PROOF_ALGORITHMS
from descope_async._tokens.key_set import parse_pinned_keys
from descope_async._tokens.proofs import MAX_AGE, MAX_AHEAD, Proof, check_proof
from descope_async._tokens.signatures import check_compact, check_signature, load_key, open_proof
from descope_async._tokens.signing_keys import SigningKeys
from descope_async._tokens.used_proofs import REMEMBERED_FOR, UsedProofs
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
#: RFC 9449, 7.1 and 6.1.
RFC_PROOF = (
    "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6Ik"
    "VDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCR"
    "nMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JE"
    "QSIsImNydiI6IlAtMjU2In19.eyJqdGkiOiJlMWozVl9iS2ljOC1MQUVCIiwiaHRtIj"
    "oiR0VUIiwiaHR1IjoiaHR0cHM6Ly9yZXNvdXJjZS5leGFtcGxlLm9yZy9wcm90ZWN0Z"
    "WRyZXNvdXJjZSIsImlhdCI6MTU2MjI2MjYxOCwiYXRoIjoiZlVIeU8ycjJaM0RaNTNF"
    "c05yV0JiMHhXWG9hTnk1OUlpS0NBcWtzbVFFbyJ9.2oW9RP35yRqzhrtNP86L-Ey71E"
    "OptxRimPPToA1plemAgR6pxHF8y6-yqyVnmcw6Fy1dqd-jfxSYoMxhAJpLjA"
)
RFC_TOKEN = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU"
RFC_JKT = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"

IDS, CASES = count(), count()


def numbered(_: object) -> str:
    """Names a test case: by its values, whose keys are random, no two runs would agree."""
    return f"case{next(CASES)}"


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


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
    async def never() -> Any:
        raise AssertionError("pinned keys need no fetch")

    clock = clock or SetClock()
    keys = SigningKeys(never, clock, parse_pinned_keys(PINNED))
    return SessionValidator(keys, ClaimRules(PROJECT, frozenset({PROJECT}), 5), clock, store)


def validate(
    asked: DPoPRequest | None, token: str = TOKEN, using: SessionValidator | None = None
) -> SessionToken:
    found = (using or validator()).validate_nowait(Secret(token), None, "validate_session", asked)
    assert found is not None
    return found


def test_the_example_of_the_rfc() -> None:
    unchecked, key = open_proof(RFC_PROOF)
    assert key.thumbprint == RFC_JKT
    assert json.loads(check_signature(unchecked, key))["jti"] == "e1j3V_bKic8-LAEB"
    claims = {"cnf": {"jkt": RFC_JKT}}
    session, another = (
        SessionToken(jwt=jwt, key_id="K", project_id="P", expire_time=0, claims=claims)
        for jwt in (RFC_TOKEN, "another")
    )
    asked = DPoPRequest("GET", "https://resource.example.org/protectedresource", RFC_PROOF, "DPoP")
    assert check_proof(session, asked, 1562262618) is not None
    with pytest.raises(ProofInvalid, match="ath"):
        check_proof(another, asked, 1562262618)


def test_the_thumbprint_of_rfc_7638() -> None:
    n = (
        "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECP"
        "ebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY"
        "368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0f"
        "M4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
    )
    key = load_key({"kty": "RSA", "n": n, "e": "AQAB", "alg": "RS256", "kid": "2011-04-29"})
    assert key.thumbprint == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"


@pytest.mark.parametrize("alg", sorted(PROOF_ALGORITHMS))
def test_every_algorithm_proves(alg: str) -> None:
    signer = SIGNERS[alg]
    token = mint(cnf={"jkt": signer.thumbprint})
    good = proof(signer, ath=hashed(token))
    assert validate(request(good), token).key_id == "K2abc"
    tampered = good[:-12] + ("A" * 12 if good[-12:] != "A" * 12 else "B" * 12)
    with pytest.raises(ProofInvalid):
        validate(request(tampered), token)


def test_every_algorithm_is_covered_here() -> None:
    assert set(SIGNERS) == PROOF_ALGORITHMS


def test_the_how_to_tells_callers_of_every_algorithm() -> None:
    page = Path(__file__).parents[3] / "docs/how-to/bound-tokens.md"
    assert f'ALGORITHMS = "{" ".join(sorted(PROOF_ALGORITHMS))}"' in page.read_text()


@pytest.mark.parametrize("scheme", ["DPoP", "dpop", "Bearer", "bearer"])
def test_a_bound_token_needs_its_proof_under_any_scheme(scheme: str) -> None:
    told = DPoPRequest("GET", URL, proof(), scheme, accepts_bearer=True)
    assert validate(told).jwt == TOKEN
    for asked in (None, request(scheme=scheme), DPoPRequest("GET", URL)):
        with pytest.raises(ProofRequired) as refusal:
            validate(asked)
        assert refusal.value.operation == "validate_session"


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "Token"])
def test_a_bound_token_under_another_scheme_is_refused_unless_told_otherwise(scheme: str) -> None:
    using, headers = validator(), {"Authorization": f"{scheme} {TOKEN}", "DPoP": proof()}
    with pytest.raises(TokenTypeMismatch, match="DPoP scheme"):
        validate(DPoPRequest.from_headers("GET", URL, headers), using=using)
    told = DPoPRequest.from_headers("GET", URL, headers, accepts_bearer=True)
    assert validate(told, using=using).jwt == TOKEN, "the refusal used the proof up"


def test_a_bearer_token_passes_under_its_own_scheme_only() -> None:
    for asked in (None, request(scheme="Bearer"), request("junk", scheme="Bearer")):
        assert validate(asked, BEARER).jwt == BEARER
    assert validate(DPoPRequest("GET", "not a URL"), BEARER).jwt == BEARER
    for scheme in ("DPoP", "dpop"):
        with pytest.raises(TokenTypeMismatch):
            validate(request(proof(ath=hashed(BEARER)), scheme=scheme), BEARER)


@pytest.mark.parametrize(
    "cnf",
    [
        {"x5t#S256": HOLDER.thumbprint},
        {"jkt": HOLDER.thumbprint, "x5t#S256": "x"},
        {"jkt": [HOLDER.thumbprint]},
        {"jkt": None},
        {"jkt": {"jkt": HOLDER.thumbprint}},
        {"jwk": HOLDER.jwk},
        {},
        HOLDER.thumbprint,
        [HOLDER.thumbprint],
        None,
        True,
    ],
    ids=numbered,
)
def test_a_token_that_is_bound_in_another_way_never_passes(cnf: Any) -> None:
    token = mint(cnf=cnf)
    for asked in (None, request(proof(ath=hashed(token)))):
        with pytest.raises(ProofRequired):
            validate(asked, token)


@pytest.mark.parametrize(
    ("changes", "claim"),
    [
        ({"htm": "get"}, "htm"),
        ({"htm": "POST"}, "htm"),
        ({"htm": None}, "htm"),
        ({"htm": ["GET"]}, "htm"),
        ({"htu": "https://api.example.com/other"}, "htu"),
        ({"htu": "https://api.example.com/reports/"}, "htu"),
        ({"htu": "https://api.example.com/Reports"}, "htu"),
        ({"htu": "https://api.example.com/x/../reports"}, "htu"),
        ({"htu": "http://api.example.com/reports"}, "htu"),
        ({"htu": "https://api.example.com:8443/reports"}, "htu"),
        ({"htu": "https://evil.example/reports"}, "htu"),
        ({"htu": "https://user@api.example.com/reports"}, "htu"),
        ({"htu": "https://api.example.com@evil.example/reports"}, "htu"),
        ({"htu": "https://api.example.com\n/reports"}, "htu"),
        ({"htu": " https://api.example.com/reports"}, "htu"),
        ({"htu": "//api.example.com/reports"}, "htu"),
        ({"htu": "/reports"}, "htu"),
        ({"htu": "\ud800"}, None),
        ({"htu": "?" * 5000}, "htu"),
        ({"htu": None}, "htu"),
        ({"htu": [URL]}, "htu"),
        ({"iat": NOW - 61}, "iat"),
        ({"iat": NOW + 6}, "iat"),
        ({"iat": 10**400}, "iat"),
        ({"iat": -(10**400)}, "iat"),
        ({"iat": str(NOW)}, "iat"),
        ({"iat": True}, "iat"),
        ({"iat": None}, "iat"),
        ({"iat": [NOW]}, "iat"),
        ({"ath": hashed(BEARER)}, "ath"),
        ({"ath": hashed(TOKEN) + "="}, "ath"),
        ({"ath": None}, "ath"),
        ({"ath": 1}, "ath"),
        ({"jti": ""}, "jti"),
        ({"jti": "x" * 129}, "jti"),
        ({"jti": None}, "jti"),
        ({"jti": 7}, "jti"),
        ({"jti": ["x"]}, "jti"),
    ],
    ids=numbered,
)
def test_a_proof_that_proves_something_else(changes: dict[str, Any], claim: str) -> None:
    made = proof(**changes)
    with pytest.raises(ProofInvalid) as refusal:
        validate(request(made))
    assert type(refusal.value) is ProofInvalid
    assert refusal.value.claim == claim
    assert refusal.value.operation == "validate_session"
    assert made not in repr(vars(refusal.value))
    copied = pickle.loads(pickle.dumps(refusal.value))  # noqa: S301 - our own
    assert (copied.claim, str(copied)) == (claim, str(refusal.value))


@pytest.mark.parametrize(
    "changes",
    [
        {"htu": "HTTPS://API.example.COM:443/reports?a=1#b"},
        {"htu": "https://api.example.com:/%72eports"},
        {"iat": NOW - 60},
        {"iat": NOW + 5},
        {"iat": NOW + 0.5},
        {"jti": "x" * 128},
        {"jti": "\u0000 é"},
        {"nonce": "unasked for", "more": [1]},
    ],
    ids=ascii,
)
def test_a_proof_that_must_pass(changes: dict[str, Any]) -> None:
    assert validate(request(proof(**changes))).jwt == TOKEN


@pytest.mark.parametrize(
    "header",
    [
        {"typ": "JWT"},
        {"typ": "at+jwt"},
        {"typ": None},
        {"typ": ["dpop+jwt"]},
        {"alg": "none"},
        {"alg": "HS256"},
        {"alg": "RS256"},
        {"alg": "ES384"},
        {"alg": "EdDSA"},
        {"alg": None},
        {"alg": ["ES256"]},
        {"jwk": None},
        {"jwk": "x"},
        {"jwk": []},
        {"jwk": {}},
        {"jwk": {**HOLDER.jwk, "d": "AAAA"}},
        {"jwk": {**HOLDER.jwk, "d": None}},
        {"jwk": {**HOLDER.jwk, "k": "AAAA"}},
        {"jwk": {**HOLDER.jwk, "alg": "ES384"}},
        {"jwk": {**HOLDER.jwk, "alg": None}},
        {"jwk": {**HOLDER.jwk, "use": "enc"}},
        {"jwk": {**HOLDER.jwk, "key_ops": ["sign"]}},
        {"jwk": {**HOLDER.jwk, "x": HOLDER.jwk["y"], "y": HOLDER.jwk["x"]}},
        {"jwk": {"kty": "oct", "k": "AAAA"}},
        {"jwk": {"kty": "oct", "k": "AAAA"}, "alg": "HS256"},
        {"jwk": STRANGER.jwk},
        {"jwk": SIGNERS["ES384"].jwk, "alg": "ES384"},
        {"jwk": SIGNERS["EdDSA"].jwk, "alg": "EdDSA"},
        {"jwk": {**SIGNERS["EdDSA"].jwk, "crv": "Ed448"}, "alg": "EdDSA"},
        {"jwk": {**SIGNERS["EdDSA"].jwk, "x": "AAAA"}, "alg": "EdDSA"},
        {"crit": ["exp"]},
        {"b64": False},
        {"jku": "https://evil.example/keys"},
        {"x5c": ["MIIB"]},
        {"kid": 5},
    ],
    ids=numbered,
)
def test_a_header_that_is_no_proof_s(header: dict[str, Any]) -> None:
    with pytest.raises(ProofInvalid):
        validate(request(proof(header=header)))


@pytest.mark.parametrize("kind", ["d", "p", "dq", "oth", "k"])
def test_a_private_key_is_refused_although_it_fits(kind: str) -> None:
    signer = SIGNERS["RS256"]
    token = mint(cnf={"jkt": signer.thumbprint})
    made = proof(signer, {"jwk": {**signer.jwk, kind: "AAAA"}}, ath=hashed(token))
    with pytest.raises(ProofInvalid, match="private"):
        validate(request(made), token)


def test_pss_has_its_own_padding_and_salt() -> None:
    key = rsa.generate_private_key(65537, 2048)
    n = b64(key.public_key().public_numbers().n.to_bytes(256, "big"))
    jwk = {"kty": "RSA", "n": n, "e": "AQAB"}
    mask = padding.MGF1(hashes.SHA256())
    used: Any
    for used, passes in (
        (padding.PSS(mask, 32), True),
        (padding.PSS(mask, 20), False),
        (padding.PSS(mask, padding.PSS.MAX_LENGTH), False),
        (padding.PSS(padding.MGF1(hashes.SHA512()), 32), False),
        (padding.PKCS1v15(), False),
    ):
        sign = partial(key.sign, padding=used, algorithm=HASHES["256"])
        signer = Signer("PS256", jwk, sign)
        made = signer.compact({"typ": "dpop+jwt", "alg": "PS256", "jwk": jwk}, {})
        if passes:
            assert check_signature(*open_proof(made)) == b"{}"
        else:
            with pytest.raises(SignatureInvalid):
                check_signature(*open_proof(made))


def test_a_weak_key_is_refused_although_it_fits() -> None:
    signer = rsa_signer("RS256", 1024)
    token = mint(cnf={"jkt": signer.thumbprint})
    with pytest.raises(ProofInvalid, match="2048"):
        validate(request(proof(signer, ath=hashed(token))), token)


def test_a_key_may_say_what_it_is_for() -> None:
    exported = {**HOLDER.jwk, "alg": "ES256", "use": "sig", "key_ops": ["verify"], "ext": True}
    assert validate(request(proof(header={"jwk": exported, "kid": "mine"}))).jwt == TOKEN


@pytest.mark.parametrize(
    "made",
    [
        "",
        "a.b.c",
        "x" * 20_000_000,
        "a." * 5_000,
        "\ud800",
        "é.e.e",
        f"{proof()}\n",
        f"{proof()}.",
        f"{proof()}=",
        f"{proof()},",
        f"{proof()}, {proof()}",
        proof()[:-1],
        proof(header=b"[]"),
        proof(header=b"[" * 1_500 + b"]" * 1_500),
        proof(header=b'{"a":' * 700 + b"1" + b"}" * 700),
        proof(header=b'{"typ":"dpop+jwt","typ":"dpop+jwt","alg":"ES256"}'),
        proof(payload=b"[]"),
        proof(payload=b"null"),
        proof(payload=b"\xff"),
        proof(payload=b'{"iat":NaN}'),
        proof(payload=b'{"iat":Infinity}'),
        proof(payload=b'{"a":' + b"[" * 1_500 + b"]" * 1_500 + b"}"),
        proof(payload=b'{"jti":"a","jti":"b"}'),
        proof(payload=b" " * 9_000),
        TOKEN,
        RFC_PROOF,
        proof(STRANGER),
        proof(rsa_signer("PS256")),
    ],
    ids=numbered,
)
def test_hostile_proofs_are_refused(made: str) -> None:
    with pytest.raises(ProofInvalid):
        validate(request(made))


def test_a_huge_exponent_time_is_no_time() -> None:
    claims = f'{{"jti":"a","htm":"GET","htu":"{URL}","iat":1e400,"ath":"{hashed(TOKEN)}"}}'
    with pytest.raises(ProofInvalid) as refusal:
        validate(request(proof(payload=claims.encode())))
    assert "JSON" in str(refusal.value)


@given(st.text() | st.binary().map(lambda data: f"{b64(data)}.e30.AAAA"))
def test_anything_else_is_no_proof(text: str) -> None:
    with pytest.raises(ProofInvalid):
        validate(request(text))


def test_two_proofs_are_one_too_many() -> None:
    with pytest.raises(ProofInvalid, match="exactly one"):
        validate(request(proof(), proof()))
    same = proof()
    with pytest.raises(ProofInvalid, match="exactly one"):
        validate(request(same, same))


def test_a_request_whose_own_url_is_unusable_is_refused_not_broken() -> None:
    for url in ("", "/reports", "https://api.example.com\r\n/reports", "https://a b/", "é"):
        with pytest.raises(ProofInvalid) as refusal:
            validate(request(proof(htu=url), url=url))
        assert refusal.value.claim == "htu"


def test_a_proof_counts_once() -> None:
    using, made = validator(), proof()
    assert validate(request(made), using=using).jwt == TOKEN
    with pytest.raises(ProofReplayed) as refusal:
        validate(request(made), using=using)
    assert refusal.value.claim == "jti"
    assert validate(request(proof()), using=using).jwt == TOKEN


def test_an_id_belongs_to_its_key() -> None:
    using, other = validator(), mint(cnf={"jkt": STRANGER.thumbprint})
    validate(request(proof(jti="same")), using=using)
    validate(request(proof(STRANGER, jti="same", ath=hashed(other))), other, using)
    with pytest.raises(ProofReplayed):
        validate(request(proof(jti="same", iat=NOW + 1)), using=using)


def test_what_is_refused_for_anything_else_uses_nothing_up() -> None:
    clock = SetClock()
    using, made = validator(clock), proof(jti="mine")
    for wrong in (
        request(made, method="POST"),
        request(made, url="https://api.example.com/other"),
        request(made, made),
        request(proof(jti="mine", ath="x")),
        request(proof(jti="mine", iat=NOW - 61)),
        request(made[:-12] + "A" * 12),
    ):
        with pytest.raises(ProofInvalid):
            validate(wrong, using=using)
    with pytest.raises(TokenError):
        validate(request(made), TOKEN[:-12] + "A" * 12, using)
    clock.at = NOW + 605
    with pytest.raises(TokenExpired):
        validate(request(made), using=using)
    clock.at = NOW
    assert validate(request(made), using=using).jwt == TOKEN


def test_a_token_seen_before_still_needs_a_proof() -> None:
    using = validator()
    first = validate(request(proof()), using=using)
    assert validate(request(proof()), using=using) is first
    for asked, error in (
        (None, ProofRequired),
        (request(), ProofRequired),
        (request(proof(STRANGER)), ProofInvalid),
    ):
        with pytest.raises(error):
            validate(asked, using=using)


def test_the_clock_decides_how_old_a_proof_may_be() -> None:
    clock = SetClock()
    using = validator(clock)
    for age in (-5.0, 0.0, 60.0):
        clock.at = NOW + age
        assert validate(request(proof()), using=using).jwt == TOKEN
    for age in (-5.1, 60.1):
        clock.at = NOW + age
        with pytest.raises(ProofInvalid, match="iat"):
            validate(request(proof()), using=using)


def test_a_proof_is_remembered_for_as_long_as_it_is_accepted() -> None:
    clock = SetClock(NOW - 5)
    using, made = validator(clock), proof()
    validate(request(made), using=using)
    for later in (0, 60):
        clock.at = NOW + later
        with pytest.raises(ProofReplayed):
            validate(request(made), using=using)


def test_a_proof_is_remembered_from_the_first_to_the_last_moment() -> None:
    assert MAX_AHEAD + MAX_AGE < REMEMBERED_FOR
    clock = SetClock(NOW - MAX_AHEAD)
    using, made = validator(clock), proof()
    validate(request(made), using=using)
    for second in range(MAX_AHEAD + MAX_AGE + 1):
        clock.at = NOW - MAX_AHEAD + second
        with pytest.raises(ProofReplayed):
            validate(request(made), using=using)


@define
class TwoClocks(Clock):
    """A wall clock that can be set, and a running one that cannot."""

    wall: float = NOW
    elapsed: float = 0

    def now(self) -> float:
        return self.wall

    def running(self) -> float:
        return self.elapsed

    def pass_by(self, seconds: float) -> None:
        self.wall += seconds
        self.elapsed += seconds


@pytest.mark.parametrize("back", [30, 60, 119, 121, 500])
async def test_a_clock_that_is_set_back_opens_no_window_for_replays(back: int) -> None:
    for store in (None, ForgetfulStore()):
        clock = TwoClocks()
        using = validator(clock, store)

        async def check(asked: DPoPRequest, using: SessionValidator = using) -> SessionToken:
            return await using.validate(Secret(TOKEN), None, "validate_session", asked)

        made = proof(iat=clock.wall)
        await check(request(made))
        clock.pass_by(REMEMBERED_FOR + 1)
        clock.wall -= back
        if store is not None:
            store.used.clear()
        with pytest.raises(ProofInvalid):
            await check(request(made))
        # Proofs pass again once the clock shows a time that was not there before.
        clock.pass_by(max(0, NOW + 1 - clock.wall))
        assert (await check(request(proof(iat=clock.wall)))).jwt == TOKEN


@define
class ForgetfulStore:
    """A store whose time for remembering can be over at once."""

    used: set[str] = field(factory=set[str])

    async def first_use(self, proof_id: str, _: int) -> bool:
        is_first = proof_id not in self.used
        self.used.add(proof_id)
        return is_first


def test_the_key_is_compared_before_the_signature_is_checked() -> None:
    signer = SIGNERS["RS512"]
    unsigned = signer.compact({"typ": "dpop+jwt", "alg": "RS512", "jwk": signer.jwk}, {})
    with pytest.raises(ProofInvalid, match="another key") as refusal:
        validate(request(unsigned[:-12] + "A" * 12))
    assert refusal.value.claim == "jwk"


def test_of_sixteen_threads_exactly_one_passes() -> None:
    using = validator()
    validate(request(proof()), using=using)
    for _ in range(20):
        made, start = proof(), threading.Barrier(16)

        def attempt(made: str = made, start: threading.Barrier = start) -> bool:
            start.wait()
            try:
                return validate(request(made), using=using).jwt == TOKEN
            except ProofReplayed:
                return False

        with ThreadPoolExecutor(16) as pool:
            outcomes = [each.result() for each in [pool.submit(attempt) for _ in range(16)]]
        assert sorted(outcomes) == [False] * 15 + [True]


def test_a_session_token_brings_no_key_and_a_proof_is_none() -> None:
    header = {"alg": "RS256", "kid": "k1", "typ": "JWT", "jwk": SERVICE.jwk}
    pinned = {**SERVICE.jwk, "alg": "RS256"}
    with pytest.raises(TokenMalformed):
        check_compact(SERVICE.compact(header, {}), pinned)
    with pytest.raises(TokenMalformed):
        check_compact(proof(SERVICE), pinned)
    for alg in PROOF_ALGORITHMS - {"RS256", "RS384", "RS512", "ES256", "ES384"}:
        signer = SIGNERS[alg]
        with pytest.raises(TokenMalformed):
            check_compact(signer.compact({"alg": alg}, {}), pinned)
        with pytest.raises(InvalidArgument):
            load_key({**signer.jwk, "alg": alg})


def test_an_error_leaves_without_the_frames_that_hold_the_proof() -> None:
    made = proof(ath="x")
    with pytest.raises(ProofInvalid) as refusal:
        validator().validate_nowait(Secret(TOKEN), None, "x", request(made))
    trace = refusal.value.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename != __file__:
            assert made not in repr(trace.tb_frame.f_locals)
            assert TOKEN not in repr(trace.tb_frame.f_locals)
        trace = trace.tb_next


@define
class SharedStore:
    """What a service puts before its database."""

    answer: Any = None
    calls: list[tuple[str, int]] = field(factory=list[tuple[str, int]])

    async def first_use(self, proof_id: str, seconds: int) -> bool:
        self.calls.append((proof_id, seconds))
        if isinstance(self.answer, Exception):
            raise self.answer
        if self.answer is not None:
            return self.answer  # type: ignore[no-any-return]  # also what it should not say
        return [each[0] for each in self.calls].count(proof_id) == 1


@pytest.fixture
def frozen_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Clock, "now", lambda _: NOW)


@pytest.mark.usefixtures("frozen_time")
async def test_the_client_checks_proofs() -> None:
    async with DescopeClient(PROJECT, base_url="https://x.example", public_key=PINNED) as client:
        session = await client.validate_session(TOKEN, dpop=request(proof()))
        assert session.claims["cnf"] == {"jkt": HOLDER.thumbprint}
        made = proof()
        assert client.validate_session_nowait(TOKEN, dpop=request(made)) is session
        with pytest.raises(ProofReplayed):
            await client.validate_session(TOKEN, dpop=request(made))
        with pytest.raises(ProofRequired):
            client.validate_session_nowait(TOKEN)
        with pytest.raises(ProofRequired):
            await client.validate_session(TOKEN)
        junk: Any
        for junk in ("x", 5, [proof()], {"method": "GET", "url": URL}):
            with pytest.raises(InvalidArgument, match="dpop"):
                client.validate_session_nowait(BEARER, dpop=junk)
            with pytest.raises(InvalidArgument, match="dpop"):
                await client.validate_session(BEARER, dpop=junk)


@pytest.mark.usefixtures("frozen_time")
async def test_two_processes_share_a_store() -> None:
    store = SharedStore()
    first, second = (
        DescopeClient(PROJECT, base_url="https://x.example", public_key=PINNED, replay_store=store)
        for _ in "12"
    )
    async with first, second:
        made = proof()
        assert first.validate_session_nowait(TOKEN, dpop=request(made)) is None
        assert store.calls == []  # and nothing was used up
        assert (await first.validate_session(TOKEN, dpop=request(made))).jwt == TOKEN
        assert first.validate_session_nowait(BEARER) is not None
        with pytest.raises(ProofReplayed):
            await second.validate_session(TOKEN, dpop=request(made))
        with pytest.raises(ProofInvalid):
            await second.validate_session(TOKEN, dpop=request(proof(ath="x")))
        assert len(store.calls) == 2
        assert {(len(name), seconds) for name, seconds in store.calls} == {(43, 120)}


@pytest.mark.usefixtures("frozen_time")
@pytest.mark.parametrize("answer", [False, 0, 1, "OK", ConnectionError("the database is away")])
async def test_a_store_that_does_not_say_yes_lets_nobody_in(answer: Any) -> None:
    store = SharedStore(answer)
    expected = type(answer) if isinstance(answer, Exception) else ProofReplayed
    async with DescopeClient(
        PROJECT, base_url="https://x.example", public_key=PINNED, replay_store=store
    ) as client:
        with pytest.raises(expected):
            await client.validate_session(TOKEN, dpop=request(proof()))


def test_what_is_no_store_is_refused_at_once() -> None:
    junk: Any
    for junk in ("redis://", 5, object(), {}):
        with pytest.raises(ConfigurationError, match="replay_store"):
            DescopeClient(PROJECT, replay_store=junk)


def test_a_full_store_fails_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(used_proofs, "CAPACITY", 3)
    clock = SetClock()
    using = validator(clock)
    made = [proof(iat=NOW + later) for later in range(3)]
    for later, each in enumerate(made):
        clock.at = NOW + later
        validate(request(each), using=using)
    with pytest.raises(ReplayStoreFull) as refusal:
        validate(request(proof()), using=using)
    assert not isinstance(refusal.value, TokenError)
    assert refusal.value.retry_after == pytest.approx(118)
    with pytest.raises(ProofReplayed):
        validate(request(made[2]), using=using)
    clock.at = NOW + 120
    assert validate(request(proof(iat=NOW + 120)), using=using).jwt == TOKEN


def test_a_hundred_thousand_proofs_are_remembered() -> None:
    used = UsedProofs(SetClock())
    for number in range(100_000):
        assert used.use_nowait(Proof(str(number), NOW))
    for number in (0, 99_999):
        with pytest.raises(ProofReplayed):
            used.use_nowait(Proof(str(number), NOW))
    with pytest.raises(ReplayStoreFull):
        used.use_nowait(Proof("one more", NOW))


def test_a_proof_may_have_8192_characters() -> None:
    def padded(length: int) -> str:
        claims = {"jti": "x", "htm": "GET", "htu": URL, "iat": NOW, "ath": hashed(TOKEN)}
        payload = json.dumps(claims).encode()
        missing = length - len(proof(payload=payload))
        payload += b" " * (missing * 3 // 4 - 2)
        while len(made := proof(payload=payload)) < length:
            payload += b" "
        return made

    # One octet is one or two characters of base64url, so not every length can be had.
    fitting, longer = padded(8_191), padded(8_193)
    assert 8_191 <= len(fitting) <= 8_192 < len(longer)
    assert validate(request(fitting)).jwt == TOKEN
    with pytest.raises(ProofInvalid, match="8192"):
        validate(request(longer))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_remembers_and_is_not_stuck() -> None:
    using, made = validator(), proof()
    validate(request(made), using=using)
    with using._proofs._memory._lock.held:  # noqa: SLF001 - as if another thread were at it
        child = os.fork()
        if child == 0:
            try:
                validate(request(made), using=using)
            except ProofReplayed:
                validate(request(proof()), using=using)
                os._exit(7)
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
