"""Whether and when a call is tried again. Nothing waits here."""

from __future__ import annotations

from typing import Final, Literal

from attrs import frozen

from descope_async._runtime.backoff import Backoff, Draw
from descope_async._runtime.clock import Clock
from descope_async.errors import (
    ApiError,
    BadRequest,
    ClientClosed,
    ConnectionFailed,
    DescopeError,
    Forbidden,
    NotFound,
    ProxyRefused,
    RateLimited,
    RequestFailed,
    ServerError,
    TLSFailed,
    Unauthorized,
    UnexpectedResponse,
)
from descope_async.settings import Retries

from .messages import Attempt
from .progress import Plan, Progress
from .retry_quota import RetryQuota

#: How long to pause before another try: after a failure, and when the service has too much to do.
_BACKOFF, _BACKOFF_THROTTLED = Backoff(0.1, 20.0), Backoff(1.0, 20.0)
#: Up to this part is added to a wait that the service asked for, so that clients do not all come
#: back together.
_SPREAD: Final = 0.1
#: Seconds without a request after a 429 without ``Retry-After``: for management calls, and for
#: exchanges.
RATE_LIMIT_PAUSE, EXCHANGE_RATE_LIMIT_PAUSE = 60.0, 10.0

#: The service has refused the key or the request itself, so the same request would be refused again.
REFUSALS: Final = (BadRequest, Unauthorized, Forbidden, NotFound)
_BUSY, _TIMED_OUT = 503, 408
#: Statuses that prove that the service has done nothing: 421 (RFC 9110 section 15.5.20), 425 (RFC
#: 8470 section 5.2), and Cloudflare's for no connection, no TLS or no route to the service. Not
#: 520, 522 and 524, which Cloudflare also sends after the service has got the request. Not 503
#: either: a gateway may say it, with a Retry-After, in place of what the service answered.
_NOT_PROCESSED: Final = frozenset({421, 425, 521, 523, 525, 526, 530})
#: Redirects that say to send the same request to another place (RFC 9110 section 15.4). The others
#: also say that it is done, and where its result is.
_ELSEWHERE: Final = frozenset({307, 308})


@frozen(eq=False, repr=False)
class Verdict:
    """What a failed attempt proves.

    Attributes:
        may_be_done: Whether the service may have carried it out all the same.
        is_worth_repeating: Whether another attempt may fare better.
        is_throttled: Whether the service refused it because it had too much to do.
    """

    may_be_done: bool
    is_worth_repeating: bool
    is_throttled: bool = False


class RetryRules:
    """Decides, for all calls of a client, whether and when one is tried again.

    Args:
        retries: How often, and how patiently.
        clock: The time source, which also draws random delays.

    Attributes:
        quota: What the calls may spend on repeats.
    """

    quota: RetryQuota

    def __init__(self, retries: Retries, clock: Clock) -> None:
        self.quota = RetryQuota(retries.quota)
        self._retries = retries
        self._clock = clock

    def plan(self, failure: DescopeError, attempt: Attempt, progress: Progress) -> Plan:
        """What follows from the failure of a call's last attempt.

        If there is to be another attempt, its cost is taken from the quota.
        """
        verdict = judge(failure, is_sent=attempt.is_sent)
        done, care = verdict.may_be_done, progress.request.care
        if _met_stale_connection(failure, attempt):
            return Plan(done, 0, "stale_connection")
        if (
            not verdict.is_worth_repeating
            or (care.must_happen_once and done)
            or progress.attempts >= self._retries.attempts
            or (failure.retry_after or 0) > self.most_patience(progress)
        ):
            return Plan(done)
        wait = pause(verdict, progress.attempts - 1, failure.retry_after, self._clock.draw)
        if self._clock.running() + wait >= progress.until:
            return Plan(done)
        cost = self.quota.take(is_throttled=verdict.is_throttled)
        reason: Literal["throttled", "failed"] = "throttled" if verdict.is_throttled else "failed"
        return Plan(done, wait, reason, cost) if cost else Plan(done)

    def most_patience(self, progress: Progress) -> float:
        """Seconds that a call waits at most if the service asks it to."""
        return min(self._retries.max_wait, progress.request.patience)


def _met_stale_connection(failure: DescopeError, attempt: Attempt) -> bool:
    """Whether an attempt failed as one does on a connection that the other side has just closed."""
    return (
        attempt.is_connection_reused
        and not attempt.is_fresh
        and attempt.status is None
        and isinstance(failure, ConnectionFailed)
    )


def judge(failure: DescopeError, *, is_sent: bool = False) -> Verdict:
    """What the failure of one attempt proves.

    Args:
        failure: The failure. It says whether the request was sent, unless it is a `ClientClosed`.
        is_sent: Whether a byte of the request may have been sent; used for `ClientClosed` only.
    """
    if isinstance(failure, ClientClosed):
        return Verdict(may_be_done=is_sent, is_worth_repeating=False)
    if isinstance(failure, ApiError):
        return _judge_refusal(failure)
    if isinstance(failure, RequestFailed):
        return Verdict(failure.may_be_done, not isinstance(failure, TLSFailed | ProxyRefused))
    if isinstance(failure, UnexpectedResponse):
        is_success = failure.status_code is not None and failure.status_code < 300  # noqa: PLR2004
        # An answer that is no JSON comes from a gateway or a proxy, and the next one may be right. An
        # answer of a wrong shape or size will be the same the next time.
        return Verdict(failure.status_code not in _ELSEWHERE, is_success and failure.path is None)
    return Verdict(may_be_done=False, is_worth_repeating=False)


def _judge_refusal(failure: ApiError) -> Verdict:
    if isinstance(failure, RateLimited):
        return Verdict(may_be_done=False, is_worth_repeating=True, is_throttled=True)
    if failure.status_code in _NOT_PROCESSED:
        return Verdict(may_be_done=False, is_worth_repeating=True)
    if isinstance(failure, ServerError) or failure.status_code == _TIMED_OUT:
        is_throttled = failure.status_code == _BUSY and failure.retry_after is not None
        return Verdict(may_be_done=True, is_worth_repeating=True, is_throttled=is_throttled)
    return Verdict(may_be_done=False, is_worth_repeating=False)


def pause(
    verdict: Verdict,
    repeats: int,
    asked: float | None,
    draw: Draw,
) -> float:
    """Seconds until the next attempt.

    Args:
        verdict: On the last attempt.
        repeats: How many repeats there were before.
        asked: Seconds that the service asked to wait; None for nothing.
        draw: Picks a number between two, at random.
    """
    backoff = _BACKOFF_THROTTLED if verdict.is_throttled else _BACKOFF
    drawn = backoff.drawn(repeats, draw)
    return drawn if asked is None else max(drawn, stretched(asked, draw))


def stretched(seconds: float, draw: Draw) -> float:
    """The seconds that the service asked for, and a random part more.

    Other clients were asked to wait as long, and shall not all come back together.
    """
    return seconds + draw(0, seconds * _SPREAD)
