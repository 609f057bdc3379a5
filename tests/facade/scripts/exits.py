"""The process exits with things open, with a call in flight, or with handlers that still call."""

from __future__ import annotations

import asyncio
import atexit
import socket
import sys
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress


def late_handler() -> None:
    # Registered before descope_sync was imported, so it runs when that has shut down.
    from descope_sync import LoopClosed

    try:
        print("late", PORTAL.call(answer))
    except LoopClosed as error:
        print("late", error)


atexit.register(late_handler)

from descope_sync import LoopClosed  # noqa: E402
from descope_sync._portal import PORTAL  # noqa: E402


async def answer() -> str:
    return "answer"


async def look_up() -> None:
    # By a thread of the executor, as asyncio does, and uvloop does not.
    await asyncio.to_thread(socket.getaddrinfo, "localhost", 80)


async def items() -> AsyncGenerator[int, None]:
    try:
        yield 1
    finally:
        print("generator closed")


@asynccontextmanager
async def span() -> AsyncIterator[None]:
    try:
        yield
    finally:
        print("span left")


def early_handler() -> None:
    print("early", PORTAL.call(answer))
    try:
        PORTAL.call(look_up)
    except LoopClosed as error:
        print("look-up", error)


def handlers() -> None:
    atexit.register(early_handler)
    PORTAL.call(answer)


def only_handlers() -> None:
    atexit.register(lambda: None)


def open_things() -> None:
    global kept  # noqa: PLW0603 - so that it lives until the exit
    generator = PORTAL.iterate(items)
    next(generator)
    held = PORTAL.enter(span)
    held.__enter__()
    kept = [generator, held]


def in_flight() -> None:
    started = threading.Event()

    async def wait() -> None:
        started.set()
        try:
            await asyncio.sleep(60)
        finally:
            print("cancelled")

    def call() -> None:
        with suppress(LoopClosed):
            PORTAL.call(wait)

    threading.Thread(target=call, daemon=True).start()
    started.wait()


def executor() -> None:
    PORTAL.call(look_up)


kept: list[object] = []
CASES: dict[str, Callable[[], None]] = {
    "handlers": handlers,
    "only_handlers": only_handlers,
    "open_things": open_things,
    "in_flight": in_flight,
    "executor": executor,
}
CASES[sys.argv[1]]()
print("end of script")
