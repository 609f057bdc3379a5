"""The way from blocking code to the async core: one background event loop for the process.

The first call starts it, a forked child forgets its parent's, and it ends when the process exits.
"""

from __future__ import annotations

import asyncio
import atexit
import inspect
import os
import sys
import warnings
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import AbstractAsyncContextManager, AbstractContextManager, aclosing
from pathlib import Path
from threading import RLock, current_thread
from typing import Any, Final, ParamSpec, TypeVar

from descope_async._runtime.forks import catch_up_with_fork, forget_in_child
from descope_async.errors import ConfigurationError, DescopeError

from ._blocking_calls import EXITING, Bound, Call
from ._held import Held
from ._loop import Loop, LoopClosed

__all__ = ["PORTAL", "BlockingCallInEventLoop", "LoopClosed", "Portal", "unwrapped"]

P = ParamSpec("P")
T = TypeVar("T")

_HERE: Final = str(Path(__file__).parent) + os.sep


class BlockingCallInEventLoop(RuntimeWarning):
    """A blocking method was called on a thread that runs an event loop, which then stood still."""


class Portal:
    """Runs coroutine functions on the background event loop and waits for them."""

    def __init__(self) -> None:
        self._lock = RLock()  # a signal handler that calls may interrupt its holder
        self._loop: Loop | None = None
        self._is_exiting = False
        self._abandoned: list[Loop] = []

    def call(self, func: Callable[P, Awaitable[T]], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Await ``func(*args, **kwargs)`` and return what it returns."""
        bound = Bound(func, args, kwargs)
        del args, kwargs
        loop = self._current()
        _warn_inside_event_loop(loop)
        return Call(loop, bound).outcome(loop.start)

    def iterate(
        self, func: Callable[P, AsyncGenerator[T, None]], /, *args: P.args, **kwargs: P.kwargs
    ) -> Generator[T, None, None]:
        """Iterate over ``func(*args, **kwargs)``, which never runs ahead of its reader."""
        bound = Bound(func, args, kwargs)
        del args, kwargs
        _warn_inside_event_loop(self._loop)
        return self._iterate(bound)

    def enter(
        self,
        func: Callable[P, AbstractAsyncContextManager[T, bool | None]],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> AbstractContextManager[T, bool | None]:
        """Make a blocking context manager of ``func(*args, **kwargs)``."""
        bound = Bound(func, args, kwargs)
        del args, kwargs
        loop = self._current()
        _warn_inside_event_loop(loop)
        return Held(loop, bound)

    def close(self) -> None:
        """Cancel what runs and end the loop. A later call starts another."""
        with self._lock:
            loop, self._loop = self._loop, None
        if loop is not None:
            loop.stop()

    def close_at_exit(self) -> None:
        """Close for good: nobody would end a loop that is started after this."""
        self._is_exiting = True
        if _IMPORTED_UNDER_EVENTLET or not _threads_are_eventlets():  # else it cannot be waited for
            self.close()

    def forget(self) -> None:
        """In a forked child, let go of the parent's loop, whose thread only the parent has.

        It stays referenced, since it cannot be closed in order.
        """
        self._lock = RLock()
        if self._loop is not None:
            self._loop.leave_to_parent()
            self._abandoned.append(self._loop)
            self._loop = None

    def _iterate(self, func: Callable[[], AsyncGenerator[T, None]]) -> Generator[T, None, None]:
        held = Held(self._current(), lambda: aclosing(func()))
        with held as items:
            while True:
                try:
                    item = held.do(items.__anext__)
                except StopAsyncIteration:
                    return
                yield item

    def _current(self) -> Loop:
        _refuse_replaced_threads()
        catch_up_with_fork()
        loop = self._loop
        if loop is None or not loop.is_alive:
            with self._lock:
                loop = self._loop
                if loop is None or not loop.is_alive:
                    if self._is_exiting:
                        raise LoopClosed(EXITING)
                    loop = self._loop = Loop()
        if current_thread() is loop.thread:
            _warn_inside_event_loop(loop)
            raise DescopeError(
                "a blocking call on descope_sync's own event loop, as from a callback, would wait "
                "for itself: use descope_async there"
            )
        return loop


def unwrapped(twin: object) -> Any:
    """What a blocking object wraps; anything else as it is."""
    return vars(twin).get("_async", twin) if hasattr(twin, "__dict__") else twin


def _warn_inside_event_loop(own: Loop | None) -> None:
    try:
        running = asyncio.get_running_loop()
    except RuntimeError:
        return
    if _at_a_prompt():
        return
    if _IMPORTED_UNDER_EVENTLET and own is not None and own.runs(running):
        return  # all of eventlet's threads are one thread, on which our loop is the running one
    level, frame = 1, inspect.currentframe()
    while frame is not None and frame.f_code.co_filename.startswith(_HERE):
        level, frame = level + 1, frame.f_back
    warnings.warn(
        "a blocking descope_sync call on a thread that runs an event loop stops that loop: await "
        "the same method of descope_async instead",
        BlockingCallInEventLoop,
        stacklevel=level,
    )


def _at_a_prompt() -> bool:
    """Whether what is typed runs inside an event loop, as in notebooks and `python -m asyncio`."""
    ipython = sys.modules.get("IPython")
    if ipython is not None and ipython.get_ipython() is not None:
        return True
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    return spec is not None and spec.name == "asyncio.__main__"


def _refuse_replaced_threads() -> None:
    gevent = sys.modules.get("gevent.monkey")
    if gevent is not None and gevent.is_module_patched("threading"):
        raise ConfigurationError(
            "descope_sync needs real threads, and gevent has replaced them: patch without them, "
            "by gevent.monkey.patch_all(thread=False)"
        )
    if _threads_are_eventlets() and not _IMPORTED_UNDER_EVENTLET:
        raise ConfigurationError(
            "eventlet has replaced the threads after descope_sync was imported: call "
            "eventlet.monkey_patch() before the import"
        )


def _threads_are_eventlets() -> bool:
    eventlet = sys.modules.get("eventlet.patcher")
    return eventlet is not None and bool(eventlet.is_monkey_patched("thread"))


_IMPORTED_UNDER_EVENTLET: Final = _threads_are_eventlets()
PORTAL: Final = Portal()
forget_in_child(PORTAL)
atexit.register(PORTAL.close_at_exit)
