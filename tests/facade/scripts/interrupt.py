"""Ctrl-C, once or twice, in the middle of a call, an iteration or a context manager."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager

from descope_sync._portal import PORTAL

ready = threading.Event()


async def add(a: int, b: int) -> int:
    return a + b


async def sleep_long() -> None:
    ready.set()
    try:
        await asyncio.sleep(60)
    finally:
        await asyncio.sleep(0.05)
        print("cleaned up")


async def sleep_stubbornly() -> None:
    for _ in range(2):
        try:
            ready.set()
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            print("ignored")


async def finish_anyhow() -> str:
    ready.set()
    try:
        await asyncio.sleep(60)
    except asyncio.CancelledError:
        print("ignored")
    return "secret"


async def items() -> AsyncGenerator[int, None]:
    try:
        yield 1
        ready.set()
        await asyncio.sleep(60)
        yield 2
    finally:
        print("closed")


@asynccontextmanager
async def slow_to_enter() -> AsyncIterator[None]:
    await sleep_long()
    yield


def call() -> None:
    PORTAL.call(sleep_long)


def twice() -> None:
    PORTAL.call(sleep_stubbornly)


def finished() -> None:
    try:
        PORTAL.call(finish_anyhow)
    except KeyboardInterrupt as interruption:
        print(vars(interruption)["result"], str(interruption.__notes__))
        raise


def iteration() -> None:
    for item in PORTAL.iterate(items):
        print("item", item)


def enter() -> None:
    with PORTAL.enter(slow_to_enter):
        print("entered")


def interrupt(times: int) -> None:
    for _ in range(times):
        ready.wait()
        ready.clear()  # the next one comes when this one was ignored: two at once would be one
        time.sleep(0.2)
        os.kill(os.getpid(), signal.SIGINT)


CASES: dict[str, Callable[[], None]] = {
    "call": call,
    "twice": twice,
    "finished": finished,
    "iteration": iteration,
    "enter": enter,
}

case = sys.argv[1]
PORTAL.call(add, 1, 2)
threading.Thread(target=interrupt, args=(2 if case == "twice" else 1,), daemon=True).start()
started = time.monotonic()
try:
    CASES[case]()
except KeyboardInterrupt:
    print("interrupted")
assert time.monotonic() - started < 4, "waited for the whole grace"
print(PORTAL.call(add, 1, 2))
