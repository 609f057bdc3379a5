from __future__ import annotations

import asyncio
import logging
import string
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from types import FrameType
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from attrs import define, field
from hypothesis import given
from hypothesis import strategies as st

from descope_async import (
    ClientClosed,
    DescopeClient,
    InvalidArgument,
    RateLimited,
    SessionToken,
    UnverifiedKey,
    VerifiedKey,
    preload,
)
from descope_async.emulator import Emulator
from tests.presenting import junk, until
from tests.quick_time import VirtualTime


@define
class Front:
    """A server in front of a local Descope, which counts exchanges and can spoil them.

    Attributes:
        base_url: Where it is.
        exchanges: How many were asked for.
        spoil: Answers exchanges instead; None when all is well.
        host: What to tell the local Descope that it was called; None for what the client said.
    """

    base_url: str = ""
    exchanges: int = 0
    spoil: Callable[[web.Request], Awaitable[web.StreamResponse]] | None = None
    host: str | None = None
    hold: asyncio.Event = field(factory=asyncio.Event)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        if request.path == "/v1/auth/accesskey/exchange":
            self.exchanges += 1
            await self.hold.wait()
            if self.spoil is not None:
                return await self.spoil(request)
        headers = dict(request.headers) | ({"Host": self.host} if self.host else {})
        async with request.app[SESSION].request(
            request.method, request.app[BEHIND] + request.path_qs,
            headers=headers, data=await request.read(),
        ) as answered:  # fmt: skip
            return web.Response(
                status=answered.status,
                body=await answered.read(),
                content_type=answered.content_type,
            )


SESSION = web.AppKey("SESSION", aiohttp.ClientSession)
BEHIND = web.AppKey("BEHIND", str)


@asynccontextmanager
async def fronted(emulator: Emulator) -> AsyncIterator[Front]:
    front, app = Front(), web.Application()
    front.hold.set()
    app.router.add_route("*", "/{path:.*}", front.answer)
    runner = web.AppRunner(app, shutdown_timeout=1)
    async with aiohttp.ClientSession(skip_auto_headers=["Content-Type"]) as app[SESSION]:
        app[BEHIND] = emulator.base_url
        await runner.setup()
        try:
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            front.base_url = f"http://127.0.0.1:{runner.addresses[0][1]}"
            yield front
        finally:
            front.hold.set()
            await runner.cleanup()


@define
class World:
    """A local Descope, what stands in front of it, a client, and its time."""

    emulator: Emulator
    front: Front
    client: DescopeClient
    clock: VirtualTime

    async def key(self, **settings: Any) -> tuple[str, str]:
        """The id and the secret of a new access key."""
        created = await self.client.mgmt.access_key.create("n", **settings)
        return created.key.id, created.cleartext


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with (
        Emulator(token_lifetime=600) as emulator,
        fronted(emulator) as front,
        DescopeClient(
            emulator.project_id,
            emulator.management_key,
            base_url=front.base_url,
            timeouts={"exchange": 60, "keys": 60},
            retries={"attempts": 1},  # so that every exchange is the verifier's own
            clock=(clock := VirtualTime(emulator.clock)),
        ) as client,
    ):
        yield World(emulator, front, client, clock)


async def unavailable(_: web.Request) -> web.StreamResponse:
    return web.Response(status=503)


async def test_a_good_key_is_exchanged_once_and_says_what_it_may_do(world: World) -> None:
    await world.emulator.create_role("Reader", ["read"])
    key_id, key = await world.key(role_names=["Reader"])
    verifier = world.client.access_key_verifier()
    assert verifier.verify_nowait(key) is None
    result = await verifier.verify(key)
    assert (result.reason, result.http_status, result.is_stale) == ("valid", 200, False)
    assert result
    assert result.session is not None
    assert result.session.key_id == key_id
    assert result.session.validate_permissions(["read"])
    assert await verifier.verify(key) is verifier.verify_nowait(key) is not None
    assert world.front.exchanges == 1


@pytest.mark.parametrize(
    "key",
    [None, 5, b"K" * 30, ["K" * 30], "", "K" * 19, "K" * 513]
    + [f"{'K' * 20}{end}" for end in (":x", "\n", " ", "é", "\0", "\ud800")],
)
async def test_what_cannot_be_a_key_is_not_sent(world: World, key: Any) -> None:
    verifier = world.client.access_key_verifier()
    result = await verifier.verify(key)
    assert (result.reason, result.http_status, result.session) == ("malformed", 401, None)
    assert not result
    assert verifier.verify_nowait(key) == result
    assert world.front.exchanges == 0


VISIBLE = set(string.ascii_letters + string.digits + string.punctuation) - {":"}


@given(
    st.text(max_size=40)
    | st.text(st.characters(min_codepoint=32, max_codepoint=127), min_size=18, max_size=30)
    | st.integers(0, 600).map("k".__mul__)
)
def test_exactly_visible_ascii_of_the_right_length_can_be_a_key(key: str) -> None:
    verifier = DescopeClient("P1").access_key_verifier()
    can_be = 20 <= len(key) <= 512 and set(key) <= VISIBLE
    assert (verifier.verify_nowait(key) is None) == can_be


async def test_a_refused_key_is_not_asked_about_again_too_soon(world: World) -> None:
    verifier = world.client.access_key_verifier()
    result = await verifier.verify(junk(1))
    assert (result.reason, result.http_status) == ("refused", 401)
    assert (result.error_code, result.retry_after) == ("E111119", None)
    assert "E111119" in str(result.detail)
    world.clock.at = 4.9
    assert await verifier.verify(junk(1)) == verifier.verify_nowait(junk(1)) == result
    assert world.front.exchanges == 1
    world.clock.at = 5
    assert verifier.verify_nowait(junk(1)) is None
    assert await verifier.verify(junk(1)) == result
    assert world.front.exchanges == 2


@pytest.mark.parametrize("how", ["deactivated", "deleted", "expired", "rotated"])
async def test_every_way_in_which_a_key_ends(world: World, how: str) -> None:
    keys = world.client.mgmt.access_key
    expires = int(world.clock.now()) + 3
    key_id, key = await world.key(expire_time=expires if how == "expired" else 0)
    verifier = world.client.access_key_verifier(usable_for=10)
    assert await verifier.verify(key)
    if how == "deactivated":
        await keys.deactivate(key_id)
    elif how == "deleted":
        await keys.delete(key_id)
    elif how == "rotated":
        await keys.rotate(key_id)
    world.clock.at = 10
    assert (await verifier.verify(key)).reason == "refused"


async def test_a_good_key_that_may_not_act_here_is_forbidden(world: World) -> None:
    await world.emulator.create_tenant("t1")
    _, key = await world.key()
    in_tenant = world.client.access_key_verifier(login_options={"selected_tenant": "t1"})
    result = await in_tenant.verify(key)
    assert (result.reason, result.http_status, bool(result)) == ("forbidden", 403, False)
    result = await world.client.access_key_verifier(audience="elsewhere").verify(key)
    assert (result.reason, result.session, result.error_code) == ("forbidden", None, None)
    assert "audience" in str(result.detail)


async def test_login_options_are_those_of_the_start(world: World) -> None:
    await world.emulator.create_tenant("t1")
    _, key = await world.key(key_tenants=[{"tenant_id": "t1"}])
    claims = {"a": [1]}
    verifier = world.client.access_key_verifier(
        login_options={"selected_tenant": "t1", "custom_claims": claims}
    )
    claims["a"].append(2)
    session = (await verifier.verify(key)).session
    assert session is not None
    assert session.current_tenant == "t1"
    assert session.client_claims == {"a": (1,)}


async def test_ten_thousand_at_once_cause_one_exchange(world: World) -> None:
    _, key = await world.key()
    verifier = world.client.access_key_verifier()
    results = await asyncio.gather(*(verifier.verify(key) for _ in range(10_000)))
    assert all(results)
    assert world.front.exchanges == 1


async def test_a_revoked_key_is_noticed_when_its_answer_is_no_longer_fresh(world: World) -> None:
    key_id, key = await world.key()
    verifier = world.client.access_key_verifier()
    assert await verifier.verify(key)
    await world.client.mgmt.access_key.deactivate(key_id)
    world.clock.at = 9.9
    assert (await verifier.verify(key)).is_stale is False
    assert world.front.exchanges == 1
    world.clock.at = 10
    stale = await verifier.verify(key)
    assert (stale.reason, stale.is_stale) == ("valid", True)
    await until(lambda: verifier.verify_nowait(key) is not None)
    assert (await verifier.verify(key)).reason == "refused"
    assert world.front.exchanges == 2
    world.clock.at = 16
    assert (await verifier.verify(key)).reason == "refused"


async def test_while_it_is_asked_again_nobody_waits(world: World) -> None:
    _, key = await world.key()
    verifier = world.client.access_key_verifier()
    assert await verifier.verify(key)
    world.front.hold.clear()
    for seconds in (10, 35, 59.9):
        world.clock.at = seconds
        assert verifier.verify_nowait(key) is None
        results = await asyncio.gather(*(verifier.verify(key) for _ in range(100)))
        assert {(result.reason, result.is_stale) for result in results} == {("valid", True)}
    await until(lambda: world.front.exchanges == 2)
    world.clock.at = 60
    waiting = asyncio.create_task(verifier.verify(key))
    await asyncio.sleep(0.1)
    assert not waiting.done()
    world.front.hold.set()
    assert (await waiting).is_stale is False
    assert world.front.exchanges == 2


async def test_no_answer_outlives_its_token(world: World) -> None:
    _, key = await world.key()
    verifier = world.client.access_key_verifier(fresh_for=3600, usable_for=3600)
    first = await verifier.verify(key)
    assert first.session is not None
    world.clock.at = first.session.expire_time - world.clock.now() - 2
    assert await verifier.verify(key) is first
    world.clock.at += 3
    assert verifier.verify_nowait(key) is None
    await verifier.verify(key)
    assert world.front.exchanges == 2


@pytest.mark.parametrize("how", ["answers 503", "is gone"])
async def test_an_outage(world: World, caplog: pytest.LogCaptureFixture, how: str) -> None:
    async def cut(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    _, key = await world.key()
    _, cold = await world.key()
    verifier = world.client.access_key_verifier()
    assert await verifier.verify(key)
    world.front.spoil = unavailable if how == "answers 503" else cut
    for seconds in range(10, 60):
        world.clock.at = seconds
        results = [await verifier.verify(key) for _ in range(5)]
        assert {(result.reason, result.is_stale) for result in results} == {("valid", True)}
        while not (verifier.verify_nowait(key) or UnverifiedKey("refused")).is_stale:
            await asyncio.sleep(0.005)
            await verifier.verify(key)  # asks if the last question was still landing
    asked = world.front.exchanges
    assert asked in {51, 52}  # once a second, and again where a kept connection broke
    result = await verifier.verify(cold)
    assert (result.reason, result.http_status, result.retry_after) == ("unavailable", 503, 1)
    assert await verifier.verify(cold) == verifier.verify_nowait(cold) == result
    assert world.front.exchanges == asked + 1
    world.clock.at = 60
    result = await verifier.verify(key)
    assert (result.reason, result.session, bool(result)) == ("unavailable", None, False)
    assert result.detail
    assert [
        entry.levelno for entry in caplog.records if "cannot be checked" in entry.getMessage()
    ] == [logging.WARNING]
    world.front.spoil = None
    world.clock.at = 61
    assert (await verifier.verify(key)).reason == (await verifier.verify(cold)).reason == "valid"
    assert await verifier.verify(key)


async def test_what_outlasts_the_usable_time_does_not_serve(world: World) -> None:
    _, key = await world.key()
    verifier = world.client.access_key_verifier()
    assert await verifier.verify(key)
    world.front.spoil = unavailable
    world.front.hold.clear()
    world.clock.at = 59
    assert await verifier.verify(key)  # asks, and gets no answer for now
    world.clock.at = 61
    waiting = asyncio.create_task(verifier.verify(key))
    await until(lambda: world.front.exchanges == 2)
    world.front.hold.set()
    assert (await waiting).reason == "unavailable"


async def test_a_rate_limit_of_the_service_silences_the_client(world: World) -> None:
    async def limit(_: web.Request) -> web.StreamResponse:
        return web.Response(status=429, headers={"Retry-After": "300"})

    _, warm = await world.key()
    _, cold = await world.key()
    verifier = world.client.access_key_verifier()
    assert await verifier.verify(warm)
    world.front.spoil = limit
    result = await verifier.verify(cold)
    assert (result.reason, result.http_status, result.retry_after) == ("unavailable", 503, 300)
    world.front.spoil = None
    with pytest.raises(RateLimited):
        await world.client.token_source(cold).token()
    world.clock.at = 20
    for key in (cold, junk(1)):
        result = await verifier.verify(key)
        assert (result.reason, result.retry_after) == ("unavailable", 280)
    assert (await verifier.verify(warm)).is_stale
    await until(lambda: verifier.verify_nowait(warm) is not None)  # asked in vain
    assert world.front.exchanges == 2
    world.clock.at = 300
    assert await verifier.verify(cold)
    assert world.front.exchanges == 3


async def test_a_flood_of_junk_neither_spends_the_budget_nor_delays_who_is_known(
    world: World,
) -> None:
    _, key = await world.key()
    verifier = world.client.access_key_verifier()
    assert await verifier.verify(key)
    world.front.hold.clear()
    flood = [asyncio.create_task(verifier.verify(junk(number))) for number in range(1_000)]
    await until(lambda: sum(task.done() for task in flood) == 901)  # the key was the first of 100
    assert await verifier.verify(key)
    world.clock.at = 0.01
    assert await verifier.verify(key)
    limited = [task.result() for task in flood if task.done()]
    assert {(result.reason, result.http_status) for result in limited} == {("rate_limited", 429)}
    assert all(result.retry_after == pytest.approx(0.02) for result in limited)
    world.front.hold.set()
    reasons = [result.reason for result in await asyncio.gather(*flood)]
    assert reasons.count("refused") == 99
    assert world.front.exchanges == 100
    assert (await verifier.verify(junk(5_000))).reason == "rate_limited"
    world.clock.at = 1
    results = await asyncio.gather(*(verifier.verify(junk(n)) for n in range(2_000, 2_100)))
    assert [result.reason for result in results].count("refused") == 50
    # Nor is a key held up that was good once, however long ago.
    world.clock.at = 120
    results = await asyncio.gather(*(verifier.verify(junk(n)) for n in range(3_000, 3_200)))
    assert [result.reason for result in results].count("rate_limited") == 100
    result = await verifier.verify(key)
    assert (result.reason, result.is_stale) == ("valid", False)


async def test_a_token_that_does_not_pass_is_not_the_callers_fault(world: World) -> None:
    _, key = await world.key()
    world.front.host = "localhost"
    result = await world.client.access_key_verifier().verify(key)
    assert (result.reason, result.http_status) == ("unavailable", 503)
    assert "issuer" in str(result.detail)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"fresh_for": -1}, "fresh_for must be from 0 to 3600 seconds"),
        ({"fresh_for": "5"}, "fresh_for"),
        ({"fresh_for": True}, "fresh_for"),
        ({"fresh_for": float("nan")}, "fresh_for"),
        ({"usable_for": 9}, "usable_for must be from 10 to 3600 seconds"),
        ({"fresh_for": 100}, "usable_for must be from 100 to 3600 seconds"),
        ({"refused_for": 301}, "refused_for"),
        ({"refused_for": None}, "refused_for"),
        ({"audience": 5}, "audience"),
        ({"audience": []}, "audience"),
        ({"login_options": 5}, "login_options"),
        ({"login_options": {"custom_claims": {"a": object()}}}, "custom_claims"),
    ],
)
def test_settings_that_cannot_be_right(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidArgument, match=said):
        DescopeClient("P1").access_key_verifier(**settings)


async def test_with_nothing_to_be_remembered_every_call_asks(world: World) -> None:
    _, key = await world.key()
    verifier = world.client.access_key_verifier(fresh_for=0, usable_for=0, refused_for=0)
    for _ in range(3):
        assert (await verifier.verify(key)).reason == "valid"
        assert (await verifier.verify(junk(1))).reason == "refused"
        assert verifier.verify_nowait(key) is None
    assert world.front.exchanges == 6


def test_a_client_that_another_thread_closes_meanwhile_makes_no_verifier() -> None:
    preload()
    client = DescopeClient("P1", base_url="http://127.0.0.1:1")

    def trace(frame: FrameType, event: str, _: object) -> Any:
        if frame.f_code.co_name != "exchanging":  # where what verifiers share is made
            return None
        if event == "return":
            sys.settrace(None)
            closing = threading.Thread(target=lambda: asyncio.run(client.aclose()))
            closing.start()
            closing.join()
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        for _ in range(2):
            with pytest.raises(ClientClosed):
                client.access_key_verifier()
    finally:
        sys.settrace(before)


async def test_closing_the_client_ends_its_verifiers(world: World) -> None:
    _, key = await world.key()
    verifier = world.client.access_key_verifier()
    assert await verifier.verify(key)
    world.front.hold.clear()
    waiting = asyncio.create_task(verifier.verify(junk(1)))
    await until(lambda: world.front.exchanges == 2)
    await world.client.aclose()
    for ended in (waiting, verifier.verify(key), verifier.verify(None)):
        with pytest.raises(ClientClosed):
            await ended
    with pytest.raises(ClientClosed):
        verifier.verify_nowait(key)
    with pytest.raises(ClientClosed):
        world.client.access_key_verifier()
    await until(lambda: not [t for t in asyncio.all_tasks() if "_carry_out" in repr(t)])


def test_a_result_hides_the_token() -> None:
    session = SessionToken(jwt="the.secret.jwt", key_id="K1", project_id="P1", expire_time=5)
    assert "secret" not in repr(VerifiedKey(session))
