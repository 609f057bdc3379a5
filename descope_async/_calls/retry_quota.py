"""The quota of repeats, for all calls of a client."""

from __future__ import annotations

from descope_async._runtime.forks import ProcessLock

#: What a repeat takes from the quota: after a failure, and after a 429 or a busy service. The last
#: is what a success without a repeat gives back.
_COST, _COST_THROTTLED, _GAIN = 14, 5, 1


class RetryQuota:
    """How much may be repeated, for all calls of a client on any thread.

    When the service is down for all, repeats would only add to its load: they use the quota up,
    and from then on calls fail at their first attempt.

    Args:
        size: How much there is at first, which is also the most.

    Attributes:
        left: How much may still be taken.
    """

    left: int

    def __init__(self, size: int) -> None:
        self._size = self.left = size
        self._lock = ProcessLock()

    def take(self, *, is_throttled: bool) -> int:
        """Pay for a repeat.

        Args:
            is_throttled: Whether the service refused the call because it had too much to do.

        Returns:
            What was paid; 0 when there is not enough.
        """
        cost = _COST_THROTTLED if is_throttled else _COST
        with self._lock.held:
            if self.left < cost:
                return 0
            self.left -= cost
        return cost

    def give_back(self, paid: int) -> None:
        """After a success, bring back what its last repeat cost, or a little without any."""
        if self.left == self._size:
            return
        with self._lock.held:
            self.left = min(self._size, self.left + (paid or _GAIN))
