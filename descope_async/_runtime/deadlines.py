"""The time limits on one event loop, all watched by one timer.

One timer per call would almost always be cancelled unused, so all limits share one.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Collection
from contextvars import Context
from types import TracebackType
from typing import Any, Final, Self

from attrs import define, field

from .shield import OVERDUE

#: Seconds between two looks at the limits, for each of them.
_REST: Final = 2e-5
#: The least seconds between two looks. uvloop rounds less than half a millisecond to nothing, and
#: would look over and over.
_LEAST_REST: Final = 1e-3
#: A limit that is looked at later than this, in seconds, was missed: the loop or the process stood
#: still.
_LATE: Final = 0.1
#: Seconds by which a missed limit is extended, once: the answer may have arrived meanwhile.
_GRACE: Final = 1.0
#: Turns of the loop for which each exceeded limit waits, for the same reason.
_TURNS: Final = 2


class Deadlines:
    """The limits on the running loop.

    Attributes:
        loop: That loop.
    """

    loop: asyncio.AbstractEventLoop

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self._open = set[Deadline]()
        self._timer: asyncio.TimerHandle | None = None
        self._looks_at = math.inf
        # An empty context: otherwise the timer would keep the first caller's context variables
        # alive.
        self._context = Context()

    def within(self, seconds: float, silence: float) -> Deadline:
        """A limit for the running task, to be used as a context.

        Args:
            seconds: For how long the context may last.
            silence: For how long, between two signs of life.
        """
        now = self.loop.time()
        return Deadline(self, self.loop.time, now + seconds, silence, now + min(seconds, silence))

    def add(self, deadline: Deadline) -> None:
        """Keep a limit."""
        self._open.add(deadline)
        # A later one is looked at when the timer has come for an earlier one.
        if deadline.first_look < self._looks_at:
            self._look_at(deadline.first_look)

    def discard(self, deadline: Deadline) -> None:
        """Keep a limit no longer."""
        self._open.discard(deadline)

    def _look_at(self, when: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._looks_at = when
        self._timer = self.loop.call_at(when, self._look, context=self._context)

    def _look(self) -> None:
        now = self.loop.time()
        if self._timer is not None:
            self._timer.cancel()
            self._timer, self._looks_at = None, math.inf
        exceeded: list[Deadline] = []
        spared: list[Deadline] = []
        next_due = math.inf
        for deadline in self._open:
            due = deadline.due(now)
            if due > now:
                next_due = min(next_due, due)
            elif deadline.is_spared:
                exceeded.append(deadline)
            else:
                deadline.spare(now, late=now - due)
                spared.append(deadline)
        self._open.difference_update(exceeded)
        if self._open:
            # In an outage thousands of limits end, each at a time of its own. Looking at all of
            # them for each would cost too much, so looks keep a distance.
            rest = max(len(self._open) * _REST, _LEAST_REST)
            self._look_at(max(min(next_due, now + _GRACE), now + rest))
        if spared:
            # What has arrived wakes a task in the next turn of the loop, after this timer.
            self.loop.call_soon(self._end_in_a_turn, spared, context=self._context)
        for deadline in exceeded:
            deadline.exceed()

    def _end_in_a_turn(self, spared: list[Deadline]) -> None:
        self.loop.call_soon(self._end, spared, context=self._context)

    def _end(self, spared: list[Deadline]) -> None:
        """End those limits that were spared for two turns of the loop, and look at no others."""
        now = self.loop.time()
        exceeded = [each for each in spared if each in self._open and each.due(now) <= now]
        self._open.difference_update(exceeded)
        for deadline in exceeded:
            deadline.exceed()


async def all_ended(tasks: Collection[asyncio.Future[Any]], seconds: float) -> bool:
    """Wait for tasks, and say whether all of them ended in time. None is cancelled.

    A wait whose end is looked at late goes on a little longer, as a `Deadline` does.
    """
    loop = asyncio.get_running_loop()
    ends_at = loop.time() + seconds
    _, waiting = await asyncio.wait(tasks, timeout=seconds)
    if waiting and loop.time() - ends_at > _LATE:
        _, waiting = await asyncio.wait(waiting, timeout=_GRACE)
    for _ in range(_TURNS if waiting else 0):
        await asyncio.sleep(0)
    return all(task.done() for task in waiting)


@define(eq=False, repr=False)
class Deadline:
    """One limit. When it is exceeded, what goes on in its context is cancelled.

    The context then raises TimeoutError, if a cancellation leaves it. As with `asyncio.timeout`, a
    cancellation by somebody else stays a cancellation.

    Attributes:
        first_look: When to look for the first time whether it is exceeded, on the loop's clock.
        is_spared: Whether it was exceeded before, and went on a little longer.
    """

    _deadlines: Deadlines
    _now: Callable[[], float]
    _ends_at: float
    _silence: float
    first_look: float
    _heard_at: float | None = field(default=None, init=False)
    _spared_until: float = field(default=-math.inf, init=False)
    is_spared: bool = field(default=False, init=False)
    _is_exceeded: bool = field(default=False, init=False)
    _task: asyncio.Task[Any] = field(init=False)
    _cancellations: int = field(init=False)

    @property
    def is_what_cancels(self) -> bool:
        """Whether a cancellation comes from here, and only from here."""
        return self._is_exceeded and self._task.cancelling() <= self._cancellations + 1

    def hear(self) -> None:
        """Take note of a sign of life. Before the first one, no silence counts."""
        self._heard_at = self._now()

    def due(self, now: float) -> float:
        """When it is exceeded, or else when to look again whether it is, on the loop's clock."""
        heard_at = now if self._heard_at is None else self._heard_at
        return max(self._spared_until, min(self._ends_at, heard_at + self._silence))

    def spare(self, now: float, *, late: float) -> None:
        """Let it go on a little longer, once: what it waits for may have arrived.

        Args:
            now: The time, on the loop's clock.
            late: Seconds since it was exceeded.
        """
        self.is_spared = True
        self._spared_until = now + _GRACE if late > _LATE else now

    def exceed(self) -> None:
        """Cancel what goes on."""
        self._is_exceeded = True
        self._task.cancel(OVERDUE)

    def __enter__(self) -> Self:
        task = asyncio.current_task(self._deadlines.loop)
        assert task is not None  # noqa: S101 - what runs on a loop of asyncio is a task
        self._task, self._cancellations = task, task.cancelling()
        self._deadlines.add(self)
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._deadlines.discard(self)
        task = self._task
        # The task's context refers to the attempt, and that to this. Unless the circle is broken, they
        # stay until the garbage collector runs.
        del self._task
        if (
            self._is_exceeded
            and task.uncancel() <= self._cancellations
            and isinstance(exc_value, asyncio.CancelledError)
        ):
            raise TimeoutError from None
