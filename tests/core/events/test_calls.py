"""The events of calls: their order, and what they say."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from descope_async import (
    DescopeClient,
    DescopeError,
    OutcomeUnknown,
    RateLimited,
)
from descope_async.emulator import Emulator, Fault
from descope_async.events import (
    AttemptEnded,
    Call,
    CallEnded,
    CallEvent,
    CallHeld,
    GateClosed,
    RetryPlanned,
)
from tests.core.events.telling import (
    BUSY,
    CREATE,
    DONE,
    GOOD,
    LOAD,
    SLOW,
    Told,
    client_of,
    local_client,
)
from tests.quick_time import QuickTime
from tests.servers import Servers


@pytest.fixture
def told() -> Told:
    return Told()


async def until(is_so: Callable[[], bool]) -> None:
    while not is_so():  # noqa: ASYNC110 - nothing tells
        await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    ("answers", "operation", "expected"),
    [
        ([GOOD], LOAD, ["CallStarted", ("attempt", 1, 200, None), DONE]),
        (
            [BUSY, GOOD],
            LOAD,
            [
                "CallStarted",
                ("attempt", 1, 503, "ServerError"),
                ("retry", 2, "failed"),
                ("attempt", 2, 200, None),
                ("ended", "done", 2, None),
            ],
        ),
        (
            [BUSY],
            LOAD,
            [
                "CallStarted",
                ("attempt", 1, 503, "ServerError"),
                ("retry", 2, "failed"),
                ("attempt", 2, 503, "ServerError"),
                ("retry", 3, "failed"),
                ("attempt", 3, 503, "ServerError"),
                ("ended", "error", 3, "ServerError"),
            ],
        ),
        (
            [SLOW, GOOD],
            LOAD,
            [
                "CallStarted",
                ("attempt", 1, 429, "RateLimited"),
                ("gate", False),
                ("retry", 2, "throttled"),
                ("attempt", 2, 200, None),
                ("ended", "done", 2, None),
            ],
        ),
        (
            [("429 Slow", b"", "Retry-After: 600")],
            LOAD,
            [
                "CallStarted",
                ("attempt", 1, 429, "RateLimited"),
                ("gate", False),
                ("ended", "error", 1, "RateLimited"),
            ],
        ),
        (
            [("404 None", b"")],
            LOAD,
            ["CallStarted", ("attempt", 1, 404, "NotFound"), ("ended", "error", 1, "NotFound")],
        ),
        (
            [None],
            CREATE,
            [
                "CallStarted",
                ("attempt", 1, None, "ConnectionFailed"),
                ("ended", "unknown", 1, "OutcomeUnknown"),
            ],
        ),
        (
            [BUSY],
            CREATE,
            [
                "CallStarted",
                ("attempt", 1, 503, "ServerError"),
                ("ended", "unknown", 1, "OutcomeUnknown"),
            ],
        ),
    ],
    ids=["done", "retry", "exhausted", "gate", "long gate", "error", "cut", "unknown"],
)
async def test_the_order_of_a_calls_events(
    servers: type[Servers], told: Told, answers: list[Any], operation: str, expected: list[Any]
) -> None:
    behaviours = [servers.raw(b"") if each is None else servers.answer(*each) for each in answers]
    async with (
        servers.running(servers.in_turn(*behaviours), license=servers.licensed) as server,
        client_of(server, told, clock=QuickTime()) as client,
    ):
        with suppress(DescopeError):
            if operation == LOAD:
                await client.mgmt.access_key.load("AK1")
            else:
                await client.mgmt.access_key.create("n")
    assert told.of(operation) == expected
    (call,) = {event.call for event in told.all(CallEvent) if event.call.operation == operation}
    assert isinstance(call, Call)
    assert (call.server_address, call.project_id) == ("127.0.0.1", "P1")
    assert server.base_url.endswith(f":{call.server_port}")
    assert (call.method, call.path) == (
        ("GET", "/v1/mgmt/accesskey")
        if operation == LOAD
        else ("POST", "/v1/mgmt/accesskey/create")
    )


async def test_what_an_event_says(servers: type[Servers], told: Told) -> None:
    body = b'{"errorCode": "E011", "errorDescription": "no"}'
    first = servers.answer("503 Busy", body, "Retry-After: 2", "x-request-id: R1")
    last = servers.answer("200 OK", GOOD[1], "cf-ray: R2")
    async with (
        servers.running(servers.in_turn(first, last), license=servers.licensed) as server,
        client_of(server, told, clock=(clock := QuickTime())) as client,
    ):
        before = time.monotonic()
        await client.mgmt.access_key.load("AK1")
        took = time.monotonic() - before
    failed, good = [event for event in told.all(AttemptEnded) if event.call.operation == LOAD]
    (retry,) = told.all(RetryPlanned)
    (ended,) = [event for event in told.all(CallEnded) if event.call.operation == LOAD]
    assert (failed.request_id, failed.error_code, failed.is_sent, failed.is_connection_reused) == (
        "R1",
        "E011",
        True,
        False,
    )
    assert (good.request_id, good.error_code, good.is_sent) == ("R2", None, True)
    assert (ended.request_id, ended.resends, ended.status_code) == ("R2", 1, 200)
    assert (retry.error_type, retry.status_code) == ("ServerError", 503)
    assert [retry.delay] == clock.slept
    assert retry.delay >= 2
    assert retry.quota_left == 495
    assert ended.quota_left == 500
    assert 0 < failed.duration <= took
    assert retry.delay < ended.duration <= took + retry.delay


async def test_nothing_was_sent(told: Told, unused_port: int) -> None:
    client = DescopeClient(
        "P1",
        "K1",
        base_url=f"http://127.0.0.1:{unused_port}",
        hooks=[told],
        retries={"attempts": 1},
    )
    async with client:
        with pytest.raises(DescopeError):
            await client.mgmt.access_key.create("n")
    (attempt,) = [each for each in told.all(AttemptEnded) if each.call.operation == CREATE]
    assert (attempt.is_sent, attempt.status_code, attempt.request_id) == (False, None, None)
    assert told.of(CREATE)[-1] == ("ended", "error", 1, "ConnectionFailed")


async def test_a_closed_gate(servers: type[Servers], told: Told) -> None:
    slow, good = servers.answer(*SLOW), servers.answer(*GOOD)
    async with (
        servers.running(servers.in_turn(slow, good), license=servers.licensed) as server,
        client_of(server, told, retries={"attempts": 1}, clock=(clock := QuickTime())) as client,
    ):
        with pytest.raises(RateLimited):
            await client.mgmt.access_key.load("AK1")
        (gate,) = told.all(GateClosed)
        assert gate.seconds == 1
        assert gate.until - clock.now() == pytest.approx(1, abs=0.9)
        told.events.clear()
        await client.mgmt.access_key.load("AK1")
    assert told.of(LOAD) == ["CallStarted", "CallHeld", ("attempt", 1, 200, None), DONE]
    (held,) = told.all(CallHeld)
    assert 0 < held.delay <= 1.1
    assert clock.slept == [held.delay]


async def test_a_call_that_the_gate_refuses(servers: type[Servers], told: Told) -> None:
    slow = servers.answer("429 Slow", b"", "Retry-After: 600")
    async with (
        servers.running(slow, license=servers.licensed) as server,
        client_of(server, told) as client,
    ):
        for _ in range(2):
            with pytest.raises(RateLimited):
                await client.mgmt.access_key.load("AK1")
    assert told.of(LOAD)[-2:] == ["CallStarted", ("ended", "error", 0, "RateLimited")]
    assert told.all(CallEnded)[-1].status_code is None


async def test_a_gate_that_is_closed_further(servers: type[Servers], told: Told) -> None:
    behaviour = servers.in_turn(servers.answer(*GOOD), servers.answer(*SLOW))
    async with (
        servers.running(behaviour, license=servers.licensed) as server,
        client_of(server, told, retries={"attempts": 1}) as client,
    ):
        await client.mgmt.access_key.load("AK1")
        # The first calls of a burst wait for the tier.
        while not told.of("license")[1:]:  # noqa: ASYNC110 - nobody here knows when
            await asyncio.sleep(0.01)
        calls = [client.mgmt.access_key.load("AK1") for _ in range(4)]
        assert {type(each) for each in await asyncio.gather(*calls, return_exceptions=True)} == {
            RateLimited
        }
    closed = told.all(GateClosed)
    assert [event.is_extended for event in closed] == [False] + [True] * (len(closed) - 1)
    assert len(closed) > 1


async def test_a_connection_that_was_closed_while_idle(told: Told) -> None:
    async with Emulator() as emulator, local_client(emulator, told) as client:
        created = await client.mgmt.access_key.create("n")
        await client.mgmt.access_key.load(created.key.id)
        told.events.clear()
        emulator.faults.add(Fault("reset", LOAD, reused=True, times=1))
        await client.mgmt.access_key.load(created.key.id)
    assert told.of(LOAD) == [
        "CallStarted",
        ("attempt", 1, None, "ConnectionFailed"),
        ("retry", 1, "stale_connection"),
        ("attempt", 1, 200, None),
        DONE,
    ]
    assert [event.is_connection_reused for event in told.all(AttemptEnded)] == [True, False]
    assert told.all(CallEnded)[-1].resends == 1


async def test_a_cancelled_call(servers: type[Servers], told: Told) -> None:
    async with (
        servers.running(servers.silence, license=servers.licensed) as server,
        client_of(server, told, timeouts={}) as client,
    ):
        task = asyncio.ensure_future(client.mgmt.access_key.load("AK1"))
        await until(lambda: any(b" /v1/mgmt/accesskey?" in each for each in server.received))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert told.of(LOAD) == [
        "CallStarted",
        ("attempt", 1, None, "CancelledError"),
        ("ended", "interrupted", 1, "CancelledError"),
    ]
    assert [event.is_sent for event in told.all(AttemptEnded) if event.call.operation == LOAD] == [
        True
    ]


async def test_a_cancelled_create_that_was_done(told: Told) -> None:
    async with Emulator() as emulator, local_client(emulator, told) as client:
        await client.mgmt.access_key.search_all_access_keys()
        emulator.faults.add(Fault("delay", CREATE, seconds=1))
        task = asyncio.ensure_future(client.mgmt.access_key.create("n"))
        await until(lambda: bool(emulator.requests.count(CREATE)))
        task.cancel()
        with pytest.raises(OutcomeUnknown) as caught:
            await task
    assert caught.value.result is not None
    assert told.of(CREATE)[-1] == ("ended", "unknown", 1, "OutcomeUnknown")
