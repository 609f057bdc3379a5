"""The way from blocking code to the async core: one background event loop for the process.

The first call starts it, a forked child forgets its parent's, and it ends when the process exits.
"""

from __future__ import annotations

import atexit
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import AbstractAsyncContextManager, AbstractContextManager, aclosing
from threading import RLock, current_thread
from typing import Any, Final, ParamSpec, TypeVar

from descope_async._runtime.forks import catch_up_with_fork, forget_in_child
from descope_async.errors import DescopeError

from ._blocking_calls import EXITING, Bound, Call
from ._green_threads import IMPORTED_UNDER_EVENTLET, refuse_replaced_threads, threads_are_eventlets
from ._held import Held
from ._loop import Loop, LoopClosed
from ._running_loop import warn_inside_event_loop

__all__ = ["PORTAL", "Portal", "unwrapped"]

P = ParamSpec("P")
T = TypeVar("T")


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
        warn_inside_event_loop(loop)
        return Call(loop, bound).outcome(loop.start)

    def iterate(
        self, func: Callable[P, AsyncGenerator[T, None]], /, *args: P.args, **kwargs: P.kwargs
    ) -> Generator[T, None, None]:
        """Iterate over ``func(*args, **kwargs)``, which never runs ahead of its reader."""
        bound = Bound(func, args, kwargs)
        del args, kwargs
        warn_inside_event_loop(self._loop)
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
        warn_inside_event_loop(loop)
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
        if IMPORTED_UNDER_EVENTLET or not threads_are_eventlets():  # else it cannot be waited for
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
        refuse_replaced_threads()
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
            warn_inside_event_loop(loop)
            raise DescopeError(
                "a blocking call on descope_sync's own event loop, as from a callback, would wait "
                "for itself: use descope_async there"
            )
        return loop


def unwrapped(twin: object) -> Any:
    """What a blocking object wraps; anything else as it is."""
    return vars(twin).get("_async", twin) if hasattr(twin, "__dict__") else twin


PORTAL: Final = Portal()
forget_in_child(PORTAL)
atexit.register(PORTAL.close_at_exit)
