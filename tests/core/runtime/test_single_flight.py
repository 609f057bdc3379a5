from __future__ import annotations

import asyncio
import gc
import os
import sys
import threading
import traceback
import weakref
from collections.abc import Awaitable, Callable
from functools import partial

import anyio
import pytest

from descope_async._runtime import single_flight
from descope_async._runtime.single_flight import SingleFlight


class Call:
    """Something slow that counts its runs and returns their number."""

    def __init__(self, seconds: float = 0.02) -> None:
        self.runs = 0
        self.ended = 0
        self._seconds = seconds

    async def __call__(self) -> int:
        self.runs += 1
        number = self.runs
        await self.wait()
        self.ended += 1
        return number

    async def wait(self) -> None:
        """Take the time that it takes."""
        await asyncio.sleep(self._seconds)


class HeldCall(Call):
    """A call that goes on until it may end, as any thread can say."""

    def __init__(self) -> None:
        super().__init__()
        self.may_end = threading.Event()

    async def wait(self) -> None:
        while not self.may_end.is_set():  # noqa: ASYNC110 - another thread may set it
            await asyncio.sleep(0.005)


async def join_or_ride_along(flight: SingleFlight[int], call: Call) -> int | None:
    """As `SingleFlight.join`, by way of `under_way` if there is a run."""
    coming = flight.under_way()
    found = None if coming is None else await coming
    return found or await flight.join(call)


ASKING = pytest.mark.parametrize("ask", [SingleFlight[int].join, join_or_ride_along])
Asking = Callable[[SingleFlight[int], Callable[[], Awaitable[int]]], Awaitable[int | None]]


def test_a_run_that_ended_keeps_no_loop() -> None:
    flight, call = SingleFlight[int](), Call()
    loops: list[weakref.ref[asyncio.AbstractEventLoop]] = []

    async def ask() -> None:
        loops.append(weakref.ref(asyncio.get_running_loop()))
        await flight.join(call)

    asyncio.run(ask())
    gc.collect()
    assert [loop() for loop in loops] == [None]
    assert asyncio.run(flight.join(call)) == 2


async def test_askers_share_a_run_and_the_next_gets_a_new_one() -> None:
    flight, call = SingleFlight[int](), Call()
    assert await asyncio.gather(*(flight.join(call) for _ in range(1_000))) == [1] * 1_000
    assert await flight.join(call) == 2


@ASKING
async def test_every_asker_gets_the_error_without_the_others_frames(ask: Asking) -> None:
    flight = SingleFlight[int]()
    error = LookupError("no such thing")
    found: list[LookupError] = []
    depths: list[int] = []

    async def fail() -> int:
        await asyncio.sleep(0.01)
        raise error

    async def outcome() -> None:
        try:
            await ask(flight, fail)
        except LookupError as raised:
            found.append(raised)
            depths.append(len(traceback.extract_tb(raised.__traceback__)))

    await asyncio.gather(*(outcome() for _ in range(100)))
    assert found == [error] * 100
    # A future that is written in Python, such as those of nest_asyncio, adds up to three frames.
    assert max(depths) < 10


@ASKING
async def test_cancelling_askers_harms_nobody_else(ask: Asking) -> None:
    flight, call = SingleFlight[int](), HeldCall()
    first = asyncio.ensure_future(ask(flight, call))
    others = [asyncio.ensure_future(ask(flight, call)) for _ in range(50)]
    await asyncio.sleep(0.01)
    for task in [first, *others[::2]]:
        task.cancel()
    with anyio.move_on_after(0.001) as scope:
        await ask(flight, call)
    assert scope.cancelled_caught
    call.may_end.set()
    assert await asyncio.gather(*others[1::2]) == [1] * 25
    assert first.cancelled()
    assert (call.runs, call.ended) == (1, 1)


@ASKING
async def test_an_error_that_no_asker_is_left_to_get_is_silent(
    ask: Asking, caplog: pytest.LogCaptureFixture
) -> None:
    flight, loop = SingleFlight[int](), asyncio.get_running_loop()
    askers: list[asyncio.Future[int | None]] = []

    def cancel_all() -> None:
        for asker in askers:
            asker.cancel()

    async def fail() -> int:
        await asyncio.sleep(0.01)
        loop.call_soon(loop.call_soon, cancel_all)  # after the run's end, before they wake
        raise LookupError

    askers += [asyncio.ensure_future(ask(flight, fail)) for _ in range(10)]
    await asyncio.sleep(0)
    assert flight.under_way() is not None  # and is not awaited
    await asyncio.wait(askers)
    assert all(asker.cancelled() for asker in askers)
    assert flight.under_way() is None
    askers.clear()
    del flight
    gc.collect()
    assert not caplog.records


async def test_only_a_run_of_this_loop_that_goes_on_is_under_way() -> None:
    flight, call = SingleFlight[int](), Call()
    assert flight.under_way() is None
    flight.start(call)

    async def is_under_way() -> bool:
        return flight.under_way() is not None

    assert not await asyncio.to_thread(lambda: asyncio.run(is_under_way()))
    coming = flight.under_way()
    assert coming is not None
    assert await coming == 1
    assert flight.under_way() is None


async def test_a_run_that_is_cancelled_has_no_result() -> None:
    flight, call = SingleFlight[int](), Call(60)
    flight.start(call)
    coming = [flight.under_way() for _ in range(100)]
    await flight.aclose()
    assert [await one for one in coming if one is not None] == [None] * 100
    assert flight.under_way() is None


async def test_a_run_starts_only_when_it_may() -> None:
    flight, call = SingleFlight[int](), Call()
    assert await flight.join(call, lambda: False) is None
    flight.start(call, lambda: False)
    assert call.runs == 0
    flight.start(call)
    assert await flight.join(call, lambda: False) == 1


async def test_an_error_that_nobody_awaits_is_silent(caplog: pytest.LogCaptureFixture) -> None:
    flight = SingleFlight[int]()

    async def fail() -> int:
        raise LookupError

    flight.start(fail)
    await asyncio.sleep(0.01)
    del flight
    gc.collect()
    assert not caplog.records


async def test_closing_cancels_the_run() -> None:
    flight, call = SingleFlight[int](), Call(60)
    flight.start(call)
    await asyncio.sleep(0)
    await flight.aclose()
    await flight.aclose()
    assert (call.runs, call.ended) == (1, 0)
    assert not [task for task in asyncio.all_tasks() if "_carry_out" in repr(task)]


def in_thread(body: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=body)
    thread.start()
    return thread


async def test_a_run_that_is_cancelled_before_it_begins_leaves_nobody_waiting() -> None:
    flight, call = SingleFlight[int](), Call()
    asker = asyncio.create_task(flight.join(call))
    await asyncio.sleep(0)  # the run is made, and its turn comes after this
    await flight.aclose()
    assert call.runs == 0
    with anyio.fail_after(30):
        assert await asker == 1


def test_threads_with_loops_of_their_own_share_a_run() -> None:
    flight, call = SingleFlight[int](), HeldCall()
    results: list[int | None] = []
    asking = threading.Barrier(8, call.may_end.set)

    async def ask() -> None:
        asked = [asyncio.create_task(flight.join(call)) for _ in range(50)]
        await asyncio.sleep(0)  # each of them has joined
        await asyncio.to_thread(asking.wait, 30)
        results.extend(await asyncio.gather(*asked))

    for thread in [in_thread(lambda: asyncio.run(ask())) for _ in range(8)]:
        thread.join(30)
    assert results == [1] * 400


def test_a_loop_that_left_before_the_end_is_not_called_back(
    caplog: pytest.LogCaptureFixture,
) -> None:
    flight, call = SingleFlight[int](), HeldCall()
    started = threading.Event()

    async def carry() -> None:
        flight.start(call)
        await asyncio.sleep(0)
        started.set()
        await flight.join(call)

    async def leave() -> bool:
        with anyio.move_on_after(0.01) as scope:
            await flight.join(call)
        return scope.cancelled_caught

    carrier = in_thread(lambda: asyncio.run(carry()))
    assert started.wait(30)
    assert asyncio.run(leave())
    call.may_end.set()
    carrier.join(30)
    assert (call.runs, call.ended) == (1, 1)
    assert not caplog.records


@pytest.mark.parametrize("tidy", [True, False], ids=["asyncio.run", "loop merely stopped"])
def test_when_the_carrying_loop_dies_another_takes_over(tidy: bool) -> None:
    flight, slow, call = SingleFlight[int](), Call(60), Call()
    started, asked = threading.Event(), threading.Event()

    async def carry() -> None:
        flight.start(slow)
        await asyncio.sleep(0)
        started.set()
        await asyncio.to_thread(asked.wait, 30)

    def die() -> None:
        if tidy:
            asyncio.run(carry())
            return
        loop = asyncio.new_event_loop()
        loop.run_until_complete(carry())
        loops.append(loop)

    loops: list[asyncio.AbstractEventLoop] = []
    carrier = in_thread(die)
    assert started.wait(30)

    async def ask() -> int | None:
        asking = asyncio.create_task(flight.join(call))
        await asyncio.sleep(0.01)
        asked.set()
        return await asyncio.wait_for(asking, 30)

    assert asyncio.run(ask()) == 1
    carrier.join(30)
    assert (slow.runs, slow.ended) == (1, 0)
    for loop in loops:
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()


def test_when_blocking_code_holds_the_carrying_loop_up_another_takes_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(single_flight, "GIVEN_UP_AFTER", 0.5)
    flight, slow, call = SingleFlight[int](), Call(0.01), Call()
    started, answered = threading.Event(), threading.Event()
    carried: list[int | None] = []

    async def carry() -> None:
        flight.start(slow)
        await asyncio.sleep(0)
        started.set()
        answered.wait(30)
        carried.append(await flight.join(slow))

    async def ask() -> int | None:
        return await asyncio.wait_for(flight.join(call), 30)

    carrier = in_thread(lambda: asyncio.run(carry()))
    assert started.wait(30)
    assert asyncio.run(ask()) == 1
    assert (slow.runs, slow.ended, call.runs) == (1, 0, 1)
    answered.set()
    carrier.join(30)
    assert slow.ended == slow.runs == 2
    assert carried == [2]


async def test_a_loop_that_is_merely_busy_is_not_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(single_flight, "GIVEN_UP_AFTER", 0.5)
    flight, slow = SingleFlight[int](), Call(2)
    asking = asyncio.create_task(flight.join(slow))
    await asyncio.sleep(0)
    found = await asyncio.to_thread(lambda: asyncio.run(flight.join(slow)))
    assert found == await asking == slow.runs == 1


async def _ask_often(ask: Asking, flight: SingleFlight[int], call: Call, seed: int) -> list[object]:
    unexpected: list[object] = []
    for turn in range(20):
        tasks = [asyncio.ensure_future(ask(flight, call)) for _ in range(20)]
        await asyncio.sleep(0.003 * ((seed + turn) % 4))
        for task in tasks[:: 2 + turn % 3]:
            task.cancel()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        unexpected += [o for o in outcomes if not isinstance(o, int | asyncio.CancelledError)]
    return unexpected


async def _start_and_die(flight: SingleFlight[int], call: Call) -> None:
    flight.start(call)
    asyncio.get_running_loop().call_soon(asyncio.create_task(flight.join(call)).cancel)
    await asyncio.sleep(0.002)


@ASKING
def test_stress_of_threads_cancellation_and_dying_loops(ask: Asking) -> None:
    flight, call = SingleFlight[int](), Call(0.01)
    unexpected: list[object] = []

    def live(seed: int) -> None:
        unexpected.extend(asyncio.run(_ask_often(ask, flight, call, seed)))

    def die_often() -> None:
        for _ in range(30):
            asyncio.run(_start_and_die(flight, call))

    threads = [in_thread(partial(live, seed)) for seed in range(4)]
    threads += [in_thread(die_often) for _ in range(2)]
    for thread in threads:
        thread.join(45)
        assert not thread.is_alive()
    assert unexpected == []
    assert call.runs < 4 * 20 * 20


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_starts_clean() -> None:
    flight, slow, call = SingleFlight[int](), Call(0.2), Call()
    pid = 0

    async def fork_in_mid_flight() -> int | None:
        nonlocal pid
        flight.start(slow)
        await asyncio.sleep(0.01)
        with flight._lock:  # noqa: SLF001 - as if another thread were at it
            pid = os.fork()
        return await flight.join(slow) if pid else None

    def child() -> int:
        # A thread, because the loop that was forked cannot be left here.
        results: list[int | None] = []
        in_thread(lambda: results.append(asyncio.run(flight.join(call)))).join(30)
        return 0 if results == [1] else 1

    async def run() -> int | None:
        result = await fork_in_mid_flight()
        if pid == 0:
            sys.stdout.flush()
            os._exit(child())
        return result

    assert asyncio.run(run()) == 1
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
