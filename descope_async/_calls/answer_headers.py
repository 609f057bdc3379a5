"""What the headers of an answer say."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

from descope_async._runtime.late_imports import late_import

from .redaction import Redaction

#: Seconds. A service that asks for more than a day is broken or hostile.
_LONGEST: Final = 86_400.0
#: Some services add a fraction, which the standard does not know.
_SECONDS: Final = re.compile(r"\d+(\.\d+)?", re.ASCII)


def retry_after(headers: Mapping[str, str], now: Callable[[], float]) -> float | None:
    """Seconds to wait by the ``Retry-After`` header (RFC 9110 section 10.2.3).

    An HTTP date counts from the ``Date`` of the same answer, so that no clock has to be right.

    Args:
        headers: The answer's.
        now: Epoch seconds, for an answer without a ``Date``.

    Returns:
        Between 0 and a day; None when there is no such header or it makes no sense.
    """
    header = headers.get("Retry-After")
    if header is None:
        return None
    if seconds := _SECONDS.fullmatch(header.strip()):
        return min(float(seconds[0]), _LONGEST)
    then = http_date(header)
    if then is None:
        return None
    return min(max(then - (http_date(headers.get("Date")) or now()), 0.0), _LONGEST)


def http_date(header: str | None) -> float | None:
    """Epoch seconds of an HTTP date; None when absent or malformed."""
    if header is None:
        return None
    try:
        return _date_parser()(header).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None


@late_import
def _date_parser() -> Callable[[str], datetime]:
    from email.utils import parsedate_to_datetime  # which comes with aiohttp as well

    return parsedate_to_datetime


def request_id(headers: Mapping[str, str], redaction: Redaction) -> str | None:
    """The service's id of a request, from the headers of its answer; None without one.

    Args:
        headers: The answer's.
        redaction: Takes out the keys of the request.
    """
    return redaction.shown(headers.get("x-request-id") or headers.get("cf-ray") or None)
