"""An async context manager that stays open on the background event loop."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from functools import partial
from threading import current_thread
from types import TracebackType
from typing import Any, TypeVar

from ._blocking_calls import Call
from ._loop import Loop, LoopClosed

R = TypeVar("R")
T = TypeVar("T")


class Held(AbstractContextManager[T, bool | None]):
    """An async context manager that is entered, used and left in one task.

    Cancel scopes and context variables inside it demand that.
    """

    def __init__(
        self, loop: Loop, make: Callable[[], AbstractAsyncContextManager[T, bool | None]]
    ) -> None:
        self._loop = loop
        self._make = make
        self._manager: AbstractAsyncContextManager[T, bool | None] | None = None
        self._steps: asyncio.Queue[Call[Any] | None] = asyncio.Queue()
        self._life: Call[None]

    def __enter__(self) -> T:
        self._life = Call(self._loop, self._live)
        self._loop.start(self._life)
        try:
            return self.do(self._enter)
        except BaseException:
            self._loop.soon(self._steps.put_nowait, None)
            raise

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool | None:
        try:
            # The garbage collector may come here on the loop's thread, or after all threads.
            if current_thread() is self._loop.thread or sys.is_finalizing():
                return None
            return self.do(partial(self._leave, exc_type, exc_value, traceback))
        except LoopClosed:
            if exc_type is None:
                raise
            return None
        finally:
            self._loop.soon(self._steps.put_nowait, None)

    def do(self, func: Callable[[], Awaitable[R]]) -> R:
        """Await ``func()`` in the task that holds the context manager."""
        return Call(self._loop, func).outcome(self._post)

    def _post(self, step: Call[Any]) -> None:
        if not self._loop.soon(self._take, step):
            step.end()

    def _take(self, step: Call[Any]) -> None:
        if self._life.has_ended:
            step.end()
        else:
            self._steps.put_nowait(step)

    async def _live(self) -> None:
        try:
            while (step := await self._steps.get()) is not None:
                await step.run()
        finally:
            if self._manager is not None:  # the loop ends, or its holder is gone
                await self._leave(*sys.exc_info())
            while not self._steps.empty():
                if (step := self._steps.get_nowait()) is not None:
                    step.end()

    async def _enter(self) -> T:
        manager = self._make()
        value = await manager.__aenter__()
        self._manager = manager
        return value

    async def _leave(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool | None:
        manager, self._manager = self._manager, None
        if manager is None:
            return None
        return await manager.__aexit__(exc_type, exc_value, traceback)
