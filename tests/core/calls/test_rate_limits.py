"""Rate limits: waits that were asked for, the gate that they close, and the quota of repeats."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from descope_async import (
    RateLimited,
    Retries,
    ServerError,
)
from descope_async._calls.messages import Request
from descope_async._calls.repeats import Repeats
from tests.core.calls.badly_served import ALL, KEY, REPEATABLE, client_of, requests, status, well
from tests.quick_time import VirtualTime
from tests.servers import Servers

REQUEST = Request(operation="test", method="GET", path="/", deadline=60)


@pytest.mark.parametrize(
    ("headers", "asked"),
    [
        (["Retry-After: 7"], 7),
        (["Retry-After: 1.5"], 1.5),
        (["Retry-After: 0"], 0),
        (
            [
                "Date: Wed, 21 Oct 2015 07:28:00 GMT",
                "Retry-After: Wed, 21 Oct 2015 07:28:30 GMT",
            ],
            30,
        ),
    ],
)
async def test_a_wait_that_was_asked_for_is_kept(
    servers: type[Servers], headers: list[str], asked: float
) -> None:
    for operation, (call, answer) in ALL.items():
        if operation == "key_set":
            continue  # a fetch of keys has five seconds, which is less than most of these waits
        if operation == "exchange" and asked > 13:
            continue
        limited = status("429 Slow", *headers)
        async with client_of(servers, limited, well(answer)) as (client, server, clock):
            await call(client)
            assert requests(server) == 2
            (slept,) = clock.slept
            assert asked <= slept <= max(1, asked * 1.1)


@pytest.mark.parametrize(
    ("headers", "asked"),
    [
        (["Retry-After: 61"], 61),
        (["Retry-After: 100000"], 86_400),
        ([], 60),
        (["Retry-After: tomorrow"], 60),
        (["Retry-After: nan"], 60),
    ],
)
async def test_a_wait_that_is_too_long_is_raised_at_once(
    servers: type[Servers], headers: list[str], asked: float
) -> None:
    async with client_of(servers, status("429 Slow", *headers)) as (client, server, clock):
        with pytest.raises(RateLimited) as caught:
            await client.mgmt.access_key.create("n")
        assert caught.value.retry_after == asked
        for call in (client.mgmt.access_key.load("AK1"), client.token_source("K").token()):
            with pytest.raises(RateLimited) as caught:
                await call
            assert asked - 5 < (caught.value.retry_after or 0) <= asked
            assert caught.value.attempts == 0
        assert requests(server) == 1
        assert clock.slept == []


async def test_an_exchange_waits_ten_seconds_where_none_are_named(servers: type[Servers]) -> None:
    call, answer = REPEATABLE["exchange"]
    async with client_of(servers, status("429 Slow"), well(answer)) as (client, server, clock):
        await call(client)
        assert requests(server) == 2
        assert 10 <= clock.slept[0] <= 11


async def test_a_rate_limit_closes_the_gate_for_all(servers: type[Servers]) -> None:
    limited = status("429 Slow", "Retry-After: 20")
    answer = {"key": KEY, "keys": [], "cleartext": "s"}
    settings: dict[str, Any] = {"retries": {"attempts": 1}}
    async with client_of(servers, limited, well(answer), **settings) as (client, server, clock):
        with pytest.raises(RateLimited):
            await client.mgmt.access_key.load("AK1")
        await client.mgmt.access_key.create("n")
        assert requests(server) == 2
        assert 15 < sum(clock.slept) <= 22
    settings["retries"]["max_wait"] = 19
    async with client_of(servers, limited, well(answer), **settings) as (client, server, clock):
        for _ in range(2):
            with pytest.raises(RateLimited):
                await client.mgmt.access_key.load("AK1")
        assert requests(server) == 1


def test_threads_share_gate_and_quota() -> None:
    clock = VirtualTime()
    repeats = Repeats(Retries(quota=14 * 50), clock)
    calls: list[int] = []

    async def fail(_: object) -> None:
        calls.append(1)
        await asyncio.sleep(0)
        raise ServerError("?", status_code=502)

    async def ask_often() -> None:
        for _ in range(20):
            with pytest.raises(ServerError):
                await repeats.run(REQUEST, fail)

    threads = [threading.Thread(target=lambda: asyncio.run(ask_often())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(calls) == 8 * 20 + 50  # what the quota pays for, and no more

    async def limit(_: object) -> None:
        raise RateLimited("?", retry_after=3600)

    async def ask() -> None:
        with pytest.raises(RateLimited):
            await repeats.run(REQUEST, limit)

    seen = len(calls)
    waits: list[float | None] = []

    async def ask_often_in_vain() -> None:
        for _ in range(3):
            with pytest.raises(RateLimited) as caught:
                await repeats.run(REQUEST, fail)
            waits.append(caught.value.retry_after)

    asyncio.run(ask())
    thread = threading.Thread(target=lambda: asyncio.run(ask_often_in_vain()))
    thread.start()
    thread.join(60)
    assert waits == [pytest.approx(3600)] * 3
    assert len(calls) == seen


async def test_successes_fill_the_quota_again(servers: type[Servers]) -> None:
    call, answer = REPEATABLE["load"]
    bad, well_again = status("502 A"), well(answer)
    # A repeat costs 14. A success gives back what its last repeat cost, or 1 if it had none: without
    # the first, 42 would be enough for one repeat in the last call, and 41 without the second.
    for quota in (42, 41):
        async with client_of(
            servers, bad, bad, well_again, well_again, bad, retries={"quota": quota, "attempts": 9}
        ) as (client, server, _):
            await call(client)
            await call(client)
            before = requests(server)
            with pytest.raises(ServerError):
                await call(client)
            assert requests(server) - before == 1 + 2
    async with client_of(servers, status("502 A"), well_again, retries={"quota": 13}) as found:
        client, server, _ = found
        with pytest.raises(ServerError):
            await call(client)
        assert requests(server) == 1
