"""A call is tried until an attempt succeeds, none would help, or its time is over."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from descope_async._runtime.clock import Clock
from descope_async.errors import DescopeError, RateLimited
from descope_async.events._telemetry import UNHOOKED, Telemetry
from descope_async.settings import Retries

from .messages import Attempt, Request
from .progress import Progress
from .retry_rules import RATE_LIMIT_PAUSE, RetryRules, stretched

T = TypeVar("T")


class Repeats:
    """Carries out the calls of a client, again where that is safe and worth it.

    The calls share a quota of repeats, and a gate that a rate limit closes for all of them.

    Args:
        retries: How often, and how patiently.
        clock: The time source, which also waits and draws random delays.
        telemetry: Receives the events.
    """

    def __init__(
        self,
        retries: Retries,
        clock: Clock,
        *,
        telemetry: Telemetry = UNHOOKED,
    ) -> None:
        self._rules = RetryRules(retries, clock)
        self._clock = clock
        self._telemetry = telemetry
        self._gate_opens_at = 0.0

    async def run(self, request: Request, carry_out: Callable[[Attempt], Awaitable[T]]) -> T:
        """The result of the first attempt that has one.

        Raises:
            DescopeError: The last attempt's, completed by what the earlier ones mean for it.
            OutcomeUnknown: A request that must not be repeated may have been carried out.
            RateLimited: The service asked to wait for longer than there is time.
        """
        progress = Progress(request, self._clock, self._telemetry)
        quota = self._rules.quota
        try:
            while True:
                if self._gate_opens_at:
                    await self._pass_gate(progress)
                attempt = progress.next_attempt()
                try:
                    result = await carry_out(attempt)
                except BaseException as error:
                    if progress.is_watched:
                        progress.end_attempt(error)
                    if not isinstance(error, DescopeError):
                        raise  # a cancellation, say
                    failure = error.with_traceback(None)
                else:
                    break
                if isinstance(failure, RateLimited):
                    self._close_gate(failure, progress)
                plan = self._rules.plan(failure, attempt, progress)
                await progress.follow(plan, failure, quota.left)
        except BaseException as error:
            # A task that is written in Python, such as those of nest_asyncio, handles the exception of a
            # library while it lets this coroutine go on. Its frames hold the credentials.
            error.__context__ = None
            progress.end(quota.left, error)
            raise
        quota.give_back(progress.paid)
        if progress.is_watched:
            progress.end_attempt()
            progress.end(quota.left, result=result)
        return result

    def _close_gate(self, failure: RateLimited, progress: Progress) -> None:
        if failure.retry_after is None:
            pause = progress.request.rate_limit_pause
            failure.retry_after = RATE_LIMIT_PAUSE if pause is None else pause
        now = self._clock.running()
        is_extended = now < self._gate_opens_at
        # A race that is lost to another thread costs others a part of the wait, never this call.
        self._gate_opens_at = max(self._gate_opens_at, now + failure.retry_after)
        progress.limit_rate(failure.retry_after, is_extended=is_extended)

    async def _pass_gate(self, progress: Progress) -> None:
        """Return when the gate is open."""
        while (closed_for := self._gate_opens_at - self._clock.running()) > 0:
            wait = stretched(closed_for, self._clock.draw)
            is_too_late = self._clock.running() + wait >= progress.until
            if is_too_late or closed_for > self._rules.most_patience(progress):
                raise progress.refuse(closed_for)
            await progress.hold(wait)
