"""No call goes on for longer than it may."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from descope_async import (
    DeadlineExceeded,
    DescopeError,
    KeySetUnavailable,
    NotFound,
    OutcomeUnknown,
    Retries,
)
from descope_async._calls.delivery import Delivery
from descope_async._calls.messages import Repeatable, Request
from descope_async._calls.new_secret import NewSecret
from descope_async._calls.once import Once
from descope_async._calls.repeats import Repeats
from descope_async._calls.retry_rules import judge
from descope_async.events._telemetry import UNHOOKED
from tests.core.calls.badly_served import _HEAD, ALL, UNKNOWN, client_of, requests
from tests.failures import FAILURES, LIMITS
from tests.quick_time import VirtualTime
from tests.servers import Servers

#: Epoch seconds, from which virtual time counts, are no more exact than this.
EXACT_TO = 1e-5
#: How a create is carried out.
CREATE = Once(secret := NewSecret("create", name="n"), Delivery(secret, None, 5, UNHOOKED))


@pytest.mark.parametrize("operation", ALL)
async def test_a_server_that_stalls_is_left_in_time(servers: type[Servers], operation: str) -> None:
    call, _ = ALL[operation]
    limits = {"deadline": 0.5, "exchange": 0.5, "keys": 0.5, "secret": 60, "read": 30}
    async with client_of(servers, UNKNOWN["stalls"], timeouts=limits) as (client, _, clock):
        started = asyncio.get_running_loop().time()
        with pytest.raises((DeadlineExceeded, OutcomeUnknown, KeySetUnavailable)):
            await call(client)
        assert asyncio.get_running_loop().time() - started < 10  # and not 30, or 60
        assert sum(clock.slept) <= 0.5


@pytest.mark.parametrize("operation", ["load", "create", "search"])
async def test_a_server_that_drips_is_left_in_time(servers: type[Servers], operation: str) -> None:
    async def drip(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(_HEAD)
        while True:
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.05)

    call, _ = ALL[operation]
    async with client_of(servers, lambda _: drip, timeouts={"deadline": 0.6}) as (client, _, _):
        with pytest.raises((DeadlineExceeded, OutcomeUnknown)) as caught:
            async with asyncio.timeout(30):
                await call(client)
    assert isinstance(caught.value, DeadlineExceeded | OutcomeUnknown)


async def test_a_head_that_drips_is_left_for_another_attempt(servers: type[Servers]) -> None:
    """Single bytes of it are no sign of life: whoever sends them has something else in mind."""

    async def drip(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for byte in _HEAD * 1000:
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0.05)

    limits = {"read": 0.4, "deadline": 60}
    async with client_of(servers, lambda _: drip, timeouts=limits) as (client, server, _):
        with pytest.raises(DeadlineExceeded) as caught:
            async with asyncio.timeout(30):
                await client.mgmt.access_key.load("K")
    assert caught.value.attempts == requests(server) == 3


async def test_an_error_whose_body_stalls_is_that_error(servers: type[Servers]) -> None:
    head = b"HTTP/1.1 404 Not Found\r\ncontent-length: 100\r\n\r\n{"

    async def stall(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(head)
        await writer.drain()
        await reader.read()

    for limits in ({"read": 1, "deadline": 60}, {"read": 30, "deadline": 1.5}):
        async with client_of(servers, lambda _: stall, timeouts=limits) as (client, _, _):
            async with asyncio.timeout(30):
                with pytest.raises(NotFound):
                    await client.mgmt.access_key.load("K")
            task = asyncio.current_task()
            assert task is not None
            assert task.cancelling() == 0


@given(
    failures=st.lists(FAILURES | LIMITS, max_size=12),
    took=st.lists(st.floats(0, 40), min_size=12, max_size=12),
    attempts=st.integers(1, 12),
    deadline=st.floats(0.1, 100),
    quota=st.integers(0, 100),
    once=st.booleans(),
)
def test_no_call_oversteps_its_limits(
    failures: list[DescopeError],
    took: list[float],
    attempts: int,
    deadline: float,
    quota: int,
    once: bool,
) -> None:
    clock = VirtualTime()
    repeats = Repeats(Retries(attempts=attempts, quota=quota), clock)
    request = Request(
        operation="test",
        method="POST",
        path="/",
        deadline=deadline,
        care=CREATE if once else Repeatable(),
    )
    until = clock.at + deadline
    made: list[DescopeError | None] = []

    async def carry_out(attempt: Any) -> str:
        assert attempt.limit == pytest.approx(until - clock.at, abs=EXACT_TO)
        assert attempt.limit > 0
        assert all(made)
        if once:
            assert not any(failure and judge(failure).may_be_done for failure in made)
        number = len(made)
        made.append(failures[number] if number < len(failures) else None)
        clock.at = min(until, clock.at + took[number % len(took)])
        if number < len(failures):
            raise failures[number]
        return "done"

    async def run() -> None:
        error: DescopeError | None = None
        try:
            assert await repeats.run(request, carry_out) == "done"
        except DescopeError as raised:
            error = raised
        if error is not None:
            assert error.attempts == len(made)
            may_be_done = any(failure and judge(failure).may_be_done for failure in made)
            assert isinstance(error, OutcomeUnknown) == (once and may_be_done)
        assert clock.at <= until + EXACT_TO
        assert len(made) <= attempts
        spent = sum(5 if judge(each).is_throttled else 14 for each in made[:-1] if each)
        assert spent <= quota

    asyncio.run(run())
