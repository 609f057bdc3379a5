"""Calls of the user's functions from an event loop, which they must not hold up, and what they raise."""

from __future__ import annotations

import asyncio
import inspect
import traceback
from collections.abc import Callable, Coroutine, Iterator
from contextlib import suppress
from contextvars import copy_context
from pathlib import Path
from threading import Thread
from typing import Any, Final, TypeVar, cast

from .coroutine_functions import is_coroutine_function
from .deadlines import all_ended

A = TypeVar("A")


class TookTooLong(Exception):
    """The function had not returned when its time was over."""


async def call_within(seconds: float | None, func: Callable[[A], object], argument: A) -> None:
    """Call a function, and await what it returns if that is awaitable.

    A coroutine function runs in a task of its own, which the end of the loop does not cancel. Any
    other function runs on a worker thread, in a copy of the caller's context; when no thread can be
    started any more, it runs here and holds the loop up.

    Args:
        seconds: For how long to wait; None for as long as it takes. Then the task is cancelled, and a thread is
            left to itself.
        func: The function.
        argument: What to call it with.

    Raises:
        TookTooLong: The time is over.
        TypeError: The function is a generator, of which nothing has run.
        BaseException: What the function raises.
    """
    work = _awaited(func, argument) if is_coroutine_function(func) else _on_thread(func, argument)
    task = asyncio.get_running_loop().create_task(_ending(work))
    # A loop that is shut down cancels all tasks that it knows of.
    asyncio.tasks._unregister_task(task)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - documented in "Extending asyncio"
    _running.add(task)
    task.add_done_callback(_running.discard)
    if seconds is None:
        await asyncio.wait([task])
    elif not await all_ended([task], seconds):
        task.cancel()
        raise TookTooLong
    if (error := task.result()) is not None:
        raise error


def raised(error: BaseException) -> str:
    """What a user's function has raised, and where: ``raised ValueError (jobs.py:12)``.

    Takes the frames from the error and from those that it came from, since they may hold secrets.
    """
    where = traceback.extract_tb(error.__traceback__)[-1:]
    place = "".join(f" ({Path(frame.filename).name}:{frame.lineno})" for frame in where)
    for each in chain(error):
        each.__traceback__ = None
    return f"raised {type(error).__name__}{place}"


def chain(error: BaseException) -> Iterator[BaseException]:
    """An error and those that it came from, and the members of groups."""
    waiting, seen = [error], set[int]()
    while waiting:
        each = waiting.pop()
        if id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        waiting += [other for other in (each.__cause__, each.__context__) if other is not None]
        if isinstance(each, BaseExceptionGroup):
            waiting += cast("BaseExceptionGroup[BaseException]", each).exceptions


def is_being_cancelled() -> bool:
    """Whether somebody cancels the running task: else a CancelledError is raised by what it calls."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def is_being_closed() -> bool:
    """Whether the running coroutine is closed after its loop: else a GeneratorExit is a mere error."""
    try:
        return asyncio.current_task() is None
    except RuntimeError:  # no loop runs
        return True


async def _awaited(func: Callable[[A], object], argument: A) -> None:
    await cast("Coroutine[Any, Any, object]", func(argument))


async def _on_thread(func: Callable[[A], object], argument: A) -> None:
    loop = asyncio.get_running_loop()
    end: asyncio.Future[tuple[object, BaseException | None]] = loop.create_future()

    def report(returned: object, error: BaseException | None) -> None:
        if not end.done():  # else the wait is over
            end.set_result((returned, error))

    def run() -> None:
        returned, raised = None, None
        try:
            returned = func(argument)
        except BaseException as error:  # noqa: BLE001 - it is raised where the caller waits
            raised = error
        with suppress(RuntimeError):  # the loop has been closed meanwhile
            loop.call_soon_threadsafe(report, returned, raised)

    # Not on the loop's executor: that may be busy with work of the user's, or shut down already.
    # A daemon, so that a function that never returns does not keep the process from exiting.
    thread = Thread(target=copy_context().run, args=(run,), name="descope-callable", daemon=True)
    try:
        thread.start()
    except (RuntimeError, MemoryError):  # out of threads or, from Python 3.12 on, at exit
        returned, error = func(argument), None
    else:
        returned, error = await end
    if error is not None:
        raise error
    if inspect.isawaitable(returned):
        await returned
    elif inspect.isgenerator(returned) or inspect.isasyncgen(returned):
        raise TypeError("it returned a generator, and nothing of that has run")


async def _ending(work: Coroutine[Any, Any, None]) -> BaseException | None:
    """What the work raised, so that asyncio never logs it and no SystemExit ends the loop."""
    try:
        await work
    except GeneratorExit as error:
        if is_being_closed():
            raise
        return error
    except BaseException as error:  # noqa: BLE001 - it is raised where the caller waits
        return error
    return None


#: The loop has only weak references to tasks, so they are kept here.
_running: Final[set[asyncio.Task[BaseException | None]]] = set()
