"""How quickly a run works and how long it waits, as callers say it."""

from __future__ import annotations

from typing import Final

from descope_async import _arguments as arguments
from descope_async._values.numbers import is_number, is_within
from descope_async.errors import InvalidArgument

_RATES: Final = (0.01, 1000.0)
_DAY: Final = 86_400
#: Days in the longest year.
_LONGEST: Final = 366


def pace(parameter: str, value: object) -> float | str | None:
    """Calls per second, ``"auto"``, or None for no limit."""
    if value is None:
        return None
    if isinstance(value, str) and value == "auto":
        return value
    if not is_number(value):
        raise InvalidArgument(f"{parameter} must be a number of calls per second, None or 'auto'")
    if not is_within(value, *_RATES):
        raise InvalidArgument(
            f"{parameter} must be from {_RATES[0]:g} to {_RATES[1]:g} calls per second"
        )
    return float(value)


def settle_time(parameter: str, value: object) -> float:
    """Seconds after which a request that went without an answer is not carried out: an hour at most."""
    return arguments.seconds(parameter, value, 0, 3600)


def grace_period(parameter: str, value: object) -> float:
    """Seconds for which a replaced key is kept: a year at most."""
    if not is_within(value, 0, _LONGEST * _DAY):
        raise InvalidArgument(
            f"{parameter} must be from 0 to {_LONGEST * _DAY} seconds, which are {_LONGEST} days"
        )
    return float(value)


def spans(grace: object, delete_after: object) -> dict[str, float | None]:
    """For how long replaced keys are kept, once they are replaced and once they are deactivated."""
    return {
        "grace": grace_period("grace", grace),
        "delete_after": None
        if delete_after is None
        else grace_period("delete_after", delete_after),
    }
