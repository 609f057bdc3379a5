"""Proofs that a client makes for its own bound token, checked as a service checks them."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import pickle
import traceback
from types import FrameType
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from hypothesis import given
from hypothesis import strategies as st

from descope_async import (
    DescopeClient,
    DPoPRequest,
    InvalidArgument,
    ProofInvalid,
    ProofKey,
    ProofReplayed,
    ProofRequired,
)
from descope_async.emulator import Emulator, TokenShape

URL = "https://api.example.com/reports"


def pem(key: Any, password: bytes | None = None) -> str:
    encryption = (
        serialization.BestAvailableEncryption(password)
        if password
        else serialization.NoEncryption()
    )
    private: bytes = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption
    )
    return private.decode()


KEYS = {
    "ES256": pem(ec.generate_private_key(ec.SECP256R1())),
    "ES384": pem(ec.generate_private_key(ec.SECP384R1())),
    "ES512": pem(ec.generate_private_key(ec.SECP521R1())),
    "EdDSA": pem(ed25519.Ed25519PrivateKey.generate()),
    "RS256": pem(rsa.generate_private_key(65537, 2048)),
}


def inspect_frames(error: BaseException) -> list[FrameType]:
    return [frame for frame, _ in traceback.walk_tb(error.__traceback__)]


def part(proof: str, index: int) -> dict[str, Any]:
    segment = proof.split(".")[index]
    found: dict[str, Any] = json.loads(
        base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))
    )
    return found


@pytest.mark.parametrize("alg", [None, *KEYS])
async def test_a_service_accepts_the_proof_of_a_bound_token(alg: str | None) -> None:
    key = ProofKey.from_pem(KEYS[alg]) if alg else ProofKey.generate()
    async with (
        Emulator() as emulator,
        DescopeClient(
            emulator.project_id, emulator.management_key, base_url=emulator.base_url
        ) as client,
    ):
        await emulator.set_token_shape(TokenShape(thumbprint=key.thumbprint))
        created = await client.mgmt.access_key.create("machine")
        token = await client.token_source(created.cleartext).token()
        for method, url in (
            ("GET", f"{URL}?year=2026#top"),
            ("PATCH", "HTTPS://API.example.com:443/x"),
        ):
            headers = key.headers(token, method, url)
            request = DPoPRequest.from_headers(method, url, headers)
            session = await client.validate_session(token, dpop=request)
            assert session.claims["cnf"] == {"jkt": key.thumbprint}
            with pytest.raises(ProofReplayed):
                await client.validate_session(token, dpop=request)
        with pytest.raises(ProofRequired):
            await client.validate_session(token)
        for wrong in (
            ProofKey.generate().headers(token, "GET", URL),
            key.headers(token, "POST", URL),
            key.headers(token, "GET", f"{URL}/more"),
            key.headers(f"{token}x", "GET", URL) | {"Authorization": f"DPoP {token}"},
        ):
            request = DPoPRequest.from_headers("GET", URL, wrong)
            with pytest.raises(ProofInvalid):
                await client.validate_session(token, dpop=request)


async def test_who_has_the_access_key_need_not_prove_that_its_token_is_theirs() -> None:
    thumbprint = ProofKey.generate().thumbprint
    async with (
        Emulator() as emulator,
        DescopeClient(
            emulator.project_id, emulator.management_key, base_url=emulator.base_url
        ) as client,
    ):
        await emulator.set_token_shape(TokenShape(thumbprint=thumbprint))
        access_key = (await client.mgmt.access_key.create("machine")).cleartext
        session = await client.exchange_access_key(access_key)
        assert session.claims["cnf"] == {"jkt": thumbprint}
        verified = await client.access_key_verifier().verify(access_key)
        assert verified.session is not None
        assert verified.session.key_id == session.key_id
        for token in (session.jwt, verified.session.jwt):  # elsewhere, a proof is demanded as ever
            with pytest.raises(ProofRequired):
                await client.validate_session(token)


def test_a_proof_says_what_it_is_for() -> None:
    key = ProofKey.from_pem(KEYS["ES256"])
    proof = key.proof("GET", f"{URL}?a=1", "a.b.c", nonce="n-1")
    header, claims = part(proof, 0), part(proof, 1)
    assert (header["typ"], header["alg"], sorted(header["jwk"])) == (
        "dpop+jwt",
        "ES256",
        ["crv", "kty", "x", "y"],
    )
    assert (claims["htm"], claims["htu"], claims["nonce"]) == ("GET", URL, "n-1")
    hashed = base64.urlsafe_b64encode(hashlib.sha256(b"a.b.c").digest()).rstrip(b"=").decode()
    assert claims["ath"] == hashed
    bare = part(key.proof("GET", URL), 1)
    assert sorted(bare) == ["htm", "htu", "iat", "jti"]
    assert bare["jti"] != claims["jti"]


def test_a_key_is_kept_for_the_next_start() -> None:
    key = ProofKey.generate()
    again = ProofKey.from_pem(key.to_pem().encode())
    assert again.thumbprint == key.thumbprint
    assert ProofKey.generate().thumbprint != key.thumbprint


@pytest.mark.parametrize(
    "key",
    [
        "",
        "CANARY",
        b"\xff\xfe",
        "é",
        5,
        pem(ec.generate_private_key(ec.SECP256R1()), b"password"),
        pem(ec.generate_private_key(ec.SECP256K1())),
        pem(dsa.generate_private_key(1024)),  # noqa: S505 - likewise
        pem(rsa.generate_private_key(65537, 1024)),  # noqa: S505 - to be refused
        KEYS["ES256"].replace("A", "B", 3),
    ],
)
def test_a_key_that_cannot_be_used_is_refused_without_showing_it(key: Any) -> None:
    with pytest.raises(InvalidArgument, match="the PEM must hold") as caught:
        ProofKey.from_pem(key)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    frames = [
        frame for frame in inspect_frames(caught.value) if frame.f_code.co_filename != __file__
    ]
    assert frames
    if isinstance(key, str | bytes) and key:
        for frame in frames:
            assert repr(key) not in repr(frame.f_locals)


def test_the_key_is_in_no_repr() -> None:
    key = ProofKey.from_pem(KEYS["ES256"])
    assert KEYS["ES256"].splitlines()[1] not in repr(key) + str(vars(key))
    with pytest.raises(TypeError):
        pickle.dumps(key)


def test_another_kind_of_key_is_refused() -> None:
    for key in (ec.generate_private_key(ec.SECP256K1()), "CANARY", None):
        with pytest.raises(InvalidArgument, match="the key must be of P-256"):
            ProofKey(key)  # type: ignore[arg-type]  # callers without a type checker


@pytest.mark.parametrize(
    "arguments",
    [
        ("", URL),
        ("GET POST", URL),
        ("GET\n", URL),
        (None, URL),
        ("GET", ""),
        ("GET", "/reports"),
        ("GET", "ftp://api.example.com/"),
        ("GET", "https://user@api.example.com/"),
        ("GET", "https://api.example.com/é"),
        ("GET", None),
    ],
)
def test_arguments_that_cannot_be_part_of_a_proof(arguments: tuple[Any, Any]) -> None:
    with pytest.raises(InvalidArgument):
        ProofKey.from_pem(KEYS["ES256"]).proof(*arguments)


@pytest.mark.parametrize("value", ["", "a b", "é", "a\n", "a" * 8193, 5, b"a"])
def test_values_that_cannot_be_part_of_a_proof(value: Any) -> None:
    key = ProofKey.from_pem(KEYS["ES256"])
    with pytest.raises(InvalidArgument):
        key.proof("GET", URL, value)
    with pytest.raises(InvalidArgument):
        key.proof("GET", URL, nonce=value)


@given(st.text(max_size=40), st.text(max_size=60))
def test_anything_is_a_proof_or_refused(method: str, url: str) -> None:
    try:
        proof = ProofKey.from_pem(KEYS["EdDSA"]).proof(method, url)
    except InvalidArgument:
        return
    assert proof.isascii()


def test_a_forked_child_makes_other_proofs() -> None:
    key = ProofKey.from_pem(KEYS["ES256"])
    read, write = os.pipe()
    child = os.fork()
    if not child:
        os.write(write, key.proof("GET", URL).encode())
        os._exit(0)
    os.waitpid(child, 0)
    theirs, ours = os.read(read, 8192).decode(), key.proof("GET", URL)
    os.close(read)
    os.close(write)
    assert part(theirs, 1)["jti"] != part(ours, 1)["jti"]
