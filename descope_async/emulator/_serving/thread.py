"""ServerThread: a thread with an event loop of its own, on which an emulator serves.

An emulator must answer while the loop that made it is not running: between two tests with loops of
their own, or while a blocking call holds that loop up.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager, suppress
from contextvars import Context
from typing import Final, Generic, TypeVar

from descope_async.emulator.errors import EmulatorError

T = TypeVar("T")
R = TypeVar("R")

#: Turns of the event loop in which a connection that was accepted just before the end is closed.
_LAST_TURNS: Final = 6


class ServerThread(Generic[T]):
    """Enters a context on a thread of its own, and leaves it there.

    Args:
        life: The context manager to enter. What it gives is passed to the work.
    """

    def __init__(self, life: Callable[[], AbstractAsyncContextManager[T]]) -> None:
        self._life = life
        self._entered: Future[T] = Future()
        self._left: Future[None] = Future()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop = asyncio.Event()

    async def start(self) -> T:
        """Start the thread, and return when the context is entered.

        Raises:
            EmulatorError: There can be no other thread.
        """
        # An empty context: otherwise the thread would keep the context variables of its starter alive.
        thread = threading.Thread(
            target=Context().run, args=(self._main,), name="descope-emulator", daemon=True
        )
        try:
            thread.start()
        except RuntimeError as error:
            raise EmulatorError(f"the emulator's thread cannot be started: {error}") from error
        try:
            return await asyncio.wrap_future(self._entered)
        except BaseException:
            await self.stop()
            raise

    @property
    def has_ended(self) -> bool:
        """Whether the thread has ended."""
        return self._left.done()

    async def run(self, work: Callable[[T], Awaitable[R]]) -> R:
        """Do some work on the thread.

        Raises:
            EmulatorError: The thread has ended.
        """

        async def on_thread() -> R:
            return await work(self._entered.result())

        if self._loop is None or self._left.done():
            raise EmulatorError("the emulator is not running: start it first")
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(on_thread(), self._loop))

    async def stop(self) -> None:
        """Leave the context, and return when the thread ends."""
        if self._loop is not None and not self._left.done():
            with suppress(RuntimeError):  # the loop is closed already, where the start has failed
                self._loop.call_soon_threadsafe(self._stop.set)
            await asyncio.shield(asyncio.wrap_future(self._left))

    def _main(self) -> None:
        factory = asyncio.SelectorEventLoop
        if sys.platform == "win32":
            factory = asyncio.ProactorEventLoop
        try:
            # asyncio's own loop, whatever the policy is: what follows depends on no other.
            with asyncio.Runner(loop_factory=factory) as runner:
                runner.run(self._live())
        except BaseException as error:  # noqa: BLE001 - raised where the end is awaited
            self._left.set_exception(error)
        else:
            self._left.set_result(None)

    async def _live(self) -> None:
        self._loop = asyncio.get_running_loop()
        try:
            async with self._life() as entered:
                self._entered.set_result(entered)
                await self._stop.wait()
        except BaseException as error:
            if self._entered.done():
                raise
            self._entered.set_exception(error)
        finally:
            for _ in range(_LAST_TURNS):
                await asyncio.sleep(0)
