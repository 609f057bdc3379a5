"""Rules of when to ask again. Pure: no clock, no sleep, no I/O."""

from __future__ import annotations

import math
from email.utils import parsedate_to_datetime
from typing import Final

#: A service that asks for more than a day is broken or hostile.
_LONGEST: Final = 86_400.0


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
    try:
        seconds = float(header)
    except ValueError:
        date = http_date(header)
        if date is None:
            return None
        seconds = date - now
    if math.isnan(seconds):
        return None
    return min(max(seconds, 0.0), _LONGEST)


def http_date(header: str | None) -> float | None:
    """Epoch seconds of an HTTP date; None when absent or malformed."""
    if header is None:
        return None
    try:
        return parsedate_to_datetime(header).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None
