"""One attempt at a call."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import define, field

from descope_async._runtime.deadlines import Deadline
from descope_async.errors import ConnectionFailed, DescopeError


@define(kw_only=True)
class Attempt:
    """One try. Whoever carries it out notes in it what happened.

    Attributes:
        limit: Seconds that it may take.
        is_fresh: Whether it needs a connection of its own, which cannot have been closed unnoticed.
        started_at: When it began, epoch seconds.
        is_sent: Whether a byte of it may have gone out.
        is_reused: Whether it went over a connection that had been idle.
        status: The status of the answer that has begun to arrive; None before that.
        headers: The headers of that answer; None before that.
        deadline: What limits it; None while nothing does from within.
    """

    limit: float
    is_fresh: bool
    started_at: float
    is_sent: bool = False
    is_reused: bool = False
    status: int | None = None
    headers: Mapping[str, str] | None = field(default=None, repr=False)
    deadline: Deadline | None = field(default=None, repr=False)

    def hear(self) -> None:
        """Take note that the service, or the way to it, gives a sign of life."""
        if self.deadline is not None:
            self.deadline.hear()

    def is_stale(self, failure: DescopeError) -> bool:
        """Whether it failed as one does on a connection that the other side has just closed."""
        return self.is_reused and self.status is None and isinstance(failure, ConnectionFailed)
