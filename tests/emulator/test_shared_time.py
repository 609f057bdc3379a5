"""A client and an emulator that go by one clock."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from descope_async import DescopeClient, TokenExpired, TokenSource, UnknownKey
from descope_async.emulator import Emulator
from descope_async.testing import EmulatorClock

HOUR = 3600


@pytest.fixture
async def emulator() -> AsyncIterator[Emulator]:
    async with Emulator(signing_algorithm="ES256") as emulator:
        emulator.clock.freeze()
        yield emulator


@pytest.fixture
async def client(emulator: Emulator) -> AsyncIterator[DescopeClient]:
    async with DescopeClient(
        emulator.project_id,
        emulator.management_key,
        base_url=emulator.base_url,
        clock=EmulatorClock(emulator.clock),
    ) as client:
        yield client


async def source_of(client: DescopeClient) -> TokenSource:
    return client.token_source((await client.mgmt.access_key.create("k")).cleartext)


async def refused(client: DescopeClient, token: str) -> None:
    """Return once the token's key is known to be gone, which is found out in the background."""
    async with asyncio.timeout(30):
        while True:
            try:
                await client.validate_session(token)
            except UnknownKey:
                return
            await asyncio.sleep(0.01)


async def test_tokens_end_for_both_at_once(emulator: Emulator, client: DescopeClient) -> None:
    created = await client.mgmt.access_key.create("k")
    session = await client.exchange_access_key(created.cleartext)
    emulator.clock.advance(604)
    await client.validate_session(session.jwt)
    emulator.clock.advance(2)
    with pytest.raises(TokenExpired):
        await client.validate_session(session.jwt)


async def test_a_month_of_daily_rotations_goes_unnoticed(
    emulator: Emulator, client: DescopeClient
) -> None:
    await emulator.set_token_lifetime(4 * HOUR)
    source = await source_of(client)
    kids: set[object] = set()
    for _ in range(31 * 24 // 2):
        emulator.clock.advance(2 * HOUR)
        session = await client.validate_session(await source.token())
        assert session.claims["exp"] > emulator.clock.now()
        kids.add(session.jwt.partition(".")[0])
    assert len(kids) in {31, 32}, "a key for each day"
    assert emulator.requests.count("exchange") <= 31 * 24 // 2
    assert emulator.requests.count("exchange", status=200) == emulator.requests.count("exchange")


async def test_a_revoked_key_is_noticed_when_the_key_set_is_renewed(
    emulator: Emulator, client: DescopeClient
) -> None:
    await emulator.set_token_lifetime(24 * HOUR)
    await emulator.set_cache_control("max-age=3600")
    token = await (await source_of(client)).token()
    await client.validate_session(token)
    assert emulator.requests.count("key_set") == 1
    await emulator.rotate_and_revoke_signing_keys()
    emulator.clock.advance(0.9 * HOUR - 1)
    await client.validate_session(token)
    assert emulator.requests.count("key_set") == 1, "the key set may be kept for an hour"
    emulator.clock.advance(0.2 * HOUR + 2)
    await refused(client, token)
    assert emulator.requests.count("key_set") == 3, "the renewal, and a search for the lost key"


async def test_wrong_kids_cost_a_handful_of_fetches(
    emulator: Emulator, client: DescopeClient
) -> None:
    created = await client.mgmt.access_key.create("k")
    good = await client.exchange_access_key(created.cleartext)
    await emulator.set_wrong_kid(True)
    emulator.requests.clear()
    for _ in range(30):
        with pytest.raises(UnknownKey):
            await client.exchange_access_key(created.cleartext)
    assert emulator.requests.count("exchange") == 30
    assert emulator.requests.count("key_set") == 3
    assert await client.validate_session(good.jwt) == good


async def test_a_signer_whose_clock_is_late_is_noticed(
    emulator: Emulator, client: DescopeClient
) -> None:
    emulator.clock.skew_tokens(-3600)
    created = await client.mgmt.access_key.create("k")
    with pytest.raises(TokenExpired):
        await client.exchange_access_key(created.cleartext)
    assert await client.token_source(created.cleartext).token(), "goes by the lifetime"
