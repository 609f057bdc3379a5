"""Rules of when to ask again. Pure: no clock, no sleep, no I/O."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from typing import Final

from attrs import frozen

from descope_async.errors import (
    ApiError,
    BadRequest,
    DescopeError,
    Forbidden,
    NotFound,
    RateLimited,
    RequestFailed,
    ServerError,
    TLSFailed,
    Unauthorized,
    UnexpectedResponse,
)

#: A service that asks for more than a day is broken or hostile.
_LONGEST: Final = 86_400.0

#: Seconds of the first pause at most, doubling: after a failure, and when there is too much to do.
_FIRST_PAUSE, _FIRST_PAUSE_THROTTLED, _LONGEST_PAUSE = 0.1, 1.0, 20.0
#: By which part a wait that the service asked for is exceeded at most, so that not all return at once.
_SPREAD: Final = 0.1
#: What a repeat takes from the quota, and what a call that needed none brings back.
_COST, _COST_THROTTLED, _GAIN = 14, 5, 1

#: The service judged what it was shown and will not take it: asking again changes nothing.
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


@frozen
class Verdict:
    """What a failed attempt proves.

    Attributes:
        may_be_done: Whether the service may have carried it out all the same.
        is_worth_repeating: Whether another attempt may fare better.
        is_throttled: Whether there was too much to do, rather than something broken.
    """

    may_be_done: bool
    is_worth_repeating: bool
    is_throttled: bool = False


def judge(failure: DescopeError) -> Verdict:
    """What the failure of one attempt proves, by whether it was sent and what was answered."""
    if isinstance(failure, ApiError):
        return _judge_refusal(failure)
    if isinstance(failure, RequestFailed):
        return Verdict(failure.sent, not isinstance(failure, TLSFailed))
    if isinstance(failure, UnexpectedResponse):
        is_success = failure.status_code is not None and failure.status_code < 300  # noqa: PLR2004
        # An answer that is no JSON was made by something on the way; one of another shape or size
        # will be the same the next time.
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
    draw: Callable[[float, float], float],
) -> float:
    """Seconds until the next attempt.

    Args:
        verdict: On the last attempt.
        repeats: How many repeats there were before.
        asked: Seconds that the service asked to wait; None for nothing.
        draw: Picks a number between two, at random.
    """
    first = _FIRST_PAUSE_THROTTLED if verdict.is_throttled else _FIRST_PAUSE
    backoff = draw(0, min(_LONGEST_PAUSE, first * 2**repeats))
    return backoff if asked is None else max(backoff, stretched(asked, draw))


def stretched(seconds: float, draw: Callable[[float, float], float]) -> float:
    """A wait that others wait too, made a little longer at random."""
    return seconds + draw(0, seconds * _SPREAD)


class Quota:
    """How much may be repeated, for all calls of a client on any thread.

    When the service is down for all, repeats would only add to its load: they use the quota up,
    and from then on calls fail at their first attempt.

    Args:
        size: What there is at first, and at most.
    """

    def __init__(self, size: int) -> None:
        self._size = self._left = size
        self._lock = threading.Lock()

    @property
    def left(self) -> int:
        """What is left."""
        return self._left

    def take(self, verdict: Verdict) -> int:
        """Pay for a repeat after such a failure.

        Returns:
            What was paid; 0 when there is not enough.
        """
        cost = _COST_THROTTLED if verdict.is_throttled else _COST
        with self._lock:
            if self._left < cost:
                return 0
            self._left -= cost
        return cost

    def give_back(self, paid: int) -> None:
        """After a success, bring back what its last repeat cost, or a little without any."""
        if self._left == self._size:
            return
        with self._lock:
            self._left = min(self._size, self._left + (paid or _GAIN))

    def forget(self) -> None:
        """Start clean in a forked child, where nobody is left to release the lock."""
        self._lock = threading.Lock()


#: Some services add a fraction, which the standard does not know.
_SECONDS: Final = re.compile(r"\d+(\.\d+)?", re.ASCII)


def retry_after(header: str | None, *, now: float) -> float | None:
    """Seconds to wait by a ``Retry-After`` header (RFC 9110 section 10.2.3).

    Args:
        header: Seconds or an HTTP date; None when absent.
        now: What the date counts from, in epoch seconds: best the ``Date`` of the same answer.

    Returns:
        Between 0 and a day; None when there is no such header or it makes no sense.
    """
    if header is None:
        return None
    if seconds := _SECONDS.fullmatch(header.strip()):
        return min(float(seconds[0]), _LONGEST)
    date = http_date(header)
    return None if date is None else min(max(date - now, 0.0), _LONGEST)


def http_date(header: str | None) -> float | None:
    """Epoch seconds of an HTTP date; None when absent or malformed."""
    if header is None:
        return None
    try:
        return parsedate_to_datetime(header).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None
