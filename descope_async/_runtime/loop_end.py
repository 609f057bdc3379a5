"""What is to be done when an event loop is closed, however that happens."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import Context
from typing import TYPE_CHECKING, Final
from weakref import WeakKeyDictionary, finalize

from .forks import forget_in_child

if TYPE_CHECKING:
    # Errors are imported with this, and nothing that takes long may come with them.
    from asyncio import AbstractEventLoop

#: Seconds until a timer that never goes off. Timers of a hundred years overflow on some platforms.
_NEVER: Final = 1e8


class _Token:
    """Held by a timer of the loop and by nothing else, so it goes when the loop is closed."""

    __slots__ = ("__weakref__",)


class _Callbacks:
    """What is to be done at the end of one loop."""

    def __init__(self) -> None:
        self._callbacks: set[Callable[[], None]] = set()
        forget_in_child(self)

    def add(self, callback: Callable[[], None]) -> None:
        self._callbacks.add(callback)

    def discard(self, callback: Callable[[], None]) -> None:
        self._callbacks.discard(callback)

    def call(self) -> None:
        while self._callbacks:
            self._callbacks.pop()()

    def forget(self) -> None:
        """In a forked child, drop the callbacks: the parent's loops do not run there."""
        self._callbacks.clear()


def at_loop_end(loop: AbstractEventLoop, callback: Callable[[], None]) -> None:
    """Have a function called when a loop is closed.

    A loop that is closed calls nothing, but it drops its timers, which can be noticed. The function
    is called at that moment: it must be short, and must not use the loop.
    """
    callbacks = _ends.get(loop)
    if callbacks is None:
        callbacks = _ends[loop] = _Callbacks()
        token = _Token()
        finalize(token, callbacks.call).atexit = False
        loop.call_later(_NEVER, _nothing, token, context=Context())
    callbacks.add(callback)


def forget_loop_end(loop: AbstractEventLoop, callback: Callable[[], None]) -> None:
    """Do not call the function when the loop is closed."""
    callbacks = _ends.get(loop)
    if callbacks is not None:
        callbacks.discard(callback)


def _nothing(_: _Token) -> None:
    pass


_ends: Final[WeakKeyDictionary[AbstractEventLoop, _Callbacks]] = WeakKeyDictionary()
