"""What has become of a call so far, and the events that tell of it."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Literal

from attrs import frozen

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
from descope_async.events._telemetry import Telemetry
from descope_async.models import CreatedAccessKey

from .answer_headers import request_id
from .messages import Attempt, Request


@frozen(eq=False, repr=False)
class Plan:
    """What follows from a failed attempt.

    Attributes:
        may_be_done: Whether the service may have carried it out all the same.
        wait: Seconds until the next attempt; None when there is none.
        reason: Why the next attempt may succeed.
        cost: What was paid for it.
    """

    may_be_done: bool
    wait: float | None = None
    reason: Literal["throttled", "stale_connection", "failed"] = "failed"
    cost: int = 0


class Progress:
    """Keeps the attempts at a call, and tells of them.

    Args:
        request: What the call asks.
        clock: The time source.
        telemetry: Receives the events.

    Attributes:
        request: What the call asks.
        until: When its time is over, on the running clock.
        attempts: How many attempts were made, without those on a stale connection.
        last: The last attempt; None before the first.
        may_be_done: Whether an attempt without a usable answer may have been carried out.
        paid: What the last repeat cost.
        is_watched: Whether anybody wants to know of what is usual.
    """

    request: Request
    until: float
    attempts: int = 0
    last: Attempt | None = None
    may_be_done: bool = False
    paid: int = 0
    is_watched: bool
    _requests: int = 0
    _call: Call | None = None

    def __init__(self, request: Request, clock: Clock, telemetry: Telemetry) -> None:
        self.request = request
        self.is_watched = telemetry.is_watched
        self._clock = clock
        self._telemetry = telemetry
        self._is_fresh = request.care.must_happen_once
        self._began = self._now = clock.running()
        self._began_at = clock.now()
        self.until = self._began + request.deadline
        if self.is_watched:
            telemetry.tell(CallStarted(call=self._named()))
            self._now = clock.running()

    def next_attempt(self) -> Attempt:
        """The next attempt, which begins now."""
        self.attempts += 1
        self._requests += 1
        limit, started_at = self.until - self._now, self._began_at + self._now - self._began
        self.last = attempt = Attempt(limit, self._is_fresh, started_at)
        return attempt

    async def follow(self, plan: Plan, failure: DescopeError, quota_left: int) -> None:
        """Wait until it is time for another attempt, or raise when there is none.

        Args:
            plan: What follows from the failure of the last attempt.
            failure: The failure.
            quota_left: What is left of the client's quota of repeats.

        Raises:
            DescopeError: The failure, with what all attempts mean together.
            OutcomeUnknown: A call that must happen once may have been carried out.
        """
        self.may_be_done |= plan.may_be_done
        if plan.wait is None:
            if plan.may_be_done and self.last is not None:
                failure = self.request.care.unknown(failure, self.last)
            raise self._completed(failure)
        if plan.reason == "stale_connection":
            # The service closed it while it was idle, and the request crossed that on its way.
            self.attempts -= 1
            self._is_fresh = True
        else:
            self.paid = plan.cost
            # RFC 9110 section 15.5.20: over another connection, it may reach the right server.
            self._is_fresh |= failure.status_code == HTTPStatus.MISDIRECTED_REQUEST
        self._telemetry.tell(
            RetryPlanned(
                call=self._named(),
                number=self.attempts + 1,
                delay=plan.wait,
                reason=plan.reason,
                error_type=type(failure).__name__,
                status_code=failure.status_code,
                quota_left=quota_left,
            )
        )
        if plan.wait:
            await self._clock.sleep(plan.wait)
        self._now = self._clock.running()

    def _completed(self, failure: DescopeError) -> DescopeError:
        """The failure of the call, with what all attempts at it mean together."""
        if isinstance(failure, RequestFailed | ApiError):
            failure.may_be_done = self.may_be_done
        failure.operation = self.request.operation
        failure.attempts = self.attempts
        return failure

    async def hold(self, delay: float) -> None:
        """Wait for this many seconds, because the service limits the rate."""
        self._telemetry.tell(CallHeld(call=self._named(), delay=delay))
        await self._clock.sleep(delay)
        self._now = self._clock.running()

    def refuse(self, seconds: float) -> RateLimited:
        """The error for a call that is not sent, because the rate is limited for these seconds."""
        limited = RateLimited(
            f"{self.request.operation}: not sent, because the service limits the rate: "
            f"try again in {seconds:.0f} s",
            retry_after=seconds,
        )
        self._completed(limited)
        return limited

    def limit_rate(self, seconds: float, *, is_extended: bool) -> None:
        """The service limits the rate for this many seconds, perhaps as it did before."""
        self._telemetry.tell(
            GateClosed(
                call=self._named(),
                seconds=seconds,
                until=self._clock.now() + seconds,
                is_extended=is_extended,
            )
        )

    def end_attempt(self, error: BaseException | None = None) -> None:
        """The last attempt ended, with an error or well."""
        if self.last is not None:
            self._telemetry.tell(
                AttemptEnded(
                    call=self._named(),
                    number=self.attempts,
                    is_sent=self.last.is_sent,
                    is_connection_reused=self.last.is_connection_reused,
                    **self._result(error),
                    duration=self._clock.running() - self._now,
                )
            )

    def end(
        self, quota_left: int, error: BaseException | None = None, result: object = None
    ) -> None:
        """The call ended.

        Args:
            quota_left: What is left of the client's quota of repeats.
            error: What it raises; None when it was done.
            result: What it returns.
        """
        made = getattr(error, "result", result)
        self._telemetry.tell(
            CallEnded(
                call=self._named(),
                outcome=_outcome(error),
                attempts=self.attempts,
                resends=max(0, self._requests - 1),
                quota_left=quota_left,
                key_id=(
                    made.key.id if isinstance(made, CreatedAccessKey) else self._named().key_id
                ),
                **self._result(error),
                duration=self._clock.running() - self._began,
            )
        )

    def _result(self, error: BaseException | None) -> dict[str, Any]:
        """The fields of an event that say what came of the last attempt, or of the call."""
        headers = None if self.last is None else self.last.headers
        asked_as: str | None = getattr(error, "request_id", None)
        if asked_as is None and headers is not None:
            asked_as = request_id(headers, self.request.redaction)
        return {
            "status_code": None if self.last is None else self.last.status,
            "error_type": None if error is None else type(error).__name__,
            "error_code": getattr(error, "error_code", None),
            "request_id": asked_as,
        }

    def _named(self) -> Call:
        """How events name the call."""
        if self._call is None:
            request, new_secret = self.request, self.request.new_secret
            self._call = self._telemetry.call(
                request.operation,
                request.method,
                request.template or request.path,
                None if new_secret is None else new_secret.key_id,
                None if new_secret is None else new_secret.name,
            )
        return self._call


def _outcome(error: BaseException | None) -> Literal["done", "error", "unknown", "interrupted"]:
    if error is None:
        return "done"
    if isinstance(error, OutcomeUnknown):
        return "unknown"
    return "error" if isinstance(error, Exception) else "interrupted"
