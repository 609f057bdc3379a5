"""Tokens and key sets as the emulator's clock and its other controls have them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jose import jwt

from descope_async.emulator import Emulator, EmulatorError

Answer = tuple[int, dict[str, Any]]
Ask = Callable[..., Awaitable[Answer]]
Do = Callable[..., Awaitable[dict[str, Any]]]
Create = Callable[..., Awaitable[tuple[dict[str, Any], str]]]
Claims = Callable[..., Awaitable[dict[str, Any]]]

DAY = 86_400


async def kids(emulator: Emulator, project_id: str | None = None) -> list[str]:
    """What the project publishes, the oldest first."""
    async with (
        aiohttp.ClientSession(emulator.base_url) as session,
        session.get(f"/v2/keys/{project_id or emulator.project_id}") as response,
    ):
        assert response.status == 200
        return [key["kid"] for key in (await response.json())["keys"]]


async def test_keys_and_tokens_go_by_the_clock(
    emulator: Emulator, create: Create, exchange: Ask, load: Do
) -> None:
    emulator.clock.freeze()
    emulator.clock.advance(10**6)
    now = emulator.clock.stamp()
    key, cleartext = await create(expireTime=now + 100)
    assert key["createdTime"] == now
    status, answer = await exchange(cleartext)
    assert status == 200
    claims = jwt.get_unverified_claims(answer["sessionJwt"])
    assert (claims["iat"], claims["exp"], answer["expiration"]) == (now, now + 600, now + 600)
    emulator.clock.advance(99)
    assert (await exchange(cleartext))[0] == 200
    emulator.clock.advance(1)
    status, answer = await exchange(cleartext)
    assert (status, answer["errorMessage"]) == (401, "The access key has expired")
    await load(key["id"])


@pytest.mark.parametrize("skew", [-3600, 45])
async def test_a_skew_concerns_tokens_only(
    emulator: Emulator, create: Create, exchange: Ask, skew: int
) -> None:
    emulator.clock.freeze()
    now = emulator.clock.stamp()
    emulator.clock.skew_tokens(skew)
    key, cleartext = await create(expireTime=now + 1)
    assert key["createdTime"] == now
    status, answer = await exchange(cleartext)
    assert status == 200, "the key's expiry is not skewed"
    claims = jwt.get_unverified_claims(answer["sessionJwt"])
    assert claims["iat"] == now + skew
    assert claims["exp"] == answer["expiration"] == now + skew + 600
    emulator.clock.advance(1)
    assert (await exchange(cleartext))[0] == 401


async def test_each_project_has_its_token_lifetime(
    emulator: Emulator, create: Create, claims: Claims, ask: Ask
) -> None:
    other = await emulator.create_project()
    await emulator.set_token_lifetime(180)
    await emulator.set_token_lifetime(1, project_id=other.project_id)
    _, cleartext = await create()
    found = await claims(cleartext)
    assert found["exp"] - found["iat"] == 180
    credentials = f"{other.project_id}:{other.management_key}"
    _, made = await ask("POST", "/v1/mgmt/accesskey/create", credentials, json={"name": "k"})
    credentials = f"{other.project_id}:{made['cleartext']}"
    _, answer = await ask("POST", "/v1/auth/accesskey/exchange", credentials)
    found = jwt.get_unverified_claims(answer["sessionJwt"])
    assert found["exp"] - found["iat"] == 1
    await emulator.set_token_lifetime(None)
    found = await claims(cleartext)
    assert found["exp"] - found["iat"] == 600


@pytest.mark.parametrize(
    "seconds",
    [
        0,
        -1,
        2_419_201,
        10**400,
        pytest.param(10**5000, id="huge"),
        True,
        False,
        1.5,
        600.0,
        float("nan"),
        "600",
        b"",
        [],
    ],
)
async def test_lifetimes_that_make_no_sense(
    emulator: Emulator, create: Create, claims: Claims, seconds: Any
) -> None:
    with pytest.raises(EmulatorError, match="1 second to 4 weeks"):
        await emulator.set_token_lifetime(seconds)
    _, cleartext = await create()
    found = await claims(cleartext)
    assert found["exp"] - found["iat"] == 600


async def test_a_rotated_key_stays_published(
    emulator: Emulator, create: Create, exchange: Ask, ask: Ask
) -> None:
    _, cleartext = await create()
    _, before = await exchange(cleartext)
    (first,) = await kids(emulator)
    await emulator.rotate_signing_keys()
    assert (await kids(emulator))[0] == first
    _, after = await exchange(cleartext)
    _, key_set = await ask("GET", f"/v2/keys/{emulator.project_id}")
    for answer in (before, after):
        jwt.decode(answer["sessionJwt"], key_set, algorithms=["RS256"])
    named = [jwt.get_unverified_header(each["sessionJwt"])["kid"] for each in (before, after)]
    assert named == await kids(emulator)


async def test_a_key_is_gone_after_twelve_rotations() -> None:
    async with Emulator(signing_algorithm="ES256") as emulator:
        seen = await kids(emulator)
        for _ in range(13):
            await emulator.rotate_signing_keys()
            published = await kids(emulator)
            seen.append(published[-1])
            assert published == seen[-12:]
        assert len(set(seen)) == 14


async def test_revoking_leaves_one_new_key(emulator: Emulator, create: Create, claims: Ask) -> None:
    _, cleartext = await create()
    await emulator.rotate_signing_keys()
    before = await kids(emulator)
    await emulator.rotate_and_revoke_signing_keys()
    (kid,) = await kids(emulator)
    assert kid not in before
    assert await claims(cleartext), "signed by the new key"


async def test_projects_rotate_apart(emulator: Emulator) -> None:
    other = await emulator.create_project()
    ours, theirs = await kids(emulator), await kids(emulator, other.project_id)
    await emulator.rotate_and_revoke_signing_keys(project_id=other.project_id)
    assert await kids(emulator) == ours
    assert await kids(emulator, other.project_id) != theirs


async def test_keys_rotate_daily() -> None:
    async with Emulator(signing_algorithm="ES256") as emulator:
        emulator.clock.freeze()
        first = await kids(emulator)
        emulator.clock.advance(DAY - 2)  # it may have been made a second ago
        assert await kids(emulator) == first
        emulator.clock.advance(2)
        second = await kids(emulator)
        assert second[:1] == first
        assert len(second) == 2
        assert await kids(emulator) == second


async def test_missed_rotations_are_made_up_for() -> None:
    async with Emulator(signing_algorithm="ES256", key_rotation=100) as emulator:
        emulator.clock.freeze()
        await emulator.rotate_and_revoke_signing_keys()  # made now, and so due in 100 seconds
        emulator.clock.advance(100)
        two = await kids(emulator)
        assert len(two) == 2
        emulator.clock.advance(1050)
        three = await kids(emulator)
        assert three[:-1] == two, "ten rotations were missed, two older keys are left"
        emulator.clock.advance(50)  # in step with those that were missed
        four = await kids(emulator)
        assert four[:-1] == three[1:], "the first key has seen its twelfth rotation"
        emulator.clock.advance(1200)
        (last,) = await kids(emulator)
        assert last not in four


async def test_keys_need_not_rotate() -> None:
    async with Emulator(key_rotation=0) as emulator:
        first = await kids(emulator)
        emulator.clock.advance(400 * DAY)
        assert await kids(emulator) == first


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps=st.lists(st.integers(0, 1500) | st.just("rotate"), max_size=8))
async def test_key_sets_change_as_the_service_would_change_them(steps: list[Any]) -> None:
    async with Emulator(signing_algorithm="ES256", key_rotation=100) as emulator:
        emulator.clock.freeze()
        await emulator.rotate_and_revoke_signing_keys()
        made_at = emulator.clock.stamp()
        previous, rotations = await kids(emulator), 0
        history = [(kid, 0) for kid in previous]
        for step in steps:
            if step == "rotate":
                rotations += 1
                await emulator.rotate_signing_keys()
                made_at = emulator.clock.stamp()
            else:
                emulator.clock.advance(step)
                due = (emulator.clock.stamp() - made_at) // 100
                rotations += due
                made_at += due * 100
            published = await kids(emulator)
            history += [(kid, rotations) for kid in published if kid not in dict(history)]
            assert published == [kid for kid, number in history if rotations - number < 12]
            assert history[-1][1] == rotations, "the newest key is of the newest rotation"


async def test_a_wrong_kid_is_published_nowhere(
    emulator: Emulator, create: Create, exchange: Ask
) -> None:
    other = await emulator.create_project()
    _, cleartext = await create()
    await emulator.set_wrong_kid(True)
    named: list[str] = []
    for _ in range(3):
        _, answer = await exchange(cleartext)
        named.append(jwt.get_unverified_header(answer["sessionJwt"])["kid"])
    assert len(set(named)) == 3
    assert set(named).isdisjoint(await kids(emulator))
    await emulator.set_wrong_kid(False)
    _, answer = await exchange(cleartext)
    assert jwt.get_unverified_header(answer["sessionJwt"])["kid"] in await kids(emulator)
    await emulator.set_wrong_kid(True, project_id=other.project_id)
    _, answer = await exchange(cleartext)
    assert jwt.get_unverified_header(answer["sessionJwt"])["kid"] in await kids(emulator)


async def test_key_sets_may_be_kept_as_told(
    emulator: Emulator, http: aiohttp.ClientSession
) -> None:
    async def shown(path: str) -> str | None:
        async with http.get(path) as response:
            return response.headers.get("Cache-Control")

    path = f"/v2/keys/{emulator.project_id}"
    assert await shown(path) is None
    await emulator.set_cache_control("max-age=77")
    assert await shown(path) == "max-age=77"
    assert await shown("/v2/keys/P404") is None
    assert await shown("/v1/mgmt/license") is None
    await emulator.set_cache_control("")
    assert await shown(path) is None


async def test_controls_that_make_no_sense(emulator: Emulator) -> None:
    wrong: Any = emulator
    calls: list[Callable[[], Awaitable[Any]]] = [
        lambda: wrong.rotate_signing_keys(project_id="P404"),
        lambda: wrong.rotate_signing_keys(project_id=""),
        lambda: wrong.rotate_and_revoke_signing_keys(project_id=5),
        lambda: wrong.set_token_lifetime(60, project_id="P404"),
        lambda: wrong.set_wrong_kid(1),
        lambda: wrong.set_wrong_kid(None),
        lambda: wrong.set_wrong_kid(True, project_id="P404"),
        lambda: wrong.set_cache_control(None),
        lambda: wrong.set_cache_control(60),
        lambda: wrong.set_cache_control("a\r\nb: c"),
        lambda: wrong.set_cache_control("a\n"),
        lambda: wrong.set_cache_control("é"),
        lambda: wrong.set_cache_control("x" * 201),
    ]
    before = await kids(emulator)
    for call in calls:
        with pytest.raises(EmulatorError):
            await call()
    assert await kids(emulator) == before


async def test_controls_need_it_running() -> None:
    emulator = Emulator()
    emulator.clock.freeze()
    assert emulator.requests.count() == 0
    calls: list[Callable[[], Awaitable[Any]]] = [
        emulator.rotate_signing_keys,
        emulator.rotate_and_revoke_signing_keys,
        emulator.reset,
        lambda: emulator.set_token_lifetime(60),
        lambda: emulator.set_wrong_kid(True),
        lambda: emulator.set_cache_control(""),
    ]
    for call in calls:
        with pytest.raises(EmulatorError, match="start it first"):
            await call()


async def test_a_reset_undoes_what_was_steered_and_keeps_what_is_held(
    emulator: Emulator, create: Create, claims: Claims, http: aiohttp.ClientSession
) -> None:
    _, cleartext = await create()
    emulator.clock.freeze()
    emulator.clock.advance(10**8)
    emulator.clock.skew_tokens(10)
    await emulator.set_token_lifetime(60)
    await emulator.rotate_signing_keys()
    await emulator.set_wrong_kid(True)
    await emulator.set_cache_control("no-store")
    held, published = await emulator.snapshot(), await kids(emulator)
    await emulator.reset()
    assert emulator.requests.count() == 0
    assert await emulator.snapshot() == held
    assert emulator.clock.rate == 1
    found = await claims(cleartext)
    assert found["exp"] - found["iat"] == 600
    assert abs(found["iat"] - emulator.clock.now()) < 20
    assert (await kids(emulator)) == published
    async with http.get(f"/v2/keys/{emulator.project_id}") as response:
        assert "Cache-Control" not in response.headers


async def test_lifetimes_and_signing_keys_outlive_a_restart(tmp_path: Path) -> None:
    data = tmp_path / "emulator.db"
    published: list[list[str]] = []
    for _ in range(3):
        async with Emulator(data=data, signing_algorithm="ES256") as emulator:
            if not published:
                await emulator.set_token_lifetime(61)
            published.append(await kids(emulator))
            await emulator.rotate_signing_keys()
            assert len(await kids(emulator)) == len(published[-1]) + 1
            async with aiohttp.ClientSession(emulator.base_url) as session:
                headers = {
                    "Authorization": f"Bearer {emulator.project_id}:{emulator.management_key}"
                }
                path = "/v1/mgmt/accesskey/create"
                async with session.post(path, json={"name": "k"}, headers=headers) as response:
                    cleartext = (await response.json())["cleartext"]
                headers = {"Authorization": f"Bearer {emulator.project_id}:{cleartext}"}
                path = "/v1/auth/accesskey/exchange"
                async with session.post(path, headers=headers) as response:
                    token = (await response.json())["sessionJwt"]
            found = jwt.get_unverified_claims(token)
            assert found["exp"] - found["iat"] == 61
    for before, after in pairwise(published):
        assert after[: len(before)] == before
        assert len(after) == len(before) + 1
    async with Emulator(data=data, signing_algorithm="ES256") as emulator:
        await emulator.rotate_and_revoke_signing_keys()
        (only,) = await kids(emulator)
    async with Emulator(data=data, signing_algorithm="ES256") as emulator:
        assert await kids(emulator) == [only], "revoked keys stay away"
