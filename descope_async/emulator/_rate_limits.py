"""The service's rate limits, which are off until they are switched on."""

from __future__ import annotations

import math
from collections import OrderedDict, deque
from collections.abc import Mapping
from typing import Final

from attrs import Factory, define, frozen

_MOST_CALLERS: Final = 1_000


@frozen
class Limit:
    """How many requests are answered in which time, and how long all are refused after that.

    Attributes:
        requests: The number of requests.
        seconds: The time in which so many are answered.
        back_off: Seconds for which every request is refused once there were more.
    """

    requests: int
    seconds: int
    back_off: int


#: See https://docs.descope.com/rate-limiting.
API: Final = Limit(requests=100, seconds=60, back_off=60)
#: The limit of a backend SDK: of requests that name the SDK and the project's tier.
SDK: Final = Limit(requests=1_000, seconds=10, back_off=10)


@define
class _Caller:
    answered: deque[float] = Factory(deque[float])
    refused_until: float = 0.0
    last_asked: float = 0.0


class RateLimits:
    """Counts the requests of each address, by the emulator's clock."""

    def __init__(self) -> None:
        self.enabled = False
        self._callers: OrderedDict[tuple[str, Limit], _Caller] = OrderedDict()

    def wait(self, peer: str, headers: Mapping[str, str], now: float) -> int:
        """For how many seconds a request is too early, rounded up; 0 if it is answered.

        Args:
            peer: The address that the request came from.
            headers: The headers of the request.
            now: What time it is, in epoch seconds.
        """
        if not self.enabled:
            return 0
        is_sdk = "x-descope-sdk-name" in headers and "x-descope-license" in headers
        limit = SDK if is_sdk else API
        caller = self._caller((peer, limit))
        if now < caller.last_asked:  # the clock was set back, and what it showed then never was
            caller.answered.clear()
            caller.refused_until = now
        caller.last_asked = now
        if now < caller.refused_until:
            return math.ceil(caller.refused_until - now)
        while caller.answered and caller.answered[0] <= now - limit.seconds:
            caller.answered.popleft()
        if len(caller.answered) >= limit.requests:
            caller.answered.clear()
            caller.refused_until = now + limit.back_off
            return limit.back_off
        caller.answered.append(now)
        return 0

    def reset(self) -> None:
        """Switch the limits off, and forget all requests."""
        self.enabled = False
        self._callers.clear()

    def _caller(self, key: tuple[str, Limit]) -> _Caller:
        if key not in self._callers:
            self._callers[key] = _Caller()
            if len(self._callers) > _MOST_CALLERS:
                self._callers.popitem(last=False)
        return self._callers[key]
