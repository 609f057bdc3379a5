"""Things that somebody must take, such as a new secret. One that nobody takes is reported.

A thing is reported once: when it is collected, or when its loop or the process ends. Python may
collect a thing at any moment, also while its thread holds a lock. So nothing is called at that
moment. The report is made a little later, on the loop of the thing, or else on a thread of its own.
"""

from __future__ import annotations

import _thread
import atexit
from collections import deque
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from contextvars import Context
from typing import TYPE_CHECKING, Final
from weakref import finalize, ref

from .forks import forget_in_child
from .loop_end import at_loop_end, forget_loop_end

if TYPE_CHECKING:
    # Errors are imported with this, and nothing that takes long may come with them.
    from asyncio import AbstractEventLoop


class Claim:
    """The report that is made if nobody takes a thing.

    Args:
        loop: Where it is told of, while that runs.
        tell: Tells of it.
    """

    def __init__(self, loop: AbstractEventLoop, tell: Callable[[], None]) -> None:
        self._tell = tell
        self._loop = ref(loop)
        _claims.open.add(self)

    def settle(self) -> None:
        """Somebody took the thing."""
        _claims.open.discard(self)

    def give_up(self) -> None:
        """Nobody can take the thing any more. This may be called while Python collects."""
        if self in _claims.open:
            _claims.open.discard(self)
            _claims.lost.append(self)
            self._tell_soon()

    def tell(self) -> None:
        """Tell of it, in a moment in which any function may be called."""
        self._tell()

    def _tell_soon(self) -> None:
        loop = self._loop()
        if loop is not None and loop.is_running():
            with suppress(RuntimeError):  # it ends this very moment
                loop.call_soon_threadsafe(_claims.tell, context=Context())
                return
        # Not threading's: to start one takes locks, which the thread that collects may hold.
        with suppress(RuntimeError):  # the process exits, and tells of what is left
            _thread.start_new_thread(_claims.tell, ())


def watch(thing: object, loop: AbstractEventLoop, tell: Callable[[], None]) -> None:
    """Tell of a thing when it is collected before somebody took it.

    Args:
        thing: The thing.
        loop: Where it is told of, while that runs.
        tell: Tells of it.
    """
    if _claims.is_watching:
        key = id(thing)
        _claims.watched[key] = Claim(loop, tell)
        finalize(thing, _lose, key).atexit = False


def take(thing: object) -> None:
    """Somebody took a thing."""
    claim = _claims.watched.pop(id(thing), None)
    if claim is not None:
        claim.settle()


@contextmanager
def awaiting_outcome(loop: AbstractEventLoop, tell: Callable[[], None]) -> Generator[None]:
    """While something is under way on a loop, tell of it if that is closed.

    Args:
        loop: The loop.
        tell: Tells of it.
    """
    claim = Claim(loop, tell)
    if _claims.is_watching:
        at_loop_end(loop, claim.give_up)
    else:
        claim.settle()
    try:
        yield
    except GeneratorExit:  # the loop was closed, and nobody waits any more
        claim.give_up()
        raise
    finally:
        claim.settle()
        forget_loop_end(loop, claim.give_up)


def set_watching(is_watching: bool) -> None:
    """Whether things are watched at all."""
    _claims.is_watching = is_watching


class _Claims:
    """The claims of the process.

    Attributes:
        is_watching: Whether things are watched at all.
        open: Those that are neither settled nor given up.
        watched: Those on things, by the ids of the things.
        lost: Those that are to be told of.
    """

    def __init__(self) -> None:
        self.is_watching = True
        self.open = set[Claim]()
        self.watched: dict[int, Claim] = {}
        self.lost = deque[Claim]()
        forget_in_child(self)

    def tell(self) -> None:
        """Tell of what nobody took."""
        while self.lost:
            with suppress(IndexError):  # another thread was faster
                self.lost.popleft().tell()

    def tell_at_exit(self) -> None:
        """Tell of what nobody will take any more."""
        self.lost.extend(self.open)
        self.open.clear()
        self.tell()

    def forget(self) -> None:
        """In a forked child, leave it to the parent."""
        self.open.clear()
        self.watched.clear()
        self.lost.clear()


def _lose(key: int) -> None:
    claim = _claims.watched.pop(key, None)
    if claim is not None:
        claim.give_up()


_claims: Final = _Claims()
atexit.register(_claims.tell_at_exit)
