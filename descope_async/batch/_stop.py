"""The request to end a run early, and its reason."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import anyio


class RunStopped(Exception):
    """Ends the work on one key, which is left as it is, because the run is to end."""


class Stop:
    """The request to end a run. It is used on one event loop.

    Args:
        sleep: Waits for so many seconds.

    Attributes:
        reason: Why; None while nobody wants that.
        signal: The number of the signal that asked for it; None without one.
        exit: What a function of the user raised to end the program; None without that.
        is_hurried: Whether only secrets under way are still waited for.
    """

    def __init__(self, sleep: Callable[[float], Awaitable[object]] = anyio.sleep) -> None:
        self._sleep = sleep
        self.reason: str | None = None
        self.signal: int | None = None
        self.exit: BaseException | None = None
        self.is_hurried = False
        self._event = anyio.Event()

    @property
    def is_wanted(self) -> bool:
        """Whether the run is to end."""
        return self.reason is not None

    def ask(self, reason: str, *, signal: int | None = None) -> None:
        """End the run: no new call is begun. The first reason counts."""
        if self.reason is None:
            self.reason, self.signal = reason, signal
        self._event.set()

    def exit_with(self, error: BaseException) -> None:
        """End the run, and raise this after it. In the task of a worker, it would end the event loop."""
        self.exit = error.with_traceback(None)
        self.ask(f"{type(error).__name__} was raised")

    def hurry(self) -> None:
        """From now on, wait only for secrets that are under way."""
        self.is_hurried = True

    async def sleep(self, seconds: float) -> None:
        """Wait for some seconds.

        Raises:
            RunStopped: The run is to end.
        """
        self.check()
        if seconds > 0:
            async with anyio.create_task_group() as group:
                group.start_soon(self._wake, group.cancel_scope)
                await self._sleep(seconds)
                group.cancel_scope.cancel()
        self.check()

    async def _wake(self, sleeper: anyio.CancelScope) -> None:
        await self._event.wait()
        sleeper.cancel()

    def check(self) -> None:
        """Raise if the run is to end.

        Raises:
            RunStopped: It is.
        """
        if self.is_wanted:
            raise RunStopped
