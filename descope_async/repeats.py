"""Attempts at a call: how many there are, when, and what their failure means together."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

import anyio
from attrs import define

from .clock import Clock
from .errors import (
    ApiError,
    ConnectionFailed,
    DescopeError,
    RateLimited,
    RequestFailed,
    UnexpectedResponse,
)
from .messages import Request, outcome_unknown
from .retries import Quota, Retries, Verdict, judge, pause, stretched

T = TypeVar("T")

Sleep = Callable[[float], Awaitable[object]]
Draw = Callable[[float, float], float]


@define(kw_only=True)
class Attempt:
    """One try. Whoever carries it out notes in it what happened.

    Attributes:
        limit: Seconds that it may take.
        is_fresh: Whether it needs a connection of its own, which cannot have been closed unnoticed.
        started_at: When it began, epoch seconds.
        is_sent: Whether a byte of it may have gone out.
        is_reused: Whether it went over a connection that had been idle.
        is_answered: Whether an answer has begun to arrive.
    """

    limit: float
    is_fresh: bool
    started_at: float
    is_sent: bool = False
    is_reused: bool = False
    is_answered: bool = False

    def is_stale(self, failure: DescopeError) -> bool:
        """Whether it failed as one does on a connection that the other side has just closed."""
        return self.is_reused and not self.is_answered and isinstance(failure, ConnectionFailed)


@define
class _Progress:
    """What has become of a call so far.

    Attributes:
        until: When its time is over, on the running clock.
        attempts: How many were made, without those on a stale connection.
        is_uncertain: Whether any may have been carried out without an answer.
        paid: What the last repeat cost.
    """

    until: float
    attempts: int = 0
    is_uncertain: bool = False
    paid: int = 0


class Repeats:
    """Carries out the calls of a client, again where that is safe and worth it.

    The calls share a quota of repeats, and a gate that a rate limit closes for all of them.

    Args:
        retries: How often, and how patiently.
        clock: The time source.
        sleep: Waits for so many seconds.
        draw: Picks a number between two, at random.
    """

    def __init__(
        self,
        retries: Retries,
        clock: Clock,
        sleep: Sleep = anyio.sleep,
        draw: Draw = random.uniform,
    ) -> None:
        self._retries = retries
        self._clock = clock
        self._sleep = sleep
        self._draw = draw
        self._quota = Quota(retries.quota)
        self._gate_opens_at = 0.0

    async def run(self, request: Request, carry_out: Callable[[Attempt], Awaitable[T]]) -> T:
        """The result of the first attempt that has one.

        Raises:
            DescopeError: The last attempt's, completed by what the earlier ones mean for it.
            OutcomeUnknown: A request that must not be repeated may have been carried out.
            RateLimited: The service asked to wait for longer than there is time.
        """
        progress = _Progress(self._clock.running() + request.deadline)
        is_fresh = request.once is not None
        while True:
            await self._pass_gate(request, progress)
            attempt = Attempt(
                limit=progress.until - self._clock.running(),
                is_fresh=is_fresh,
                started_at=self._clock.now(),
            )
            progress.attempts += 1
            try:
                result = await carry_out(attempt)
            except DescopeError as error:
                failure = error.with_traceback(None)
            else:
                self._quota.give_back(progress.paid)
                return result
            verdict = judge(failure)
            progress.is_uncertain |= verdict.may_be_done
            if isinstance(failure, RateLimited):
                self._close_gate(failure, request)
            if attempt.is_stale(failure) and not is_fresh:
                # The service closed it while it was idle, and the request crossed that on its way.
                progress.attempts -= 1
                is_fresh = True
                continue
            wait = self._wait(request, progress, failure, verdict)
            if wait is None:
                raise _completed(failure, request, attempt, verdict, progress)
            await self._sleep(wait)

    def forget(self) -> None:
        """Start clean in a forked child."""
        self._quota.forget()

    def _wait(
        self, request: Request, progress: _Progress, failure: DescopeError, verdict: Verdict
    ) -> float | None:
        """Seconds until another attempt, which this pays for; None when there shall be none."""
        asked = failure.retry_after
        if (
            not verdict.is_worth_repeating
            or (request.once is not None and verdict.may_be_done)
            or progress.attempts >= self._retries.attempts
            or (asked is not None and asked > min(self._retries.max_wait, request.patience))
        ):
            return None
        wait = pause(verdict, progress.attempts - 1, asked, self._draw)
        if self._clock.running() + wait >= progress.until:
            return None
        progress.paid = self._quota.take(verdict)
        return wait if progress.paid else None

    def _close_gate(self, failure: RateLimited, request: Request) -> None:
        if failure.retry_after is None:
            failure.retry_after = request.rate_limit_pause
        opens_at = self._clock.running() + failure.retry_after
        # A race that is lost to another thread costs others a part of the wait, never this call.
        self._gate_opens_at = max(self._gate_opens_at, opens_at)

    async def _pass_gate(self, request: Request, progress: _Progress) -> None:
        while (closed_for := self._gate_opens_at - self._clock.running()) > 0:
            wait = stretched(closed_for, self._draw)
            is_too_late = self._clock.running() + wait >= progress.until
            if is_too_late or closed_for > min(self._retries.max_wait, request.patience):
                limited = RateLimited(
                    f"{request.operation}: the service asked to wait",
                    operation=request.operation,
                    retry_after=closed_for,
                )
                limited.attempts = progress.attempts
                limited.uncertain = progress.is_uncertain
                raise limited
            await self._sleep(wait)


def _completed(
    failure: DescopeError,
    request: Request,
    attempt: Attempt,
    verdict: Verdict,
    progress: _Progress,
) -> DescopeError:
    """What to raise for a failure after which there is no other attempt."""
    is_secret_kept = isinstance(failure, UnexpectedResponse) and failure.cleartext is not None
    if request.once is not None and verdict.may_be_done and not is_secret_kept:
        failure = outcome_unknown(request, request.once, attempt.started_at, failure)
    if isinstance(failure, RequestFailed):
        failure.sent = progress.is_uncertain
    elif isinstance(failure, ApiError):
        failure.uncertain = progress.is_uncertain
    failure.operation = request.operation
    failure.attempts = progress.attempts
    return failure
