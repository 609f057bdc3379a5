"""Work that no cancellation interrupts once it has begun."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextvars import ContextVar, copy_context
from typing import Any, Final, Generic, Protocol, TypeVar
from weakref import ref

from attrs import frozen

from .cancel_scopes import cancel_scope

T = TypeVar("T")

#: The message of a cancellation by a time limit, to which shielded work listens too.
OVERDUE: Final = "overdue"


class Message(Protocol):
    """What work sends. The work has begun when that is sent."""

    @property
    def is_sent(self) -> bool:
        """Whether a byte of it may have gone out."""
        ...


@frozen(kw_only=True, eq=False, repr=False)
class Ending(Generic[T]):
    """How shielded work ended.

    Attributes:
        result: What it returned; None when it did not.
        error: What it raised; None when it did not.
        cancellation: What cancelled whoever waited; None when nobody did.
    """

    result: T | None = None
    error: BaseException | None = None
    cancellation: asyncio.CancelledError | None = None


async def shielded(
    work: Coroutine[Any, Any, T],
    message: Message,
    group: set[asyncio.Task[Any]],
) -> Ending[T]:
    """Wait for work that is carried on even if this wait is cancelled, however often.

    Until it has begun, a cancellation ends it as usual. From then on only its own time limits do,
    which cancel it with the message `OVERDUE`.

    Args:
        work: What to do.
        message: What it sends, by which it begins.
        group: Holds the task of the work until that ends.

    Raises:
        CancelledError: This was cancelled before the work had begun.
    """
    task = _Task(work, message, asyncio.get_running_loop())
    cancellation: asyncio.CancelledError | None = None
    scope = cancel_scope()
    under_way.add(task)
    group.add(task)
    try:
        while not task.done():
            try:
                # anyio's scopes cancel a task again and again, unless it shields itself from them.
                with scope(shield=cancellation is not None):
                    await asyncio.wait([task])
            except asyncio.CancelledError as error:
                cancellation = cancellation or error.with_traceback(None)
                task.cancel()
    finally:
        under_way.discard(task)
        group.discard(task)
    if task.cancelled():
        raise cancellation or asyncio.CancelledError
    if (failure := task.exception()) is not None:
        return Ending(error=failure, cancellation=cancellation)
    return Ending(result=task.result(), cancellation=cancellation)


class _Task(asyncio.Task[T]):
    """Cannot be cancelled once begun, not even by a loop that is shut down with all its tasks."""

    def __init__(
        self,
        work: Coroutine[Any, Any, T],
        message: Message,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._message = message
        context = copy_context()
        # Weakly: a task holds its context, and the result must go when nobody needs it any more.
        context.run(_AROUND.set, (*_AROUND.get(), ref(self)))
        super().__init__(work, loop=loop, context=context)

    def cancel(self, msg: Any | None = None) -> bool:
        if msg is not OVERDUE and self._message.is_sent:
            return False
        return super().cancel(msg)


def is_within(task: asyncio.Task[Any]) -> bool:
    """Whether this is called by the work of a shielded task, which so cannot wait for its end."""
    return any(around() is task for around in _AROUND.get())


#: The shielded tasks whose work this is a part of.
_AROUND: Final[ContextVar[tuple[ref[asyncio.Task[Any]], ...]]] = ContextVar("_AROUND", default=())
#: Tasks that must not be interrupted, on all loops. Whoever stops a loop waits for its tasks here.
under_way: Final[set[asyncio.Task[Any]]] = set()
