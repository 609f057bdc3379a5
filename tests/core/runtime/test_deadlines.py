"""Limits that one timer keeps for all tasks of a loop."""

from __future__ import annotations

import asyncio
import gc
import math
import weakref
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Any

import anyio
import pytest

from descope_async._runtime.deadlines import Deadline, Deadlines

#: More than any machine needs for what happens at once.
LONG = 60.0


async def forever() -> None:
    await asyncio.Event().wait()


def is_kept_by_others(deadline: Deadline) -> bool:
    """Whether anything but frames, which wait for nothing, holds on to a limit."""
    return any(isinstance(each, set | dict) for each in gc.get_referrers(deadline))


async def test_what_ends_in_time_leaves_nothing_behind() -> None:
    deadlines = Deadlines()
    with deadlines.within(LONG, LONG) as deadline:
        await asyncio.sleep(0)
    assert not is_kept_by_others(deadline)
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


async def test_what_takes_too_long_is_ended() -> None:
    deadlines = Deadlines()
    with pytest.raises(TimeoutError), deadlines.within(0.05, LONG) as deadline:
        await forever()
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0
    await asyncio.sleep(0)  # and nothing is left to be raised here
    assert not is_kept_by_others(deadline)


async def test_a_shorter_limit_does_not_wait_for_a_longer_one() -> None:
    deadlines = Deadlines()
    longer = asyncio.create_task(limited(deadlines, LONG, forever))
    await asyncio.sleep(0)
    async with asyncio.timeout(LONG / 2):
        with pytest.raises(TimeoutError), deadlines.within(0.05, LONG):
            await forever()
    assert not longer.done()
    longer.cancel()
    with pytest.raises(asyncio.CancelledError):
        await longer


async def limited(
    deadlines: Deadlines, seconds: float, work: Callable[[], Awaitable[None]]
) -> None:
    with deadlines.within(seconds, math.inf):
        await work()


async def test_one_timer_serves_many_that_come_and_go(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = asyncio.get_running_loop()
    made: list[float] = []
    call_at = loop.call_at

    def counted(when: float, *arguments: Any, **options: Any) -> asyncio.TimerHandle:
        made.append(when)
        return call_at(when, *arguments, **options)

    monkeypatch.setattr(loop, "call_at", counted)
    deadlines = Deadlines()
    for _ in range(100):
        with deadlines.within(LONG, LONG):
            pass
    assert len(made) == 1


async def test_each_of_many_ends_at_its_own_time() -> None:
    deadlines, loop = Deadlines(), asyncio.get_running_loop()
    ended: list[int] = []

    async def wait(number: int) -> None:
        with pytest.raises(TimeoutError):
            await limited(deadlines, 0.05 + number * 0.1, forever)
        ended.append(number)

    started = loop.time()
    await asyncio.gather(*map(wait, reversed(range(10))))
    assert ended == list(range(10))
    # The clock of uvloop counts milliseconds.
    assert loop.time() - started >= 0.05 + 9 * 0.1 - 0.001


async def test_silence_counts_from_the_first_sign_of_life() -> None:
    deadlines, loop = Deadlines(), asyncio.get_running_loop()

    async def begin_late_and_stop(deadline: Deadline) -> None:
        await asyncio.sleep(1.2)
        for _ in range(4):
            deadline.hear()
            await asyncio.sleep(0.1)
        deadline.hear()
        await forever()

    started = loop.time()
    with pytest.raises(TimeoutError), deadlines.within(LONG, 1) as deadline:
        await begin_late_and_stop(deadline)
    assert LONG / 2 > loop.time() - started >= 1.2 + 0.4 + 1


async def test_signs_of_life_do_not_extend_the_whole() -> None:
    deadlines = Deadlines()

    async def chatter(deadline: Deadline) -> None:
        while True:
            deadline.hear()
            await asyncio.sleep(0.01)

    async with asyncio.timeout(LONG):
        with pytest.raises(TimeoutError), deadlines.within(0.2, 0.1) as deadline:
            await chatter(deadline)


async def test_a_cancellation_by_somebody_else_remains_one() -> None:
    deadlines = Deadlines()
    task = asyncio.create_task(limited(deadlines, LONG, forever))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_of_two_reasons_the_other_one_counts() -> None:
    deadlines = Deadlines()
    reasons: list[bool] = []
    begun: list[Deadline] = []

    async def work() -> None:
        with deadlines.within(LONG, LONG) as deadline:
            begun.append(deadline)
            try:
                await forever()
            except asyncio.CancelledError:
                reasons.append(deadline.is_what_cancels)
                raise

    for others in (True, False):
        task = asyncio.create_task(work())
        await asyncio.sleep(0)
        begun.pop().exceed()
        if others:
            task.cancel()
        with pytest.raises(asyncio.CancelledError if others else TimeoutError):
            await task
    assert reasons == [False, True]


async def test_what_is_done_all_the_same_is_done() -> None:
    deadlines = Deadlines()
    with deadlines.within(0.05, LONG) as deadline:
        try:
            await forever()
        except asyncio.CancelledError:
            assert deadline.is_what_cancels
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0
    await asyncio.sleep(0)


async def test_another_error_leaves_as_it_is() -> None:
    async def fail_when_ended() -> None:
        try:
            await forever()
        finally:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await limited(Deadlines(), 0.05, fail_when_ended)


@pytest.mark.parametrize("is_inner_first", [True, False])
async def test_within_the_scopes_of_others(is_inner_first: bool) -> None:
    deadlines = Deadlines()
    inner, outer = (0.05, LONG) if is_inner_first else (LONG, 0.05)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(outer):
            await limited(deadlines, inner, forever)
    if is_inner_first:
        with pytest.raises(TimeoutError), anyio.fail_after(outer):
            await limited(deadlines, inner, forever)
    else:
        with anyio.move_on_after(outer) as scope:
            await limited(deadlines, inner, forever)
        assert scope.cancelled_caught
    await asyncio.sleep(0)


async def test_nobody_is_kept_alive() -> None:
    class Kept:
        pass

    deadlines, variable = Deadlines(), ContextVar[object]("variable")
    current = ContextVar[Deadline]("current")

    async def work() -> weakref.ref[Kept]:
        kept = Kept()
        variable.set(kept)
        with deadlines.within(LONG, LONG) as deadline:
            current.set(deadline)
            await asyncio.sleep(0)
        return weakref.ref(kept)

    gc.disable()
    try:
        found = [await asyncio.create_task(work()) for _ in range(3)]
        await asyncio.sleep(0)
        assert [each() for each in found] == [None] * 3
    finally:
        gc.enable()


async def test_thousands_that_end_one_by_one_cost_little(monkeypatch: pytest.MonkeyPatch) -> None:
    deadlines, loop, looks = Deadlines(), asyncio.get_running_loop(), 0
    call_at = loop.call_at

    def counted(*args: Any, **kwargs: Any) -> asyncio.TimerHandle:
        nonlocal looks
        looks += 1  # each timer looks at all limits once
        return call_at(*args, **kwargs)

    monkeypatch.setattr(loop, "call_at", counted)
    many = 3_000
    calls = [limited(deadlines, 0.5 + number / many, forever) for number in range(many)]
    ended = await asyncio.gather(*calls, return_exceptions=True)
    assert all(isinstance(each, TimeoutError) for each in ended)
    assert 0 < looks < many / 10


async def test_a_task_may_have_several_one_after_the_other_and_nested() -> None:
    deadlines = Deadlines()
    for _ in range(3):
        with pytest.raises(TimeoutError), deadlines.within(0.02, LONG):
            await forever()
    with deadlines.within(LONG, LONG):
        with pytest.raises(TimeoutError), deadlines.within(0.02, LONG):
            await forever()
        await asyncio.sleep(0)
