"""Work that nothing interrupts once it has begun to matter."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final, Generic, TypeVar

import anyio
from attrs import field, frozen

T = TypeVar("T")


@frozen(kw_only=True)
class Ending(Generic[T]):
    """How it ended.

    Attributes:
        result: What it returned; None when it did not.
        error: What it raised; None when it did not.
        is_late: Whether it was given up because time was over.
        cancellation: What cancelled whoever waited; None when nobody did.
    """

    result: T | None = field(default=None, repr=False)
    error: BaseException | None = None
    is_late: bool = False
    cancellation: asyncio.CancelledError | None = None


async def shielded(
    work: Coroutine[Any, Any, T], has_begun: Callable[[], bool], seconds: float
) -> Ending[T]:
    """Wait for work that is carried on even if this wait is cancelled, however often.

    Until it has begun, a cancellation ends it as usual. From then on only time does.

    Args:
        work: What to do. Once begun, it must not depend on being cancelled by itself.
        has_begun: Whether it has begun to matter.
        seconds: For how long at most.

    Raises:
        CancelledError: This was cancelled before the work had begun.
    """
    loop = asyncio.get_running_loop()
    task = _Task(work, has_begun, loop)
    cancellation: asyncio.CancelledError | None = None
    timer = loop.call_later(seconds, task.give_up)
    under_way.add(task)
    try:
        while not task.done():
            try:
                # anyio's scopes cancel again and again, whoever does not shield from them.
                with anyio.CancelScope(shield=cancellation is not None):
                    await asyncio.wait([task])
            except asyncio.CancelledError as error:
                cancellation = cancellation or error.with_traceback(None)
                task.cancel()
    finally:
        timer.cancel()
        under_way.discard(task)
    if task.cancelled():
        if not task.is_late:
            raise cancellation or asyncio.CancelledError
        return Ending(is_late=True, cancellation=cancellation)
    if (failure := task.exception()) is not None:
        return Ending(error=failure, cancellation=cancellation)
    return Ending(result=task.result(), cancellation=cancellation)


class _Task(asyncio.Task[T]):
    """Cannot be cancelled once begun, not even by a loop that is shut down with all its tasks."""

    def __init__(
        self,
        work: Coroutine[Any, Any, T],
        has_begun: Callable[[], bool],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self.is_late = False
        self._has_begun = has_begun
        super().__init__(work, loop=loop)

    def cancel(self, msg: Any | None = None) -> bool:
        if self._has_begun() and not self.is_late:
            return False
        return super().cancel(msg)

    def give_up(self) -> None:
        self.is_late = True
        self.cancel()


#: What nothing interrupts now, on any loop of the process: who ends one should wait for it.
under_way: Final[set[asyncio.Task[Any]]] = set()
