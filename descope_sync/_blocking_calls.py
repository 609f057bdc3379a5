"""One call on the background event loop, and the thread that waits for it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from threading import main_thread
from typing import Any, Final, Generic, TypeVar

from descope_async.errors import DescopeError, OutcomeUnknown

from ._loop import GRACE, Latch, Loop, LoopClosed, call_context

T = TypeVar("T")

EXITING: Final = "the process is exiting, and descope_sync has shut down"
#: Ctrl-C does not interrupt the wait for a lock on Windows, so there it is waited for in slices.
_SLICE: Final = 0.1 if sys.platform == "win32" else None


class Bound(Generic[T]):
    """A function with its arguments, which may be secrets: unlike a partial, it never shows them."""

    def __init__(
        self, func: Callable[..., T], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        self._func, self._args, self._kwargs = func, args, kwargs

    def __call__(self) -> T:
        return self._func(*self._args, **self._kwargs)


class Call(Generic[T]):
    """A call on the loop, and what became of it.

    The outcome does not go through anyio, where a SystemExit would end the loop for every caller.
    """

    def __init__(self, loop: Loop, func: Callable[[], Awaitable[T]]) -> None:
        self.context = call_context()
        self._loop = loop
        self._func = func
        self._task: asyncio.Task[Any] | None = None
        self._ended = Latch()
        self._is_given_up = False
        self._returned: tuple[T] | None = None
        self._error: BaseException | None = None
        loop.jobs.add(self)

    @property
    def has_ended(self) -> bool:
        """Whether nothing more will come of it."""
        return self._ended.is_open

    def outcome(self, start: Callable[[Call[T]], None]) -> T:
        """Start the call, wait for its end, and return or raise what it did.

        A wait that is interrupted (Ctrl-C, or a signal handler that raises) cancels the call and
        lets it put things in order. A second interruption ends that too. If the call was done all
        the same, what it returned is the ``result`` of the interruption: it may be a secret that
        is shown only once. What it raised instead is the interruption's cause.
        """
        try:
            start(self)
            while not self._ended.wait(_SLICE):
                pass
        except BaseException as interruption:
            self._is_given_up = True
            if self._loop.soon(self._cancel):
                self._wait_for_order()
            self._hand_over(interruption)
            raise
        return self._result()

    async def run(self) -> None:
        """Run the call in the current task."""
        self._task = asyncio.current_task()
        try:
            if not self._is_given_up:
                self._returned = (await self._func(),)
        except asyncio.CancelledError as error:
            # Where nobody cancelled it, the core itself raised this, which is not to be hidden.
            if not (self._is_given_up or self._loop.is_ending):
                self._error = error
        except BaseException as error:  # noqa: BLE001 - outcome() raises it
            self._error = error
        finally:
            self.end()

    def end(self) -> None:
        """Let the caller go on."""
        self._loop.jobs.discard(self)
        self._ended.open()

    def _cancel(self) -> None:
        if self._task is None:
            self.end()  # it will not begin any more
        elif not self.has_ended:
            self._task.cancel()

    def _wait_for_order(self) -> None:
        while True:
            # Looked at before the wait: what is shielded ends a little before the call does.
            is_shielding = self._loop.is_shielding
            if self._ended.wait(GRACE) or not is_shielding:
                return

    def _hand_over(self, interruption: BaseException) -> None:
        result: object = self._returned[0] if self._returned else None
        if isinstance(self._error, DescopeError):
            interruption.__cause__ = self._error
        if isinstance(self._error, OutcomeUnknown):
            result = self._error.result
        if result is not None:
            vars(interruption)["result"] = result
            interruption.add_note("The call was done all the same: see `result` of this.")

    def _result(self) -> T:
        error, self._error = self._error, None
        try:
            if isinstance(error, RuntimeError) and not main_thread().is_alive():
                # A name look-up takes an executor, and Python has shut those down.
                raise LoopClosed(EXITING) from error
            if error is not None:
                raise error
        finally:
            del error  # whose traceback refers to this frame
        # The loop may hold this until the next call, and what it returned must not live for so long.
        returned, self._returned = self._returned, None
        if returned is None:
            raise LoopClosed("the background event loop ended before the call did")
        return returned[0]
