"""When a token is renewed, and what the failure of a renewal means."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

import pytest

from descope_async import (
    ConnectionFailed,
    DescopeError,
    RateLimited,
)
from tests.core.keys.exchanging import Service, settle


@pytest.fixture
def service() -> Service:
    return Service()


def down() -> DescopeError:
    return ConnectionFailed("the service is down")


async def test_an_advisory_refresh_keeps_nobody_waiting(service: Service) -> None:
    source = service.source()
    await source.warm_up()
    service.held_up = asyncio.Event()
    service.clock.at += 490
    assert source.get_nowait() is None
    assert {await source.token() for _ in range(100)} == {"token-1"}
    await settle()
    assert len(service.sent) == 2
    service.held_up.set()
    await settle()
    assert source.get_nowait() == "token-2"


async def test_an_outage_is_noticed_only_when_the_token_has_ended(
    service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    source = service.source()
    await source.warm_up()
    began, service.failure = service.clock.at, down
    while service.clock.at < began + 599:
        assert await source.token() == "token-1"
        await settle()
        service.clock.at += 1
    in_outage = len(service.sent) - 1
    assert 5 < in_outage < 60  # pauses grow to 30 s, at random
    assert len([entry for entry in caplog.records if entry.levelno == logging.WARNING]) == 1
    service.clock.at = began + 601
    with pytest.raises(ConnectionFailed):
        await source.token()
    service.failure = None
    service.clock.at += 6
    assert await source.token() == f"token-{len(service.sent)}"


async def test_in_the_mandatory_window_the_wait_is_bounded(service: Service) -> None:
    source = service.source()
    await source.warm_up()
    service.held_up = asyncio.Event()
    service.clock.at += 580
    started = asyncio.get_running_loop().time()
    assert await source.token() == "token-1"
    assert 1.5 < asyncio.get_running_loop().time() - started < 10
    waiting = asyncio.create_task(source.token())
    await settle()
    assert not waiting.done()
    service.held_up.set()
    assert await waiting == "token-2"


async def test_without_a_token_three_attempts_are_made(service: Service) -> None:
    def fail_twice() -> DescopeError:
        if len(service.sent) == 2:
            service.failure = None
        return down()

    service.failure = fail_twice
    assert await service.source().token() == "token-3"
    other = Service()
    other.failure = down
    source = other.source()
    with pytest.raises(ConnectionFailed) as caught:
        await source.token()
    assert len(other.sent) == 3
    assert caught.value.retry_after is None


async def test_a_rate_limit_silences_all_sources_of_the_client(service: Service) -> None:
    warm, cold = service.source("Kwarm"), service.source("Kcold")
    await warm.warm_up()
    service.failure = lambda: RateLimited("slow down", retry_after=60)
    service.clock.at += 490
    assert await warm.token() == "token-1"
    await settle()
    assert len(service.sent) == 2
    for source in (cold, service.source("Kthird")):
        with pytest.raises(RateLimited) as caught:
            await source.token()
        assert caught.value.retry_after == pytest.approx(60)
    for _ in range(10):
        service.clock.at += 5
        assert await warm.token() == "token-1"
        await settle()
    assert len(service.sent) == 2
    service.failure = None
    service.clock.at += 12
    assert await cold.token() == "token-3"


async def test_a_rate_limit_that_names_no_time_lasts_ten_seconds(service: Service) -> None:
    source = service.source()
    service.failure = lambda: RateLimited("slow down")
    with pytest.raises(RateLimited):
        await source.token()
    assert len(service.sent) == 2  # the second after the pause, a third would be too late
    assert 10 <= service.clock.at < 15


async def test_a_day_with_rotations_outages_and_limits(service: Service) -> None:
    async def read() -> str:
        return f"K{key}"

    source = service.source(read)
    troubles: list[Callable[[], DescopeError] | None] = [
        None,
        down,
        None,
        lambda: RateLimited("slow down", retry_after=60),
    ]
    key, began = 0, service.clock.at
    service.valid = {"K0"}
    while (passed := service.clock.at - began) < 86_400:
        # With a Retry-After at its end, trouble lasts 105 s; a refresh is due 120 s before the end.
        service.failure = troubles[int(passed // 300) % 4] if passed % 300 >= 260 else None
        if passed > (key + 1) * 3_600:
            key += 1
            service.valid = {f"K{key}"}
        assert await source.token()
        await settle()
        service.clock.at += 5
    assert key == 23
    assert {f"K{number}" for number in range(23)} <= set(service.sent)
    assert len(service.sent) < 1_000
