"""Lengths of time and dates, as people type them."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime
from typing import Final

import click

_LENGTH: Final = re.compile(r"(\d{1,6})([smhdw])", re.ASCII)
_SECONDS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_NEVER: Final = "never"


def seconds(text: str) -> int:
    """The seconds of a length such as ``90s``, ``15m``, ``12h``, ``30d`` or ``2w``."""
    found = _LENGTH.fullmatch(text.strip())
    if not found:
        raise click.BadParameter(f"{text!r} is not a length of time such as 12h, 30d or 2w")
    return int(found[1]) * _SECONDS[found[2]]


def is_length(text: str) -> bool:
    """Whether a text is a length of time, and so no fixed moment."""
    return _LENGTH.fullmatch(text.strip()) is not None


def span(length: float) -> str:
    """Seconds as a length of time, such as ``12h``, in the largest unit that says it exactly."""
    whole = int(length)
    unit = next((each for each in "wdhm" if whole and whole % _SECONDS[each] == 0), "s")
    return f"{whole // _SECONDS[unit]}{unit}"


def expiry(text: str) -> int:
    """Epoch seconds of an expiry; 0 for ``never``.

    Args:
        text: A length of time from now, a date or time (UTC unless it says otherwise), or ``never``.
    """
    if text.strip().lower() == _NEVER:
        return 0
    if is_length(text):
        return int(now()) + seconds(text)
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise click.BadParameter(
            f"{text!r} is neither a length of time such as 90d, nor a date such as 2027-01-31, nor never"
        ) from None
    found = int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
    if not found:  # which the service takes for never
        raise click.BadParameter(f"{text!r} is over already")
    return found


def future_expiry(text: str) -> int:
    """The same for a key that is to be made, which must not have expired before."""
    found = expiry(text)
    if found and found <= now():
        raise click.BadParameter(f"{text!r} is over already")
    return found


def now() -> float:
    """Epoch seconds, by this machine's clock."""
    return time.time()  # noqa: TID251 - a person's "in 30 days" starts now, whatever clock a test's client has


def iso(epoch_seconds: float) -> str | None:
    """A time in UTC as ISO 8601; None for 0, which stands for never."""
    if not epoch_seconds:
        return None
    return datetime.fromtimestamp(epoch_seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
