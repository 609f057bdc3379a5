"""One run of a call at a time, for all tasks, event loops and threads that want its result."""

from __future__ import annotations

import asyncio
import math
import threading
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, Final, Generic, TypeVar

from .clock import SYSTEM_CLOCK
from .forks import forget_in_child

T = TypeVar("T")

#: Seconds between looks at whether the loop that carries a run still turns.
_LOOK_EVERY: Final = 0.25
#: Seconds after which a loop that does not react is given up, as one that is held up by blocking code.
GIVEN_UP_AFTER: Final = 5.0


def _always() -> bool:
    return True


class SingleFlight(Generic[T]):
    """Shares one run of a call among everybody who asks for it meanwhile.

    A run is a task of its own, on the loop of whoever asked first: cancelling an asker harms
    nobody, and when that loop ends before the run does, or stands still, the askers on other loops
    start another. The lock guards the choice of the run, never the run.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._run: _Run[T] | None = None
        forget_in_child(self)

    async def join(
        self, call: Callable[[], Coroutine[Any, Any, T]], may_start: Callable[[], bool] = _always
    ) -> T | None:
        """The result of the run under way, or else of a new run of ``call``.

        Args:
            call: What to run. Its result, which is never None, or its error reaches every asker.
            may_start: Whether a new run may begin; asked by one thread at a time, so it must not
                block.

        Returns:
            The result; None when nothing is under way and nothing may start.

        Raises:
            Exception: What the call raises.
        """
        if not runs_asyncio():  # so nothing can be shared, and the call raises what says why
            return await call()
        while (run := self._current(call, may_start)) is not None:
            if (result := await run.result()) is not None:
                return result
        return None

    def under_way(self) -> Awaitable[T | None] | None:
        """What to await for the result of a run on this very loop; None if there is none.

        Thousands of tasks may wait here, so each gets a bare future and not a coroutine.
        Its result is None if the run is lost, which leaves its asker to `join`.
        """
        run = self._run
        return run.result() if run is not None and run.is_here and not run.has_ended else None

    def start(
        self, call: Callable[[], Coroutine[Any, Any, T]], may_start: Callable[[], bool] = _always
    ) -> None:
        """As `join`, but waits for nothing. Needs a running loop."""
        self._current(call, may_start)

    async def aclose(self) -> None:
        """Cancel the run under way; its askers start another."""
        with self._lock:
            run, self._run = self._run, None
        if run is not None:
            await run.cancel()

    def _current(
        self, call: Callable[[], Coroutine[Any, Any, T]], may_start: Callable[[], bool]
    ) -> _Run[T] | None:
        run = self._run
        if run is not None and not run.is_over:
            return run
        with self._lock:
            if self._run is None or self._run.is_over:
                self._run = _Run(call) if may_start() else None
            return self._run

    def forget(self) -> None:
        """Start clean in a forked child, where no thread is left to end the run."""
        self._lock = threading.Lock()
        self._run = None


def runs_asyncio() -> bool:
    """Whether an asyncio loop runs on this thread; trio's loop is none."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


class _Run(Generic[T]):
    """A run on the loop that is running now."""

    def __init__(self, call: Callable[[], Coroutine[Any, Any, T]]) -> None:
        self.has_ended = False
        self._value: T | None = None
        self._error: Exception | None = None
        # One future for each asker on this loop, so that cancelling an asker ends only its own
        # future.
        self._here: list[asyncio.Future[T | None]] = []
        self._end: Future[None] = Future()
        # An asker on another loop cannot cancel a future that is marked as running.
        self._end.set_running_or_notify_cancel()
        loop = asyncio.get_running_loop()
        # None when the run has ended: one that is kept must not keep its loop.
        self._loop: asyncio.AbstractEventLoop | None = loop
        # When an asker on another loop last called this loop, and whether the loop has reacted.
        self._called_at, self._has_reacted = -math.inf, True
        self._task: asyncio.Task[None] | None = loop.create_task(self._carry_out(call))
        self._task.add_done_callback(self._note_end)  # also if it is cancelled before it begins

    @property
    def is_here(self) -> bool:
        """Whether it is on the loop that is running now."""
        return self._loop is asyncio.get_running_loop()

    @property
    def is_over(self) -> bool:
        """Whether it ended, or nobody knows when it will because its loop stands still."""
        loop = self._loop
        return self.has_ended or loop is None or not loop.is_running() or self._is_held_up(loop)

    def result(self) -> Awaitable[T | None]:
        """What the call returns or raises; None if it is cancelled, or lost with its loop.

        On its own loop, only before it has ended.
        """
        if not self.is_here:
            return self._result_elsewhere()
        result: asyncio.Future[T | None] = asyncio.get_running_loop().create_future()
        self._here.append(result)
        return result

    async def _result_elsewhere(self) -> T | None:
        end = asyncio.wrap_future(self._end)
        try:
            while not self.is_over:
                await asyncio.wait([end], timeout=_LOOK_EVERY)
        finally:
            end.cancel()
        if self._error is not None:
            raise self._error.with_traceback(None)  # as in _hand_to
        return self._value

    async def cancel(self) -> None:
        loop, task = self._loop, self._task
        if loop is None or task is None:
            return
        if self.is_here:
            task.cancel()
            await asyncio.wait([task])
        elif loop.is_running():
            loop.call_soon_threadsafe(task.cancel)

    def _is_held_up(self, loop: asyncio.AbstractEventLoop) -> bool:
        """Whether the run's loop has not reacted for too long, to calls that it gets now and then."""
        if self.is_here:
            return False
        now = SYSTEM_CLOCK.running()
        if not self._has_reacted:
            return now >= self._called_at + GIVEN_UP_AFTER
        if now >= self._called_at + _LOOK_EVERY:
            self._called_at, self._has_reacted = now, False
            with suppress(RuntimeError):  # it ends this very moment
                loop.call_soon_threadsafe(self._react)
        return False

    def _react(self) -> None:
        self._has_reacted = True

    async def _carry_out(self, call: Callable[[], Coroutine[Any, Any, T]]) -> None:
        try:
            self._value = await call()
        except Exception as error:  # noqa: BLE001 - it is raised where the result is asked for
            self._error = error

    def _note_end(self, _: asyncio.Task[None]) -> None:
        self.has_ended = True
        for result in self._here:
            self._hand_to(result)
        self._here.clear()
        self._end.set_result(None)
        self._loop = self._task = None

    def _hand_to(self, result: asyncio.Future[T | None]) -> None:
        if result.done():
            return  # its asker was cancelled
        if self._error is None:
            result.set_result(self._value)
        else:
            # Many raise this one error: without the reset, it would collect the frames of them all.
            result.set_exception(self._error.with_traceback(None))
            result.exception()  # else asyncio reports it if nobody is left to await it
