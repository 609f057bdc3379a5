"""Tokens that are bound to a key pass with a proof of it, once, and in no other way."""

from __future__ import annotations

import json
import pickle
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from hypothesis import given
from hypothesis import strategies as st

from descope_async import (
    DPoPRequest,
    InvalidArgument,
    ProofInvalid,
    ProofRequired,
    SessionToken,
    SignatureInvalid,
    TokenMalformed,
    TokenTypeMismatch,
)
from descope_async._tokens.algorithms import PROOF_ALGORITHMS
from descope_async._tokens.proofs import check_proof
from descope_async._tokens.signatures import check_signature, load_key, open_proof
from descope_async._values.secret import Secret
from tests.core.tokens.proving import (
    BEARER,
    CASES,
    HASHES,
    HOLDER,
    NOW,
    SERVICE,
    SIGNERS,
    STRANGER,
    TOKEN,
    URL,
    Signer,
    b64,
    check_compact,
    hashed,
    mint,
    proof,
    request,
    rsa_signer,
    validate,
    validator,
)
from tests.tracebacks import shown

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


def numbered(_: object) -> str:
    """Names a test case: by its values, whose keys are random, no two runs would agree."""
    return f"case{next(CASES)}"


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


@pytest.mark.parametrize("nonce", [None, "", "another", ["good"], {"good": 1}, 5], ids=repr)
def test_a_demanded_nonce(nonce: Any) -> None:
    good = ["good", "the-one-before"]
    made = proof(nonce=nonce)
    with pytest.raises(ProofInvalid) as refusal:
        validate(DPoPRequest("GET", URL, made, "DPoP", nonces=good))
    assert refusal.value.claim == "nonce"
    for each in good:
        asked = DPoPRequest("GET", URL, proof(nonce=each), "DPoP", nonces=good)
        assert validate(asked).jwt == TOKEN
    other = DPoPRequest("GET", URL, proof(nonce="good", htm="POST"), "DPoP", nonces=good)
    with pytest.raises(ProofInvalid, match="method"):
        validate(other)


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
    text = shown(refusal.value, without=__file__)
    assert made not in text
    assert TOKEN not in text


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
