"""An emulator serves whichever loop made it, and tells of calls that were not awaited."""

from __future__ import annotations

import asyncio
import os
import urllib.error
import urllib.request
import warnings

import pytest

from descope_async.emulator import Emulator, EmulatorError


def status(emulator: Emulator) -> int:
    try:
        with urllib.request.urlopen(f"{emulator.base_url}/v2/keys/P404", timeout=120) as response:  # noqa: S310 - a local URL
            return int(response.status)
    except urllib.error.HTTPError as error:
        with error:  # it is an answer too, and Python 3.15 tells of one that is not closed
            return error.code


async def test_it_answers_while_the_loop_that_made_it_is_held_up() -> None:
    async with Emulator() as emulator:
        assert status(emulator) == 404  # a blocking call


def test_it_outlives_the_loop_that_made_it() -> None:
    emulator = Emulator()
    asyncio.run(emulator.start())
    assert status(emulator) == 404
    asyncio.run(emulator.create_tenant("t1"))
    tenants = asyncio.run(emulator.snapshot())["tenants"]
    assert [each["id"] for each in tenants] == ["t1"]
    asyncio.run(emulator.aclose())
    with pytest.raises(EmulatorError, match="start it first"):
        asyncio.run(emulator.snapshot())


async def test_a_call_without_await_is_told_of_by_the_next() -> None:
    async with Emulator() as emulator:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # Python's own, which nothing raises
            emulator.create_tenant("t1")  # type: ignore[unused-coroutine]  # what is tested
        with pytest.raises(EmulatorError, match=r"create_tenant\(\) was called without await"):
            await emulator.snapshot()
        assert (await emulator.snapshot())["tenants"] == []


def forget(emulator: Emulator) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # Python's own, which nothing raises
        emulator.reset()  # type: ignore[unused-coroutine]  # what is tested


async def test_a_call_without_await_is_told_of_by_the_end() -> None:
    emulator = Emulator()
    await emulator.start()
    forget(emulator)
    with pytest.raises(EmulatorError, match=r"reset\(\) was called without await"):
        await emulator.__aexit__(None, None, None)
    await emulator.start()
    forget(emulator)
    error = ZeroDivisionError()  # which says more
    await emulator.__aexit__(ZeroDivisionError, error, None)


async def test_a_task_of_a_call_is_awaited() -> None:
    async with Emulator() as emulator:
        await asyncio.gather(*[emulator.create_tenant(f"t{n}") for n in range(3)])
        task = asyncio.create_task(emulator.create_tenant("t3"))
        await task
        assert len((await emulator.snapshot())["tenants"]) == 4


async def test_a_forked_child_is_told_whose_it_is() -> None:
    async with Emulator() as emulator:
        read, write = os.pipe()
        child = os.fork()
        if not child:
            try:
                coroutine = emulator.snapshot()
                coroutine.send(None)
            except EmulatorError as error:
                os.write(write, str(error).encode())
            finally:
                os._exit(0)
        os.waitpid(child, 0)  # noqa: ASYNC222 - it ends at once
        assert b"the parent process's" in os.read(read, 1000)
        os.close(read)
        os.close(write)
