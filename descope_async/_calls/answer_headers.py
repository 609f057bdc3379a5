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
_WHOLE_SECONDS: Final = re.compile(r"[0-9]{1,9}")


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
    then = _http_date(header)
    if then is None:
        return None
    return min(max(then - (sent_at(headers) or now()), 0.0), _LONGEST)


def sent_at(headers: Mapping[str, str]) -> float | None:
    """When the answer was made, epoch seconds by the service's clock; None when it does not say so."""
    header = headers.get("Date")
    return None if header is None else _http_date(header)


def age(headers: Mapping[str, str]) -> float:
    """Seconds for which a cache on the way has kept the answer (RFC 9111 section 5.1)."""
    header = headers.get("Age", "")
    return float(header) if _WHOLE_SECONDS.fullmatch(header) else 0.0


def _http_date(header: str) -> float | None:
    """Epoch seconds of an HTTP date; None for one that is malformed."""
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
    return redaction.shown_id(headers.get("x-request-id") or headers.get("cf-ray") or None)
