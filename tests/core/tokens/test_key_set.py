"""JWK sets as the service publishes them, and as a client is given them."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given
from hypothesis import strategies as st

from descope_async import (
    ConfigurationError,
    UnexpectedResponse,
)
from descope_async._tokens.key_set import parse_key_set, parse_pinned_keys
from descope_async._tokens.signatures import load_key
from descope_async._tokens.signing_keys import SigningKeys
from descope_async._values.secret import Secret
from tests.core.tokens.publishing import JWKS, WEAK, ManualClock, Service, document


def rsa_jwk() -> dict[str, Any]:
    numbers = rsa.generate_private_key(65_537, 2_048).public_key().public_numbers()
    n = urlsafe_b64encode(numbers.n.to_bytes(256, "big")).rstrip(b"=").decode()
    return {"kty": "RSA", "n": n, "e": "AQAB"}


def test_good_keys_are_found_among_bad_ones() -> None:
    body = json.dumps(
        {
            "keys": [
                None,
                1,
                "k1",
                [],
                {},
                WEAK,
                {**JWKS["k1"], "alg": "HS256", "k": "AAAA"},
                {**JWKS["k1"], "use": "enc"},
                {**JWKS["k3"], "kid": None},
                JWKS["k1"],
                {**JWKS["k2"], "kid": "k1"},
                {**JWKS["k2"], "unknown": {"member": [1]}},
            ],
            "unknown": 1,
        }
    ).encode()
    keys = parse_key_set(body)
    assert len(keys) == 2
    assert keys.find("k1", "ES256") == load_key(JWKS["k1"])
    assert keys.find("k2", "ES256") == load_key(JWKS["k2"])
    assert keys.find("weak", "RS256") is keys.find("k3", "ES256") is None


@pytest.mark.parametrize("is_first", [True, False])
def test_two_keys_may_share_an_id(is_first: bool) -> None:
    other = {**rsa_jwk(), "alg": "RS256", "kid": "k1"}
    listed = [other, JWKS["k1"]] if is_first else [JWKS["k1"], other]
    body = json.dumps({"keys": [{**JWKS["k2"], "kid": "k1", "use": "enc"}, *listed]})
    for keys in (
        parse_key_set(body.encode()),
        parse_pinned_keys(Secret(json.dumps({"keys": listed}))),
    ):
        assert keys.find("k1", "ES256") == load_key(JWKS["k1"])
        assert keys.find("k1", "RS256") == load_key(other)
        # What is signed by no key of the set is refused without a fetch.
        assert keys.find("k1", "RS512") == load_key(listed[0])


def test_a_key_set_is_bounded() -> None:
    body = json.dumps({"keys": [{**JWKS["k1"], "kid": f"k{n}"} for n in range(200)]}).encode()
    assert len(parse_key_set(body)) == 64


@given(st.binary())
def test_anything_else_is_no_key_set(body: bytes) -> None:
    with pytest.raises(UnexpectedResponse):
        parse_key_set(body)


@pytest.mark.parametrize(
    "seed", ["{", "[]", '{"keys": []}', json.dumps({"keys": [WEAK]}), "\ud800"]
)
def test_a_seed_without_a_usable_key_is_refused(seed: str) -> None:
    with pytest.raises(ConfigurationError, match="key_set"):
        SigningKeys(Service().fetch, ManualClock(), seed=Secret(seed))


def test_a_key_or_a_set_can_be_pinned() -> None:
    for text, kids in (
        (json.dumps(JWKS["k1"]), ["k1"]),
        (document("k1", "k2").decode(), ["k1", "k2"]),
    ):
        keys = parse_pinned_keys(Secret(text))
        assert len(keys) == len(kids)
        assert [keys.find(kid, "ES256") for kid in kids] == [load_key(JWKS[kid]) for kid in kids]


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "canary",
        "null",
        "[]",
        "{}",
        '{"keys":[]}',
        '{"keys":"canary"}',
        '{"keys":{"canary":1}}',
        '{"keys":[null]}',
        "\ud800",
        "\x00",
        "-----BEGIN PUBLIC KEY-----\ncanary\n-----END PUBLIC KEY-----",
        json.dumps({**JWKS["k1"], "kid": None, "x5t": "canary"}),
        json.dumps({**JWKS["k1"], "d": "canary"}),
        json.dumps({"keys": [JWKS["k1"], {**JWKS["k2"], "alg": "canary"}]}),
        json.dumps({"keys": [JWKS["k1"], {**JWKS["k2"], "kid": "k1"}]}),
        "[" * 100_000,
    ],
    ids=range(18),
)
def test_a_pinned_key_that_is_none_is_refused_without_quoting_it(text: str) -> None:
    with pytest.raises(ConfigurationError) as refusal:
        parse_pinned_keys(Secret(text))
    assert "public_key" in str(refusal.value)
    assert "canary" not in repr(refusal.value)
    assert refusal.value.__context__ is None or "canary" not in repr(refusal.value.__context__)
