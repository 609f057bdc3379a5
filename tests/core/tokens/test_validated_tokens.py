"""Tokens seen before are judged anew in everything but their signature."""

from __future__ import annotations

import asyncio
import gc
import json
import subprocess
import sys
import weakref
from collections.abc import AsyncIterator

import pytest
from attrs import evolve

from descope_async import (
    AudienceMismatch,
    DescopeClient,
    SessionToken,
    TokenError,
    TokenExpired,
    TokenNotYetValid,
    UnknownKey,
)
from descope_async._runtime.clock import Clock
from descope_async._tokens.signatures import load_key
from descope_async._tokens.validated_tokens import ValidatedToken, ValidatedTokens
from descope_async.emulator import Emulator


@pytest.fixture
async def emulator() -> AsyncIterator[Emulator]:
    async with Emulator() as running:
        yield running


@pytest.fixture
async def client(emulator: Emulator) -> AsyncIterator[DescopeClient]:
    async with DescopeClient(
        emulator.project_id, emulator.management_key, base_url=emulator.base_url
    ) as client:
        yield client


@pytest.fixture
async def session(client: DescopeClient) -> SessionToken:
    created = await client.mgmt.access_key.create("n")
    return await client.exchange_access_key(created.cleartext)


async def test_nothing_is_validated_without_keys(client: DescopeClient) -> None:
    created = await client.mgmt.access_key.create("n")
    async with DescopeClient(client.project_id, base_url=client.base_url) as receiver:
        token = (await client.exchange_access_key(created.cleartext)).jwt
        assert receiver.validate_session_nowait(token) is None
        await receiver.validate_session(token)
        assert receiver.validate_session_nowait(token) is not None


async def test_a_token_seen_before_is_the_same_session(
    client: DescopeClient, session: SessionToken
) -> None:
    first = client.validate_session_nowait(session.jwt)
    assert first is not None
    assert client.validate_session_nowait(session.jwt) is first
    assert await client.validate_session(session.jwt) is first


async def test_a_token_of_bytes_is_remembered_too(
    client: DescopeClient, session: SessionToken
) -> None:
    token, forged = session.jwt.encode(), b"a.b." + session.jwt.encode().split(b".")[2]
    first = client.validate_session_nowait(token)
    assert first is not None
    assert first.jwt == session.jwt
    assert client.validate_session_nowait(token) is first
    assert await client.validate_session(token) is first
    for other in (forged, forged.decode()):
        with pytest.raises(TokenError):
            client.validate_session_nowait(other)


def test_tokens_of_both_types_are_never_compared() -> None:
    """`python -bb` raises for that, where both have the same hash."""
    script = (
        "from descope_async import DescopeClient\n"
        "from descope_async.emulator.mint import TokenMint\n"
        "mint = TokenMint()\n"
        "client = DescopeClient(mint.project_id, public_key=mint.key_set)\n"
        "jwt = mint.token()\n"
        "for token in (jwt, jwt.encode(), jwt):\n"
        "    assert client.validate_session_nowait(token).jwt == jwt\n"
    )
    subprocess.run([sys.executable, "-bb", "-c", script], check=True, timeout=120)


async def test_its_audience_is_judged_each_time(
    client: DescopeClient, session: SessionToken
) -> None:
    for _ in range(2):
        assert client.validate_session_nowait(session.jwt) is not None
        with pytest.raises(AudienceMismatch):
            client.validate_session_nowait(session.jwt, "another-service")


async def test_another_token_with_its_signature_is_not_it(
    client: DescopeClient, session: SessionToken
) -> None:
    assert client.validate_session_nowait(session.jwt) is not None
    header, payload, signature = session.jwt.split(".")
    changed = payload.replace(payload[40], "A" if payload[40] != "A" else "B", 1)
    for forged in (f"{header}.{changed}.{signature}", signature[-43:], f"a.b.{signature}"):
        with pytest.raises(TokenError):
            client.validate_session_nowait(forged)
        with pytest.raises(TokenError):
            await client.validate_session(forged)
    assert client.validate_session_nowait(session.jwt) is not None


async def test_a_string_that_poses_as_another_is_not_remembered_as_it(
    client: DescopeClient, session: SessionToken
) -> None:
    class Posing(str):
        __slots__ = ()

        def __str__(self) -> str:
            return "another"

    found = client.validate_session_nowait(Posing(session.jwt))
    assert found is not None
    assert found.jwt == session.jwt
    with pytest.raises(TokenError):
        client.validate_session_nowait("another")


async def test_its_time_is_judged_each_time(
    client: DescopeClient, session: SessionToken, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert client.validate_session_nowait(session.jwt) is not None
    monkeypatch.setattr(Clock, "now", lambda _: session.expire_time + 6)
    with pytest.raises(TokenExpired):
        client.validate_session_nowait(session.jwt)
    with pytest.raises(TokenExpired):
        await client.validate_session(session.jwt)
    monkeypatch.setattr(Clock, "now", lambda _: session.claims["iat"] - 6)
    for _ in range(2):
        with pytest.raises(TokenNotYetValid):
            client.validate_session_nowait(session.jwt)
    monkeypatch.setattr(Clock, "now", lambda _: session.expire_time - 1)
    assert client.validate_session_nowait(session.jwt) is not None


async def test_a_withdrawn_key_takes_its_tokens_along(
    emulator: Emulator, client: DescopeClient, session: SessionToken
) -> None:
    assert client.validate_session_nowait(session.jwt) is not None
    await emulator.rotate_and_revoke_signing_keys()
    await client.refresh_key_set()
    assert client.validate_session_nowait(session.jwt) is None  # and so the keys are asked for
    with pytest.raises(UnknownKey):
        await client.validate_session(session.jwt)


@pytest.mark.parametrize("token", ["", "a.b.c", "x" * 20_000_000, "\ud800", None, 5, b"d.e.f"])
async def test_hostile_tokens_are_refused(client: DescopeClient, token: object) -> None:
    with pytest.raises(TokenError):
        client.validate_session_nowait(token)  # type: ignore[arg-type]  # the point of the test


async def test_threads_may_validate_at_once(client: DescopeClient, session: SessionToken) -> None:
    validate = client.validate_session_nowait
    calls = [asyncio.to_thread(lambda: [validate(session.jwt) for _ in range(200)]) for _ in "1234"]
    for found in await asyncio.gather(*calls):
        assert all(each is not None and each.key_id == session.key_id for each in found)


async def test_memory_is_bounded(client: DescopeClient, session: SessionToken) -> None:
    key_set = json.loads(client.export_key_set() or "")
    key = load_key(key_set["keys"][0])
    tokens = ValidatedTokens()

    def validated(jwt: str) -> ValidatedToken:
        return ValidatedToken(jwt, evolve(session, jwt=jwt), key, 0, 1, is_bound=False)

    kept = weakref.WeakSet[ValidatedToken]()
    always = validated("asked for all the time")
    tokens.remember(None, always)
    for number in range(10_000):
        other = validated(str(number))
        kept.add(other)
        tokens.remember(None, other)
        assert tokens.find("asked for all the time", None) is always
    del other
    gc.collect()
    assert 1_000 < len(kept) < 2_048
    assert tokens.find("0", None) is None
    assert tokens.find("9999", None) is not None
    assert tokens.find("9999", frozenset({"another"})) is None
