"""Clients of both packages that go by the emulator's clock."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

import descope_sync
import descope_sync.emulator
from descope_async import ConfigurationError, DescopeClient, RateLimited, TokenExpired
from descope_async.emulator import Clock as EmulatorTime
from descope_async.emulator import Emulator, Fault
from descope_async.testing import Clock, EmulatorClock


@pytest.fixture
async def emulator() -> AsyncIterator[Emulator]:
    async with Emulator(signing_algorithm="ES256") as emulator:
        yield emulator


@pytest.fixture
def blocking_emulator() -> Iterator[descope_sync.emulator.Emulator]:
    with descope_sync.emulator.Emulator(signing_algorithm="ES256") as emulator:
        yield emulator


def client_of(emulator: Emulator, clock: Clock, **settings: Any) -> DescopeClient:
    return DescopeClient(
        emulator.project_id,
        emulator.management_key,
        base_url=emulator.base_url,
        clock=clock,
        **settings,
    )


async def test_a_renewal_at_expiry_takes_no_time(emulator: Emulator) -> None:
    async with client_of(emulator, EmulatorClock(emulator.clock)) as client:
        created = await client.mgmt.access_key.create("machine")
        source = client.token_source(created.cleartext)
        first = await source.token()
        emulator.clock.advance(449)
        assert source.get_nowait() == first, "three quarters of its life are not over"
        emulator.clock.advance(151)
        started = time.perf_counter()
        second = await source.token()
        assert time.perf_counter() - started < 2
        emulator.clock.advance(6)
        with pytest.raises(TokenExpired):
            await client.validate_session(first)
        await client.validate_session(second)
    assert emulator.requests.count("exchange") == 2


def test_a_blocking_client_goes_by_it_too(
    blocking_emulator: descope_sync.emulator.Emulator,
) -> None:
    emulator = blocking_emulator
    with descope_sync.DescopeClient(
        emulator.project_id,
        emulator.management_key,
        base_url=emulator.base_url,
        clock=EmulatorClock(emulator.clock),
    ) as client:
        source = client.token_source(client.mgmt.access_key.create("machine").cleartext)
        first = source.token()
        emulator.clock.advance(600)
        assert source.token() != first


async def test_a_pause_moves_the_emulators_clock(emulator: Emulator) -> None:
    emulator.clock.freeze()
    clock = EmulatorClock(emulator.clock)
    async with client_of(emulator, clock) as client:
        began = emulator.clock.now()
        emulator.faults.add(Fault("rate_limit", "access_key.search", retry_after=30, times=1))
        assert await client.mgmt.access_key.search_all_access_keys() == []
    assert 30 <= emulator.clock.now() - began <= 34
    assert clock.slept == [pytest.approx(emulator.clock.now() - began, abs=1e-3)]


async def test_pauses_at_once_pass_together(emulator: Emulator) -> None:
    emulator.clock.freeze()
    clock = EmulatorClock(emulator.clock)
    began = clock.running()
    await asyncio.gather(*(clock.sleep(seconds) for seconds in (5, 1, 10, 10)))
    assert clock.running() - began == pytest.approx(10, abs=1e-3)


async def test_a_pause_may_wait_for_the_emulators_clock(emulator: Emulator) -> None:
    emulator.clock.freeze()
    clock = EmulatorClock(emulator.clock, jumps=False)
    async with client_of(emulator, clock, retries={"attempts": 2}) as client:
        emulator.faults.add(Fault("rate_limit", "access_key.search", retry_after=30, times=1))
        call = asyncio.create_task(client.mgmt.access_key.search_all_access_keys())
        while not clock.slept:  # noqa: ASYNC110 - a list tells nobody
            await asyncio.sleep(0.001)
        emulator.clock.advance(29)
        await asyncio.sleep(0.05)
        assert not call.done()
        emulator.clock.advance(5)
        assert await call == []


async def test_a_fast_clock_makes_short_pauses() -> None:
    emulated = EmulatorTime()
    emulated.run(3600)
    started = time.perf_counter()
    await EmulatorClock(emulated, jumps=False).sleep(60)
    assert time.perf_counter() - started < 5


def test_what_lasts_goes_on_when_the_date_is_set_back() -> None:
    emulated = EmulatorTime()
    emulated.freeze()
    clock = EmulatorClock(emulated)
    emulated.advance(10)
    assert clock.running() == pytest.approx(10)
    emulated.move_to(emulated.now() - 3600, backwards=True)
    assert clock.running() == pytest.approx(10)
    emulated.advance(5)
    assert clock.running() == pytest.approx(15)


def test_threads_see_no_time_go_back() -> None:
    emulated = EmulatorTime()
    clock, seen = EmulatorClock(emulated), list[bool]()

    def look() -> None:
        last = 0.0
        for _ in range(2_000):
            emulated.advance(0.001)
            now = clock.running()
            seen.append(now >= last)
            last = now

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(seen) == 8_000
    assert all(seen)


def test_random_delays_repeat_with_every_run() -> None:
    def delays(seed: int) -> list[float]:
        clock = EmulatorClock(EmulatorTime(), seed=seed)
        return [clock.draw(1, 2) for _ in range(10)]

    assert delays(1) == delays(1) != delays(2)
    assert all(1 <= delay <= 2 for delay in delays(1))


async def test_time_of_ones_own(emulator: Emulator) -> None:
    class NoPatience(Clock):
        async def sleep(self, seconds: float) -> None:
            raise AssertionError(f"wants to wait {seconds} s")

    async with client_of(emulator, NoPatience()) as client:
        emulator.faults.add(Fault("rate_limit", "access_key.search", retry_after=30, times=1))
        with pytest.raises(AssertionError, match="wants to wait 3"):
            await client.mgmt.access_key.search_all_access_keys()


async def test_each_part_of_a_client_goes_by_the_clock_that_it_was_given(
    emulator: Emulator,
) -> None:
    emulator.clock.freeze()
    async with client_of(
        emulator, EmulatorClock(emulator.clock), retries={"attempts": 1}
    ) as client:
        created = await client.mgmt.access_key.create("presented")
        verifier = client.access_key_verifier(fresh_for=10, usable_for=10)
        assert await verifier.verify(created.cleartext)
        assert verifier.verify_nowait(created.cleartext)
        emulator.clock.advance(11)
        assert verifier.verify_nowait(created.cleartext) is None, "the verifier"
        source = client.token_source(created.cleartext)
        emulator.faults.add(Fault("rate_limit", "exchange", retry_after=100, times=1))
        with pytest.raises(RateLimited):
            await source.token()
        with pytest.raises(RateLimited):
            await source.token()
        assert emulator.requests.count("exchange") == 2, "the gate"
        emulator.clock.advance(101)
        assert await source.token(), "the gate, and the renewal"


@pytest.mark.parametrize("clock", [1, time, EmulatorTime()])
def test_what_is_no_clock(clock: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"descope_async\.testing\.Clock"):
        DescopeClient("P1", clock=clock)
