"""An event loop on a thread of its own, and the calls that other threads wait for."""

from __future__ import annotations

import asyncio
import os
import select
import selectors
import sys
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager, AbstractContextManager, suppress
from contextvars import Context
from functools import partial
from importlib import import_module
from threading import Event, Thread, current_thread, main_thread
from types import TracebackType
from typing import Any, Final, Generic, TypeVar

from anyio import create_task_group
from anyio.abc import TaskGroup
from anyio.from_thread import BlockingPortal

from descope_async._runtime import shield
from descope_async.errors import DescopeError, OutcomeUnknown

R = TypeVar("R")
T = TypeVar("T")

# Else anyio imports it during the first call, and a child that is forked just then waits for ever
# for the lock of that import.
import_module("anyio._backends._asyncio")

EXITING: Final = "the process is exiting, and descope_sync has shut down"
#: Seconds that cancelled work gets to put things in order.
_GRACE: Final = 5.0
#: Seconds between looks at whether there is more to wait for than that.
_LOOK_EVERY: Final = 0.1
#: Ctrl-C does not interrupt the wait for a lock on Windows, so there it is waited for in slices.
_SLICE: Final = 0.1 if sys.platform == "win32" else None
#: From 3.14 on a thread may inherit its creator's context, here that of whoever calls first.
_NO_CONTEXT: Final[dict[str, Any]] = {"context": Context()} if sys.version_info >= (3, 14) else {}


class LoopClosed(DescopeError):
    """The background event loop ended before the call did, as it does when the process exits."""


class Bound(Generic[T]):
    """A function with its arguments, which may be secrets: unlike a partial, it never shows them."""

    def __init__(
        self, func: Callable[..., T], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        self._func, self._args, self._kwargs = func, args, kwargs

    def __call__(self) -> T:
        return self._func(*self._args, **self._kwargs)


class Loop:
    """An event loop that runs on a daemon thread until it is stopped.

    Raises:
        LoopClosed: The thread cannot be started.
    """

    def __init__(self) -> None:
        self.ending = False
        self.calls: set[Call[Any]] = set()
        self._stopped = False
        self._tasks: TaskGroup
        self._selector: selectors.BaseSelector | None = None
        self._started: Future[tuple[asyncio.AbstractEventLoop, BlockingPortal]] = Future()
        self.thread = Thread(target=self._run, name="descope-sync", daemon=True, **_NO_CONTEXT)
        try:
            self.thread.start()
        except RuntimeError as error:  # out of threads or, from 3.12 on, at exit
            raise LoopClosed("the background event loop cannot be started") from error

    @property
    def alive(self) -> bool:
        """Whether it takes calls. In a forked child, the parent's does not."""
        return self.thread.is_alive() and not self.ending

    @property
    def shields(self) -> bool:
        """Whether something runs that nothing may interrupt, and that ends by itself in time."""
        loop, _ = self._started.result()
        return any(task.get_loop() is loop for task in list(shield.under_way))

    def wait_until_started(self) -> None:
        """Wait for the thread, and raise what kept it from running a loop."""
        self._started.result()

    def detach(self) -> None:
        """In a forked child, let nothing that happens to this loop reach the parent's.

        Its thread is gone, but the child shares its epoll set with the parent: a connection that
        is collected here would take the parent's out of it, whose calls would then wait for ever.
        """
        if sys.platform == "linux" and isinstance(self._selector, selectors.EpollSelector):
            with select.epoll() as own:
                os.dup2(own.fileno(), self._selector.fileno(), inheritable=False)

    def start(self, call: Call[Any]) -> None:
        """Run a call in a task of its own and in a copy of the caller's context."""
        if self.alive:
            loop, _ = self._started.result()
            with suppress(RuntimeError):  # it ends this very moment
                # Not by the portal, which makes the caller wait until the task has been made.
                loop.call_soon_threadsafe(self._begin, call)
                return
        call.end()

    def _begin(self, call: Call[Any]) -> None:
        try:
            self._tasks.start_soon(call.run)
        except RuntimeError:  # the loop ends
            call.end()

    def soon(self, func: Callable[..., object], *args: object) -> bool:
        """Call a function on the loop, unless that has ended: then return False."""
        if self.thread.is_alive():
            loop, _ = self._started.result()
            with suppress(RuntimeError):  # it ends this very moment
                loop.call_soon_threadsafe(func, *args)
                return True
        return False

    def stop(self) -> None:
        """Cancel what runs, and wait for the end."""
        self._stopped = self.ending = True
        _, portal = self._started.result()
        with suppress(RuntimeError):  # it has ended by itself
            portal.start_task_soon(portal.stop, True)
        self.thread.join(_GRACE)

    def _run(self) -> None:
        try:
            with asyncio.Runner(loop_factory=self._new_loop) as runner:
                try:
                    runner.run(self._main())
                finally:
                    self.ending = True  # before the runner cancels what is left
        except BaseException as error:
            if not self._started.done():
                self._started.set_exception(error)
            # From 3.12 on, asyncio cannot end its executor at exit: that would take a thread.
            elif not self._stopped:
                raise
        finally:
            for call in list(self.calls):
                call.end()

    def _new_loop(self) -> asyncio.AbstractEventLoop:
        # Not uvloop's: a forked child that collects what was on one crashes as it exits.
        if sys.platform == "win32":
            return asyncio.new_event_loop()
        self._selector = selectors.DefaultSelector()
        return asyncio.SelectorEventLoop(self._selector)

    async def _main(self) -> None:
        async with BlockingPortal() as portal, create_task_group() as self._tasks:
            self._started.set_result((asyncio.get_running_loop(), portal))
            await portal.sleep_until_stopped()


class Call(Generic[T]):
    """A call on the loop, and what became of it.

    The outcome is kept from the portal, where a SystemExit would end the loop for every caller.
    """

    def __init__(self, loop: Loop, func: Callable[[], Awaitable[T]]) -> None:
        self._loop = loop
        self._func = func
        self._task: asyncio.Task[Any] | None = None
        self._ended = Event()
        self._given_up = False
        self._returned: tuple[T] | None = None
        self._error: BaseException | None = None
        loop.calls.add(self)

    @property
    def ended(self) -> bool:
        """Whether nothing more will come of it."""
        return self._ended.is_set()

    def outcome(self, start: Callable[[Call[T]], None]) -> T:
        """Start the call, wait for its end, and return or raise what it did.

        A wait that is interrupted (Ctrl-C) cancels the call and lets it put things in order; a
        second interruption ends that too. If the call was done all the same, what it returned is
        the interruption's ``result``: it may be a secret that is shown only once. What it raised
        instead is the interruption's cause.
        """
        try:
            start(self)
            while not self._ended.wait(_SLICE):
                pass
        except BaseException as interruption:
            self._given_up = True
            if self._loop.soon(self._cancel):
                self._ended.wait(_GRACE)
                while self._loop.shields and not self._ended.wait(_LOOK_EVERY):
                    pass
            self._hand_over(interruption)
            raise
        return self._result()

    async def run(self) -> None:
        """Run the call in the current task."""
        self._task = asyncio.current_task()
        try:
            if not self._given_up:
                self._returned = (await self._func(),)
        except asyncio.CancelledError as error:
            # Where nobody cancelled it, the core itself raised this, which is not to be hidden.
            if not (self._given_up or self._loop.ending):
                self._error = error
        except BaseException as error:  # noqa: BLE001 - outcome() raises it
            self._error = error
        finally:
            self.end()

    def end(self) -> None:
        """Let the caller go on."""
        self._loop.calls.discard(self)
        self._ended.set()

    def _cancel(self) -> None:
        if self._task is None:
            self.end()  # it will not begin any more
        elif not self.ended:
            self._task.cancel()

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
        if self._returned is None:
            raise LoopClosed("the background event loop ended before the call did")
        return self._returned[0]


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
        if self._life.ended:
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
