"""The background event loop: an asyncio loop on a thread of its own, used through anyio."""

from __future__ import annotations

import asyncio
import os
import select
import selectors
import sys
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from contextvars import Context, ContextVar, copy_context
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from descope_async._runtime import shield
from descope_async._runtime.cancel_scopes import cancel_scope
from descope_async._runtime.late_imports import late_import
from descope_async.errors import DescopeError

if TYPE_CHECKING:
    from anyio.abc import TaskGroup
    from anyio.from_thread import BlockingPortal

#: Seconds that cancelled work gets to put things in order.
GRACE: Final = 5.0
#: Seconds between looks at whether a thread that is waited for still lives.
_LOOK_EVERY: Final = 0.1


class _Anyio(NamedTuple):
    """What is used of anyio."""

    blocking_portal: type[BlockingPortal]
    create_task_group: Callable[[], TaskGroup]


@late_import
def _anyio() -> _Anyio:
    from anyio import create_task_group
    from anyio.from_thread import BlockingPortal

    cancel_scope()  # and the backend with it
    return _Anyio(BlockingPortal, create_task_group)


class LoopClosed(DescopeError):
    """The background event loop ended before the call did, or could not be started.

    It ends when the process exits, and cannot be started then. What kept its thread from running,
    if anything did, is the ``__cause__``.
    """


class Job(Protocol):
    """A call that the loop is to run in a task of its own."""

    context: Context

    def run(self) -> Coroutine[Any, Any, None]:
        """Run the call in the current task. Raises nothing."""
        ...

    def end(self) -> None:
        """Let the caller go on. Called from any thread, and more than once."""
        ...


class Latch:
    """Shut until it is opened, once, by any thread.

    A `threading.Event` could not be set in a forked child: the lock inside it may be held there by
    a thread that the child does not have.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._lock.acquire()
        self._shut = [self._lock]

    @property
    def is_open(self) -> bool:
        """Whether it has been opened."""
        return not self._shut

    def open(self) -> None:
        """Let the waiting thread go on."""
        try:
            lock = self._shut.pop()
        except IndexError:  # it is open
            return
        lock.release()

    def wait(self, seconds: float | None = None) -> bool:
        """Wait, on one thread only, and say whether it is open. None waits without a limit."""
        return self.is_open or self._lock.acquire(timeout=-1 if seconds is None else seconds)


class Loop:
    """An event loop that runs on a daemon thread until it is stopped.

    An anyio `BlockingPortal` is open on the loop as long as it runs. The portal carries one task,
    the reception, and what the portal returned for it is the handle by which the loop is stopped.
    A call is started in the reception's task group of anyio, by a callback of the loop: through a
    queue, it would come two turns of the loop later. The portal's own ``call`` would cost two trips
    to the loop, one to make a task and one for its result, and the first is a wait that a forked
    child could not leave.

    Raises:
        LoopClosed: The thread cannot be started, or does not come to run a loop.
    """

    def __init__(self) -> None:
        self.jobs: set[Job] = set()
        self.is_ending = False
        self._is_stopped = False
        self._pid = os.getpid()
        self._selector: selectors.BaseSelector | None = None
        self._is_up = Latch()
        self._failure: BaseException | None = None
        self._loop: asyncio.AbstractEventLoop
        self._tasks: TaskGroup | None = None
        self._portal: BlockingPortal
        try:
            _anyio()
        except OSError as error:  # such as no more open files
            raise LoopClosed(f"the background event loop has failed to start: {error}") from error
        try:
            self.thread = Thread(
                target=self._run, name="descope-sync", daemon=True, **_own_context()
            )
            self.thread.start()
        except RuntimeError as error:  # no more threads, or none at exit or in a subinterpreter
            raise LoopClosed("the background event loop cannot be started") from error
        self._wait_until_up()
        # In a context of its own, because the reception outlives the first caller's.
        self._reception: Future[None] = Context().run(self._portal.start_task_soon, self._receive)

    @property
    def is_alive(self) -> bool:
        """Whether it takes calls. In a forked child, the parent's does not."""
        return not self.is_ending and self._pid == os.getpid() and self.thread.is_alive()

    @property
    def is_shielding(self) -> bool:
        """Whether something runs that nothing may interrupt, and that ends by itself in time."""
        return any(task.get_loop() is self._loop for task in list(shield.under_way))

    def runs(self, running: asyncio.AbstractEventLoop) -> bool:
        """Whether this is the loop that another part of asyncio calls the running one."""
        return running is self._loop

    def start(self, job: Job) -> None:
        """Run a job in a task of its own and in its own context."""
        if not (self.is_alive and self.soon(self._begin, job, context=job.context)):
            job.end()

    def soon(
        self, func: Callable[..., object], *args: object, context: Context | None = None
    ) -> bool:
        """Call a function on the loop, unless that has ended: then return False."""
        if self._pid != os.getpid():
            return False
        try:
            self._loop.call_soon_threadsafe(func, *args, context=context)
        except RuntimeError:
            if not self._loop.is_closed():
                raise
            return False
        return True

    def stop(self) -> None:
        """Cancel what runs, and wait a few seconds for the end."""
        self._is_stopped = self.is_ending = True
        self._reception.cancel()
        self.thread.join(GRACE)

    def leave_to_parent(self) -> None:
        """In a forked child, let go of the parent's loop, whose thread only the parent has.

        The child shares the epoll set of this loop with the parent: a connection that is collected
        here would be taken out of it, and the parent's calls would then wait for ever.
        """
        if sys.platform == "linux" and isinstance(self._selector, selectors.EpollSelector):
            with select.epoll() as own:
                os.dup2(own.fileno(), self._selector.fileno(), inheritable=False)
        self._end_jobs()

    def _wait_until_up(self) -> None:
        while not self._is_up.wait(_LOOK_EVERY):
            # A thread can fail after its start returned, and a signal handler may fork here.
            if self._pid != os.getpid() or not self.thread.is_alive():
                break
        if self._failure is not None:
            raise LoopClosed(
                f"the background event loop has failed to start: {self._failure}"
            ) from self._failure
        if not self._is_up.is_open:
            raise LoopClosed("the thread of the background event loop has failed to start")

    def _run(self) -> None:
        try:
            with asyncio.Runner(loop_factory=self._new_loop) as runner:
                try:
                    runner.run(self._main())
                finally:
                    self.is_ending = True  # before the runner cancels what is left
        except BaseException as error:
            if not self._is_up.is_open:
                self._failure = error
            # From 3.12 on, asyncio cannot end its executor at exit: that would take a thread.
            elif not self._is_stopped:
                raise
        finally:
            self.is_ending = True
            self._is_up.open()
            self._end_jobs()

    def _new_loop(self) -> asyncio.AbstractEventLoop:
        # Not uvloop's: a forked child that collects what was on one crashes as it exits.
        if sys.platform == "win32":
            return asyncio.new_event_loop()
        self._selector = selectors.DefaultSelector()
        return asyncio.SelectorEventLoop(self._selector)

    async def _main(self) -> None:
        async with _anyio().blocking_portal() as self._portal:
            self._loop = asyncio.get_running_loop()
            self._is_up.open()
            await self._portal.sleep_until_stopped()

    async def _receive(self) -> None:
        try:
            async with _anyio().create_task_group() as self._tasks:
                await self._portal.sleep_until_stopped()  # until this task is cancelled
        finally:
            self.is_ending = True
            await self._portal.stop()

    def _begin(self, job: Job) -> None:
        """Start a job in a task of its own. Called on the loop, in the job's context."""
        if self.is_ending:
            job.end()
        elif self._tasks is None:  # the reception begins in one of the next turns
            self._loop.call_soon(self._begin, job, context=job.context)
        else:
            self._tasks.start_soon(job.run)

    def _end_jobs(self) -> None:
        for job in list(self.jobs):
            job.end()


def call_context() -> Context:
    """A copy of the caller's context, in which anyio finds that it runs on asyncio."""
    context = copy_context()
    # Where it is installed, anyio asks it which library runs.
    library: ContextVar[str | None] | None = getattr(
        sys.modules.get("sniffio"), "current_async_library_cvar", None
    )
    if library is not None:  # it is missing while another thread imports sniffio
        context.run(library.set, "asyncio")
    return context


def _own_context() -> dict[str, Any]:
    # From 3.14 on a thread may inherit its creator's context, here that of the first caller.
    return {"context": Context()} if sys.version_info >= (3, 14) else {}
