"""Group commit: tasks that want to have a file on the disk at the same time share one fsync."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from typing import Final, TypeAlias

from ._append_log import AppendLog

#: Seconds after which a thread ends to which nothing was given.
_IDLE: Final = 1.0

_End: TypeAlias = asyncio.Future[OSError | None]


class GroupCommit:
    """Calls fsync on a thread of its own, which event loops do not wait for.

    One call serves all who wait when it begins. A pool would wake a thread for each of them, and
    threads take the interpreter from each other.

    Args:
        log: The file.
    """

    def __init__(self, log: AppendLog) -> None:
        self._log = log
        self._waiting = SimpleQueue[_End]()
        self._starting = Lock()
        self._thread: Thread | None = None

    async def sync(self) -> None:
        """Let what was added survive the end of the machine.

        Raises:
            OSError: It could not be written.
        """
        end: _End = asyncio.get_running_loop().create_future()
        with self._starting:
            if self._has_thread():
                self._waiting.put(end)
            else:
                self._log.sync()
                return
        if (error := await end) is not None:
            raise OSError(error.errno, error.strerror)

    def _has_thread(self) -> bool:
        """Start the thread if it does not run. It may be that no thread can be had any more."""
        if self._thread is None or not self._thread.is_alive():  # it is not after a fork
            # A daemon, so that a disk that never answers does not keep the process from exiting.
            thread = Thread(target=self._work, name="descope-fsync", daemon=True)
            try:
                thread.start()
            except RuntimeError:
                return False
            self._thread = thread
        return True

    def _work(self) -> None:
        while True:
            try:
                ends = [self._waiting.get(timeout=_IDLE)]
            except Empty:
                with self._starting:
                    if self._waiting.empty():
                        self._thread = None
                        return
                continue
            with suppress(Empty):
                while True:
                    ends.append(self._waiting.get_nowait())
            problem = None
            try:
                self._log.sync()
            except OSError as error:
                problem = error.with_traceback(None)
            _tell(ends, problem)


def _tell(ends: list[_End], problem: OSError | None) -> None:
    by_loop: dict[asyncio.AbstractEventLoop, list[_End]] = {}
    for end in ends:
        by_loop.setdefault(end.get_loop(), []).append(end)
    for loop, theirs in by_loop.items():
        with suppress(RuntimeError):  # the loop has been closed meanwhile
            loop.call_soon_threadsafe(_end, theirs, problem)


def _end(ends: list[_End], problem: OSError | None) -> None:
    for end in ends:
        if not end.done():  # else the wait was cancelled
            end.set_result(problem)
