"""Tokens made to deceive or to hurt, through the client's own methods."""

from __future__ import annotations

import asyncio
import json
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from hypothesis import given
from hypothesis import strategies as st

import descope_sync
from descope_async import (
    DescopeClient,
    SessionToken,
    SignatureInvalid,
    TokenError,
    TokenMalformed,
    UnknownKey,
)
from descope_async._tokens.algorithms import ALGORITHMS
from descope_async.emulator import Emulator, Fault

PROJECT = "P2hostile"
BASE = "https://api.descope.com"
PRIVATE = generate_private_key(SECP256R1())
NOW = int(time.time())  # noqa: TID251 - as the client has it
GOOD = {
    "iss": f"{BASE}/{PROJECT}",
    "aud": [PROJECT],
    "sub": "K2abc",
    "iat": NOW,
    "nbf": NOW,
    "exp": NOW + 3_600,
    "drn": "DS",
    "roles": ["r"],
    "permissions": ["p"],
    "dct": "t1",
    "tenants": {"t1": {"roles": ["r"], "permissions": ["p"]}},
}
HEADER = {"alg": "ES256", "kid": "k1", "typ": "JWT"}


def b64(octets: bytes) -> str:
    return urlsafe_b64encode(octets).rstrip(b"=").decode()


def signed(header: bytes, payload: bytes) -> str:
    """A token that the project's own key has signed, whatever is in it."""
    text = f"{b64(header)}.{b64(payload)}"
    r, s = decode_dss_signature(PRIVATE.sign(text.encode(), ECDSA(SHA256())))
    return f"{text}.{b64(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


def minted(header: Any = HEADER, claims: Any = GOOD) -> str:
    return signed(json.dumps(header).encode(), json.dumps(claims).encode())


def public_key() -> str:
    numbers = PRIVATE.public_key().public_numbers()
    x, y = [b64(number.to_bytes(32, "big")) for number in (numbers.x, numbers.y)]
    jwk = {"kty": "EC", "crv": "P-256", "alg": "ES256", "kid": "k1", "x": x, "y": y}
    return json.dumps(jwk)


VALID = minted()
CLIENT = DescopeClient(PROJECT, base_url=BASE, public_key=public_key())
BLOCKING = descope_sync.DescopeClient(PROJECT, base_url=BASE, public_key=public_key())
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-(10**4_000), 10**4_000)
    | st.floats(allow_nan=False)
    | st.text(max_size=8)
    | st.sampled_from([NOW, NOW + 60, NOW + 10**6, str(NOW + 60), "DS", "DSR", PROJECT, "1e999"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


def outcome(token: Any) -> SessionToken | TokenError:
    """What each way to ask says of a token, which must be the same."""

    def told(ask: Callable[[], SessionToken | None]) -> SessionToken | TokenError | None:
        try:
            return ask()
        except TokenError as error:
            return error

    found = told(lambda: at_once(token))
    assert found is not None
    assert type(told(lambda: BLOCKING.validate_session(token))) is type(found)
    ready = told(lambda: CLIENT.validate_session_nowait(token))
    assert type(found) is UnknownKey if ready is None else type(ready) is type(found)
    return found


def at_once(token: Any) -> SessionToken:
    """The result of `validate_session`, which with keys at hand waits for nothing."""
    try:
        CLIENT.validate_session(token).send(None)
    except StopIteration as end:
        found: SessionToken = end.value
        return found
    raise AssertionError("it waits")


def test_the_valid_one_is_accepted() -> None:
    assert isinstance(outcome(VALID), SessionToken)
    assert isinstance(outcome(VALID.encode()), SessionToken)


@given(st.integers(0, len(VALID) - 1), st.integers(0, 7))
def test_no_flipped_bit_is_accepted(at: int, bit: int) -> None:
    octets = bytearray(VALID.encode())
    octets[at] ^= 1 << bit
    found = outcome(bytes(octets))
    segment = VALID[:at].count(".")
    expected = {SignatureInvalid, TokenMalformed}
    assert type(found) in (expected | {UnknownKey} if segment == 0 else expected)
    assert found != outcome(VALID)
    assert octets.decode(errors="replace") not in repr(found)


@given(st.data())
def test_a_header_is_judged_by_its_members(data: st.DataObject) -> None:
    draw = data.draw
    algorithms = ["ES256", "ES384", "RS256", "HS256", "none", "es256", "PS256"]
    header = {
        "alg": draw(st.sampled_from(algorithms) | JSON),
        "kid": draw(st.sampled_from(["k1", "k2", "x" * 300]) | JSON),
        "typ": draw(st.sampled_from(["JWT", "jwt", "at+jwt", "dpop+jwt", "JWE"]) | JSON),
    }
    for name in draw(st.sets(st.sampled_from(["alg", "kid", "typ"]))):
        del header[name]
    suspects = ["crit", "b64", "jku", "jwk", "x5u", "x5c", "cty", "x5t", "zip"]
    for name in draw(st.sets(st.sampled_from(suspects), max_size=2)):
        header[name] = draw(JSON)
    alg, kid, typ = header.get("alg"), header.get("kid"), header.get("typ", "JWT")
    is_sound = (
        (isinstance(alg, str) and alg in ALGORITHMS)
        and (isinstance(kid, str) and 0 < len(kid) <= 256)
        and (isinstance(typ, str) and typ.lower() in {"jwt", "at+jwt"})
        and not set(header) & {"crit", "b64", "jku", "jwk", "x5u", "x5c"}
        and len(b64(json.dumps(header).encode())) <= 1_024
    )
    found = outcome(minted(header))
    if not is_sound:
        assert type(found) is TokenMalformed
    elif kid != "k1":
        assert type(found) is UnknownKey
    else:
        assert type(found) is (SessionToken if alg == "ES256" else SignatureInvalid)


@given(st.dictionaries(st.sampled_from([*GOOD, "dsub", "nsec", "cnf"]), JSON, min_size=1))
def test_no_claim_of_any_type_does_more_than_be_refused(changes: dict[str, Any]) -> None:
    found = outcome(minted(claims={**GOOD, **changes}))
    if not isinstance(found, SessionToken):
        return
    claims = found.claims
    assert "cnf" not in changes
    assert claims["iss"] in {PROJECT, f"{BASE}/{PROJECT}", f"{BASE}/v1/apps/{PROJECT}"}
    assert claims["drn"] == "DS"
    assert PROJECT in ([claims["aud"]] if isinstance(claims["aud"], str) else claims["aud"])
    for name in ("exp", "iat", "nbf"):
        assert type(claims[name]) in {int, float}
    assert claims["exp"] > NOW
    assert max(claims["iat"], claims["nbf"]) < NOW + 3_600
    assert isinstance(found.key_id, str)
    assert found.key_id == claims.get("dsub", claims["sub"])
    for granted in (found.roles, found.permissions):
        assert all(isinstance(each, str) for each in granted)
    assert isinstance(found.client_claims, dict)


NO_TIMES: list[Any] = [None, True, "9999999999", [NOW + 60], {}, 1e308]
SOUND = json.dumps(HEADER).encode()
HURTFUL: dict[str, Any] = {
    "20 MB": "a" * 20_000_000,
    "20 MB of bytes": b"a" * 20_000_000,
    "20 MB of dots": "." * 20_000_000,
    "20 MB of signature": VALID + "a" * 20_000_000,
    "nested header": signed(b"[" * 350 + b"]" * 350, b"{}"),
    "nested arrays": signed(SOUND, b'{"exp":' + b"[" * 1_500 + b"]" * 1_500 + b"}"),
    "deeply nested arrays": signed(SOUND, b'{"exp":' + b"[" * 5_000 + b"]" * 5_000 + b"}"),
    "nested objects": signed(SOUND, b'{"a":' * 1_500 + b"1" + b"}" * 1_500),
    "10,000 digits": signed(SOUND, b'{"exp":' + b"9" * 10_000 + b"}"),
    "4,000 digits": signed(SOUND, b'{"exp":' + b"9" * 4_000 + b"}"),
    "minus 4,000 digits": signed(SOUND, b'{"exp":-' + b"9" * 4_000 + b"}"),
    "beyond floats": signed(SOUND, b'{"exp":1e999}'),
    "digits in a header": signed(b'{"alg":"ES256","kid":"k1","x":' + b"9" * 700, b"{}"),
    "alg twice": signed(b'{"alg":"ES256","alg":"ES256","kid":"k1"}', json.dumps(GOOD).encode()),
    "kid in a list": minted({**HEADER, "kid": ["k1"]}),
    "no UTF-8": signed(SOUND, b"\xff\xfe{}"),
    **{f"exp: {type(exp).__name__}": minted(claims={**GOOD, "exp": exp}) for exp in NO_TIMES},
}


@pytest.mark.parametrize("name", HURTFUL)
def test_what_is_made_to_hurt_is_malformed(name: str) -> None:
    assert type(outcome(HURTFUL[name])) is TokenMalformed


def stranger(token: str, number: int) -> str:
    """A token like another, of a key that does not exist."""
    head = {"alg": "ES256", "kid": f"no-such-key-{number}"}
    return ".".join([b64(json.dumps(head).encode()), *token.split(".")[1:]])


async def test_a_flood_of_kids_does_not_delay_who_is_known() -> None:
    async with (
        Emulator(signing_algorithm="ES256") as emulator,
        DescopeClient(
            emulator.project_id, emulator.management_key, base_url=emulator.base_url
        ) as client,
    ):
        created = await client.mgmt.access_key.create("k")
        seen, unseen = [await client.exchange_access_key(created.cleartext) for _ in range(2)]
        receiver = DescopeClient(emulator.project_id, base_url=emulator.base_url)
        blocking = descope_sync.DescopeClient(emulator.project_id, base_url=emulator.base_url)
        await receiver.validate_session(seen.jwt)
        await asyncio.to_thread(blocking.validate_session, seen.jwt)
        emulator.requests.clear()
        emulator.faults.add(Fault("delay", "key_set", seconds=3))
        flood = [
            asyncio.create_task(receiver.validate_session(stranger(seen.jwt, number)))
            for number in range(1_000)
        ]
        flood += [
            asyncio.create_task(
                asyncio.to_thread(blocking.validate_session, stranger(seen.jwt, number))
            )
            for number in range(3)
        ]
        while emulator.requests.count("key_set") < 2:  # noqa: ASYNC110 - another thread counts
            await asyncio.sleep(0.01)
        for token in (seen.jwt, unseen.jwt):
            with pytest.raises(StopIteration):  # it waits for nothing
                receiver.validate_session(token).send(None)
            blocking.validate_session(token)
        assert not any(task.done() for task in flood), "they wait for the keys"
        emulator.faults.clear()
        outcomes = await asyncio.gather(*flood, return_exceptions=True)
        assert {type(each) for each in outcomes} == {UnknownKey}
        assert emulator.requests.count("key_set") <= 2 * 3, "each client has three to begin with"
        await receiver.aclose()
        await asyncio.to_thread(blocking.close)
