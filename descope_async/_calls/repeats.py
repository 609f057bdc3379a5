"""Attempts at a call: how many there are, when, and what their failure means together."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Literal, TypeVar

from attrs import define

from descope_async._runtime.clock import Clock
from descope_async.errors import (
    ApiError,
    DescopeError,
    OutcomeUnknown,
    RateLimited,
    RequestFailed,
)
from descope_async.events import (
    AttemptEnded,
    Call,
    CallEnded,
    CallHeld,
    CallStarted,
    GateClosed,
    RetryPlanned,
)
from descope_async.events._telemetry import UNHOOKED, Telemetry
from descope_async.models import CreatedAccessKey
from descope_async.settings import Retries

from .attempts import Attempt
from .messages import Request, request_id_of
from .retry_rules import Quota, Verdict, judge, pause, stretched

T = TypeVar("T")


@define
class _Progress:
    """What has become of a call so far.

    Attributes:
        request: What it asks.
        began: When it began, on the running clock.
        until: When its time is over, on the running clock.
        attempts: How many were made, without those on a stale connection.
        requests: How many were made, with them.
        last: The last one; None before the first.
        call: How events name it; None before the first event.
        is_uncertain: Whether any may have been carried out without an answer.
        paid: What the last repeat cost.
        is_fresh: Whether the next attempt needs a connection of its own.
    """

    request: Request
    began: float
    until: float
    attempts: int = 0
    requests: int = 0
    last: Attempt | None = None
    call: Call | None = None
    is_uncertain: bool = False
    paid: int = 0
    is_fresh: bool = False

    def next_attempt(self, began: float, started_at: float) -> Attempt:
        """The next one, begun then on the running clock and by the date."""
        self.attempts += 1
        self.requests += 1
        self.last = Attempt(limit=self.until - began, is_fresh=self.is_fresh, started_at=started_at)
        return self.last


class Repeats:
    """Carries out the calls of a client, again where that is safe and worth it.

    The calls share a quota of repeats, and a gate that a rate limit closes for all of them.

    Args:
        retries: How often, and how patiently.
        clock: The time source, which also waits and draws random delays.
        telemetry: Is told.
    """

    def __init__(
        self,
        retries: Retries,
        clock: Clock,
        *,
        telemetry: Telemetry = UNHOOKED,
    ) -> None:
        self._retries = retries
        self._clock = clock
        self._telemetry = telemetry
        self._quota = Quota(retries.quota)
        self._gate_opens_at = 0.0

    async def run(self, request: Request, carry_out: Callable[[Attempt], Awaitable[T]]) -> T:
        """The result of the first attempt that has one.

        Raises:
            DescopeError: The last attempt's, completed by what the earlier ones mean for it.
            OutcomeUnknown: A request that must not be repeated may have been carried out.
            RateLimited: The service asked to wait for longer than there is time.
        """
        began = self._clock.running()
        progress = _Progress(
            request,
            began,
            until=began + request.deadline,
            is_fresh=request.care.needs_own_connection,
        )
        is_watched = self._telemetry.is_watched
        if is_watched:
            self._telemetry.tell(CallStarted(call=self._call(progress)))
            began = self._clock.running()
        try:
            while True:
                if began < self._gate_opens_at:
                    began = await self._pass_gate(progress)
                attempt = progress.next_attempt(began, self._clock.now())
                try:
                    result = await carry_out(attempt)
                except DescopeError as error:
                    failure = error.with_traceback(None)
                    self._tell_attempt(progress, attempt, began, error)
                except BaseException as error:  # a cancellation too: only told of, and raised on
                    self._tell_attempt(progress, attempt, began, error)
                    raise
                else:
                    break
                await self._prepare_repeat(progress, attempt, failure)
                began = self._clock.running()
        except BaseException as error:  # as above
            self._tell_end(progress, error)
            raise
        self._quota.give_back(progress.paid)
        if is_watched:
            self._tell_attempt(progress, attempt, began)
            self._tell_end(progress, result=result)
        return result

    def forget(self) -> None:
        """Start clean in a forked child."""
        self._quota.forget()

    async def _prepare_repeat(
        self, progress: _Progress, attempt: Attempt, failure: DescopeError
    ) -> None:
        """Return when it is time for another attempt, or raise when there shall be none."""
        verdict = judge(failure)
        progress.is_uncertain |= verdict.may_be_done
        if isinstance(failure, RateLimited):
            self._close_gate(failure, progress)
        if attempt.is_stale(failure) and not progress.is_fresh:
            # The service closed it while it was idle, and the request crossed that on its way.
            progress.attempts -= 1
            progress.is_fresh = True
            self._tell_retry(progress, failure, 0, "stale_connection")
            return
        wait = self._wait(progress, failure, verdict)
        if wait is None:
            raise _completed(progress.request.care.ended(failure, attempt), progress)
        # RFC 9110 section 15.5.20: over another connection, it may reach the right server.
        progress.is_fresh |= failure.status_code == HTTPStatus.MISDIRECTED_REQUEST
        self._tell_retry(progress, failure, wait, "throttled" if verdict.is_throttled else "failed")
        await self._clock.sleep(wait)

    def _wait(self, progress: _Progress, failure: DescopeError, verdict: Verdict) -> float | None:
        """Seconds until another attempt, which this pays for; None when there shall be none."""
        request = progress.request
        asked = failure.retry_after
        if (
            not verdict.is_worth_repeating
            or not request.care.may_repeat(failure)
            or progress.attempts >= self._retries.attempts
            or (asked is not None and asked > min(self._retries.max_wait, request.patience))
        ):
            return None
        wait = pause(verdict, progress.attempts - 1, asked, self._clock.draw)
        if self._clock.running() + wait >= progress.until:
            return None
        progress.paid = self._quota.take(verdict)
        return wait if progress.paid else None

    def _close_gate(self, failure: RateLimited, progress: _Progress) -> None:
        if failure.retry_after is None:
            failure.retry_after = progress.request.rate_limit_pause
        now = self._clock.running()
        is_extended = now < self._gate_opens_at
        # A race that is lost to another thread costs others a part of the wait, never this call.
        self._gate_opens_at = max(self._gate_opens_at, now + failure.retry_after)
        self._telemetry.tell(
            GateClosed(
                call=self._call(progress),
                seconds=failure.retry_after,
                until=self._clock.now() + failure.retry_after,
                extended=is_extended,
            )
        )

    async def _pass_gate(self, progress: _Progress) -> float:
        """Wait until the gate is open, and say when that is."""
        request = progress.request
        while (closed_for := self._gate_opens_at - (now := self._clock.running())) > 0:
            wait = stretched(closed_for, self._clock.draw)
            is_too_late = self._clock.running() + wait >= progress.until
            if is_too_late or closed_for > min(self._retries.max_wait, request.patience):
                limited = RateLimited(
                    f"{request.operation}: not sent, because the service limits the rate: "
                    f"try again in {closed_for:.0f} s",
                    operation=request.operation,
                    retry_after=closed_for,
                )
                limited.attempts = progress.attempts
                limited.uncertain = progress.is_uncertain
                raise limited
            self._telemetry.tell(CallHeld(call=self._call(progress), delay=wait))
            await self._clock.sleep(wait)
        return now

    def _call(self, progress: _Progress) -> Call:
        if progress.call is None:
            request = progress.request
            progress.call = self._telemetry.call(
                request.operation,
                request.method,
                request.template or request.path,
                request.care.key_id,
                request.care.name,
            )
        return progress.call

    def _tell_attempt(
        self,
        progress: _Progress,
        attempt: Attempt,
        began: float,
        error: BaseException | None = None,
    ) -> None:
        if self._telemetry.is_watched:
            self._telemetry.tell(
                AttemptEnded(
                    call=self._call(progress),
                    number=progress.attempts,
                    duration=self._clock.running() - began,
                    sent=attempt.is_sent,
                    reused=attempt.is_reused,
                    status_code=attempt.status,
                    error_type=None if error is None else type(error).__name__,
                    error_code=getattr(error, "error_code", None),
                    request_id=_request_id(progress),
                )
            )

    def _tell_retry(
        self,
        progress: _Progress,
        failure: DescopeError,
        delay: float,
        reason: Literal["throttled", "stale_connection", "failed"],
    ) -> None:
        self._telemetry.tell(
            RetryPlanned(
                call=self._call(progress),
                number=progress.attempts + 1,
                delay=delay,
                reason=reason,
                error_type=type(failure).__name__,
                status_code=failure.status_code,
                quota_left=self._quota.left,
            )
        )

    def _tell_end(
        self, progress: _Progress, error: BaseException | None = None, result: object = None
    ) -> None:
        last = progress.last
        made = getattr(error, "result", result)
        self._telemetry.tell(
            CallEnded(
                call=self._call(progress),
                outcome=_outcome(error),
                duration=self._clock.running() - progress.began,
                attempts=progress.attempts,
                resends=max(0, progress.requests - 1),
                status_code=None if last is None else last.status,
                error_type=None if error is None else type(error).__name__,
                error_code=getattr(error, "error_code", None),
                request_id=_request_id(progress),
                quota_left=self._quota.left,
                key_id=(
                    made.key.id
                    if isinstance(made, CreatedAccessKey)
                    else progress.request.care.key_id
                ),
            )
        )


def _request_id(progress: _Progress) -> str | None:
    last = progress.last
    if last is None or last.headers is None:
        return None
    return request_id_of(last.headers, progress.request)


def _outcome(error: BaseException | None) -> Literal["done", "error", "unknown", "interrupted"]:
    if error is None:
        return "done"
    if isinstance(error, OutcomeUnknown):
        return "unknown"
    return "error" if isinstance(error, Exception) else "interrupted"


def _completed(failure: DescopeError, progress: _Progress) -> DescopeError:
    """The failure of a call, with what all attempts at it mean together."""
    if isinstance(failure, RequestFailed):
        failure.sent = progress.is_uncertain
    elif isinstance(failure, ApiError):
        failure.uncertain = progress.is_uncertain
    failure.operation = progress.request.operation
    failure.attempts = progress.attempts
    return failure
