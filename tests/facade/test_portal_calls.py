"""What happens inside one process that goes on living."""

from __future__ import annotations

import asyncio
import gc
import linecache
import threading
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from importlib import import_module
from importlib.util import find_spec
from threading import Thread
from typing import NoReturn

import anyio
import anyio.lowlevel
import pytest

from descope_async import DescopeError
from descope_sync import BlockingCallInEventLoop, LoopClosed
from descope_sync._portal import Portal

USER: ContextVar[str] = ContextVar("user", default="nobody")


async def add(a: int, b: int = 1) -> int:
    await asyncio.sleep(0)
    return a + b


async def count(seen: list[str], stop: int = 3) -> AsyncGenerator[int, None]:
    try:
        for number in range(stop):
            seen.append(f"made {number}")
            yield number
    finally:
        await asyncio.sleep(0)
        seen.append("closed")


@asynccontextmanager
async def span(seen: list[str]) -> AsyncIterator[str]:
    # Both of these fail when they are left in another task than they were entered in.
    token = USER.set("inside")
    async with asyncio.timeout(30), asyncio.TaskGroup():
        try:
            yield "value"
        except KeyError:
            seen.append("suppressed")
        finally:
            await asyncio.sleep(0)
            seen.append("left")
    USER.reset(token)


def test_arguments_go_in_and_the_result_comes_out(portal: Portal) -> None:
    assert portal.call(add, 1, b=2) == 3


def test_errors_come_out_as_they_are(portal: Portal) -> None:
    error = DescopeError("no", operation="x")

    async def fail() -> NoReturn:
        raise error

    with pytest.raises(DescopeError) as caught:
        portal.call(fail)
    assert caught.value is error


def test_an_error_is_not_kept_alive(portal: Portal) -> None:
    class Tracked(Exception):
        pass

    def alive() -> int:
        return sum(type(each) is Tracked for each in gc.get_objects())

    async def fail() -> NoReturn:
        raise Tracked

    gc.collect()
    gc.disable()
    try:
        with pytest.raises(Tracked):
            portal.call(fail)
        portal.call(add, 1)  # the loop's thread lets go of the last task
        assert alive() == 0
    finally:
        gc.enable()


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), GeneratorExit()])
def test_what_would_end_the_loop_reaches_only_the_caller(
    portal: Portal, error: BaseException
) -> None:
    async def fail() -> NoReturn:
        raise error

    before = loop_threads()
    with pytest.raises(type(error)):
        portal.call(fail)
    assert portal.call(add, 1) == 2
    assert loop_threads() == before + 1


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_loop_that_died_is_replaced(portal: Portal) -> None:
    threads: list[Thread] = []

    async def die() -> None:
        threads.append(threading.current_thread())
        asyncio.get_running_loop().call_soon(raise_system_exit)
        await asyncio.sleep(60)

    with pytest.raises(LoopClosed, match="ended before the call did"):
        portal.call(die)
    assert portal.call(add, 1) == 2
    threads[0].join(30)


def raise_system_exit() -> NoReturn:
    raise SystemExit(3)


def test_the_core_cancelling_itself_is_no_shutdown(portal: Portal) -> None:
    async def raise_it() -> NoReturn:
        raise asyncio.CancelledError

    async def cancel_own_task() -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await asyncio.sleep(60)

    async def wait_for_something_cancelled() -> None:
        future = asyncio.get_running_loop().create_future()
        future.cancel()
        await future

    for func in (raise_it, cancel_own_task, wait_for_something_cancelled):
        with pytest.raises(asyncio.CancelledError):
            portal.call(func)
    assert portal.call(add, 1) == 2


def test_the_context_of_the_caller_is_seen_and_kept(portal: Portal) -> None:
    async def read_and_set() -> str:
        seen = USER.get()
        USER.set("the core")
        return seen

    token = USER.set("caller")
    try:
        assert portal.call(read_and_set) == "caller"
        assert USER.get() == "caller"
    finally:
        USER.reset(token)
    assert portal.call(read_and_set) == "nobody"


@pytest.mark.skipif(find_spec("sniffio") is None, reason="sniffio is not installed")
def test_the_caller_is_on_another_library(portal: Portal) -> None:
    async def use_anyio() -> str:
        with anyio.fail_after(30):
            await anyio.lowlevel.checkpoint()
        return "asyncio"

    library = import_module("sniffio").current_async_library_cvar
    token = library.set("trio")
    try:
        assert portal.call(use_anyio) == "asyncio"
    finally:
        library.reset(token)


def test_the_first_caller_leaves_no_context_behind(portal: Portal) -> None:
    async def read_in_a_callback() -> str:
        future: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_soon(lambda: future.set_result(USER.get()))
        return await future

    token = USER.set("first")
    portal.call(add, 1)
    USER.reset(token)
    assert portal.call(read_in_a_callback) == "nobody"


def test_close_ends_calls_and_the_next_call_starts_again(portal: Portal) -> None:
    started = threading.Event()
    errors: list[BaseException] = []

    async def wait() -> None:
        started.set()
        await asyncio.sleep(60)

    def call() -> None:
        try:
            portal.call(wait)
        except LoopClosed as error:
            errors.append(error)

    thread = Thread(target=call)
    thread.start()
    assert started.wait(30)
    portal.close()
    thread.join(30)
    assert len(errors) == 1
    assert portal.call(add, 1) == 2


def test_close_without_a_loop_does_nothing() -> None:
    Portal().close()


def test_iteration_never_runs_ahead(portal: Portal) -> None:
    seen: list[str] = []
    items = portal.iterate(count, seen)
    assert seen == []
    assert next(items) == 0
    assert seen == ["made 0"]
    assert list(items) == [1, 2]
    assert seen == ["made 0", "made 1", "made 2", "closed"]


def test_leaving_an_iteration_closes_the_generator(portal: Portal) -> None:
    seen: list[str] = []
    for _ in portal.iterate(count, seen, stop=9):
        break
    gc.collect()
    assert seen == ["made 0", "closed"]


def test_an_error_in_the_generator_ends_the_iteration(portal: Portal) -> None:
    async def fail() -> AsyncGenerator[int, None]:
        yield 1
        raise DescopeError("no")

    items = portal.iterate(fail)
    assert next(items) == 1
    with pytest.raises(DescopeError, match="no"):
        next(items)
    with pytest.raises(StopIteration):
        next(items)


def test_scopes_and_context_hold_across_items(portal: Portal) -> None:
    async def scoped() -> AsyncGenerator[int, None]:
        token = USER.set("inside")
        async with asyncio.timeout(30), anyio.create_task_group() as tasks:
            tasks.start_soon(asyncio.sleep, 0)
            yield 1
            yield 2
        USER.reset(token)

    assert list(portal.iterate(scoped)) == [1, 2]
    assert portal.call(add, 1) == 2


def test_a_context_manager_is_held_in_one_task(portal: Portal) -> None:
    seen: list[str] = []
    with portal.enter(span, seen) as value:
        assert value == "value"
        assert portal.call(add, 1) == 2
        assert seen == []
    assert seen == ["left"]


def test_a_context_manager_sees_the_error_of_its_block(portal: Portal) -> None:
    seen: list[str] = []
    with portal.enter(span, seen):
        raise KeyError
    assert seen == ["suppressed", "left"]


@pytest.mark.parametrize("error", [StopIteration(3), ValueError("x"), KeyboardInterrupt()])
def test_other_errors_pass_through_it(portal: Portal, error: BaseException) -> None:
    @asynccontextmanager
    async def plain() -> AsyncIterator[None]:
        yield

    with pytest.raises(type(error)) as caught, portal.enter(plain):
        raise error
    assert caught.value is error


def test_a_context_manager_that_cannot_be_entered(portal: Portal) -> None:
    @asynccontextmanager
    async def closed() -> AsyncIterator[None]:
        if portal is not None:
            raise DescopeError("closed")
        yield

    with pytest.raises(DescopeError, match="closed"), portal.enter(closed):
        pass
    assert portal.call(add, 1) == 2


def test_closing_the_loop_leaves_what_is_held(portal: Portal) -> None:
    left: list[str] = []

    @asynccontextmanager
    async def held() -> AsyncIterator[None]:
        try:
            yield
        finally:
            left.append("left")

    with pytest.raises(LoopClosed), portal.enter(held):
        portal.close()
    assert left == ["left"]


def test_an_iteration_outlived_by_its_loop(portal: Portal) -> None:
    items = portal.iterate(count, [])
    assert next(items) == 0
    portal.close()
    with pytest.raises(LoopClosed):
        next(items)


def test_a_generator_collected_on_the_loops_own_thread(portal: Portal) -> None:
    seen: list[str] = []

    class Cycle:
        def __init__(self) -> None:
            self.me = self
            self.items = portal.iterate(count, seen, stop=9)
            next(self.items)

    async def collect() -> None:
        gc.collect()

    gc.collect()
    gc.disable()
    try:
        Cycle()
        portal.call(collect)
        for _ in range(100):
            if "closed" in seen:
                break
            portal.call(asyncio.sleep, 0.01)
    finally:
        gc.enable()
    assert seen == ["made 0", "closed"]


def test_a_call_from_the_loops_own_thread_is_refused(portal: Portal) -> None:
    async def call_back() -> int:
        return portal.call(add, 1)

    with (
        pytest.warns(BlockingCallInEventLoop),
        pytest.raises(DescopeError, match="would wait for itself"),
    ):
        portal.call(call_back)


def test_a_call_from_a_worker_thread_of_the_core_works(portal: Portal) -> None:
    async def use_a_thread() -> int:
        return await anyio.to_thread.run_sync(portal.call, add, 1)

    assert portal.call(use_a_thread) == 2


async def test_a_call_inside_an_event_loop_warns_with_the_callers_line(portal: Portal) -> None:
    with pytest.warns(BlockingCallInEventLoop) as caught:
        portal.call(add, 1)
    assert caught[0].filename == __file__
    assert linecache.getline(__file__, caught[0].lineno).strip() == "portal.call(add, 1)"


async def test_iteration_and_entering_warn_once(portal: Portal) -> None:
    with pytest.warns(BlockingCallInEventLoop) as iterating:
        assert list(portal.iterate(count, [])) == [0, 1, 2]
    with pytest.warns(BlockingCallInEventLoop) as entering:
        portal.enter(span, [])
    assert [each.filename for each in (*iterating, *entering)] == [__file__] * 2


def test_a_plain_thread_does_not_warn(portal: Portal) -> None:
    assert portal.call(add, 1) == 2  # warnings are errors in these tests


def loop_threads() -> int:
    return sum(thread.name == "descope-sync" for thread in threading.enumerate())
