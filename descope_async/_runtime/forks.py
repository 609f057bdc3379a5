"""What a forked child must not take over from its parent."""

from __future__ import annotations

import logging  # noqa: F401 # pyright: ignore[reportUnusedImport] - before the hooks below, see there
import os
import time
from collections.abc import Generator
from contextlib import contextmanager
from threading import Lock, RLock, get_ident
from typing import Final, Protocol
from weakref import WeakSet

#: Seconds that a fork waits for an import on another thread. The child could never finish or repeat
#: it.
IMPORT: Final = 30.0
#: Seconds that a fork waits for the look-up of a name, which may take much longer than an import.
LOOK_UP: Final = 1.0
_LOOK_EVERY: Final = 0.005


class Forgetful(Protocol):
    """Something with a lock, a connection or a task that is of no use in a forked child."""

    def forget(self) -> None:
        """In a forked child, start clean. Nobody else runs there yet."""
        ...


def forget_in_child(holder: Forgetful) -> None:
    """Have `forget` called in every forked child, for as long as the holder lives."""
    _PROCESS.holders.add(holder)


def never_collect(things: object) -> None:
    """Keep something of the parent's from being collected in the child, even as that exits."""
    _PROCESS.kept.append(things)


def catch_up_with_fork() -> None:
    """Do now what a fork without Python's hooks left undone, as uWSGI's does.

    Without such a fork this compares two numbers, so it may be called often.
    """
    if os.getpid() != _PROCESS.pid:
        _PROCESS.catch_up()


@contextmanager
def no_fork_meanwhile(patience: float) -> Generator[None, None, None]:
    """Let other threads fork only after this block, or after these seconds of waiting for it.

    This is for work that a child would find half done for ever: an import, or the look-up of a
    name, during which the C library holds a lock.
    """
    catch_up_with_fork()
    work = _Work(patience)
    with _PROCESS.gate:
        _PROCESS.under_way.add(work)
    try:
        yield
    finally:
        _PROCESS.under_way.discard(work)


class ProcessLock:
    """A lock for the threads of one process. A forked child has a new one, which nobody holds.

    A thread of the parent may hold the old one at the moment of the fork, and that thread is not
    there in the child to release it. What has more to forget than a lock, or needs a reentrant one,
    makes its lock anew in a `forget` of its own.

    Attributes:
        held: What to enter: ``with lock.held:``. Not to be kept, because a fork replaces it.
    """

    held: Lock

    def __init__(self) -> None:
        self.held = Lock()
        forget_in_child(self)

    def forget(self) -> None:
        """In a forked child, take a new lock."""
        self.held = Lock()


class _Work:
    """Something that a fork must not cut in two."""

    def __init__(self, patience: float) -> None:
        self.thread = get_ident()
        self.patience = patience


class _Process:
    """What this module knows of the process that it runs in.

    Attributes:
        pid: The id of the process that the other attributes are about.
        holders: What must `forget` in a forked child.
        kept: What must not be collected, not even when the interpreter exits.
        gate: Held by a thread while it forks, so that no such work begins meanwhile.
        under_way: Work that a fork must not cut in two.
    """

    def __init__(self) -> None:
        self.pid = os.getpid()
        self.holders = WeakSet[Forgetful]()
        self.kept: list[object] = []
        # Reentrant, because a signal handler may fork while its thread holds the gate.
        self.gate = RLock()
        self.under_way = set[_Work]()
        self._catching_up = RLock()

    def before_fork(self) -> None:
        """Close the gate when nothing is under way on other threads."""
        since = time.monotonic()
        self.gate.acquire()
        while self._is_worth_waiting(time.monotonic() - since):
            # Open meanwhile, because what is waited for may have to pass it once more, or may wait
            # for an import on a thread that has to.
            self.gate.release()
            time.sleep(_LOOK_EVERY)
            self.gate.acquire()

    def after_fork_in_parent(self) -> None:
        """Open the gate."""
        self.gate.release()

    def after_fork_in_child(self) -> None:
        """Forget the threads of the parent, and have everybody else do so."""
        self.gate = RLock()
        self.under_way = {work for work in self.under_way if work.thread == get_ident()}
        for holder in list(self.holders):
            holder.forget()
        self.pid = os.getpid()

    def catch_up(self) -> None:
        """Forget, unless another thread of this process has done so meanwhile."""
        with self._catching_up:
            if os.getpid() != self.pid:
                self.after_fork_in_child()

    def _is_worth_waiting(self, waited: float) -> bool:
        return any(
            work.thread != get_ident() and waited < work.patience for work in list(self.under_way)
        )


_PROCESS: Final = _Process()
# Of the functions that are called before a fork, the last one registered comes first. `logging` has
# one that takes its lock, and an import that is waited for here may need that lock. So `logging` is
# imported above, and what waits is registered after its function.
if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(
        before=_PROCESS.before_fork,
        after_in_parent=_PROCESS.after_fork_in_parent,
        after_in_child=_PROCESS.after_fork_in_child,
    )
