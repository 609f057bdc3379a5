"""The log: which events are written to it, and at what level."""

from __future__ import annotations

import logging
from typing import Final

from ._calls import CallEnded, CallHeld, GateClosed, RetryPlanned
from ._event import Event
from ._secrets import SecretUnclaimed, TwinKeysFound
from ._tokens import AccessKeyChecked, ClockSkewFound, KeySetFetched, TokenRenewed

#: The one logger. Its records have the event's fields as attributes, whose names begin with the
#: prefix.
LOG: Final = logging.getLogger("descope_async")
_PREFIX: Final = "descope_"


def write(event: Event) -> None:
    """Log an event, if anybody reads what is logged at its level."""
    level = _level(event)
    if LOG.isEnabledFor(level):
        fields = {f"{_PREFIX}{name}": value for name, value in event.to_dict().items()}
        LOG.log(level, "%s", event, extra=fields)


def _level(event: Event) -> int:
    match event:
        case (
            GateClosed(is_extended=False)
            | CallEnded(outcome="unknown")
            | TokenRenewed(is_first_failure=True)
            | AccessKeyChecked(is_outage=True)
            | ClockSkewFound()
            | SecretUnclaimed()
            | TwinKeysFound()
        ):
            return logging.WARNING
        case KeySetFetched(outcome="error") if event.usable_for is not None:
            return logging.WARNING
        case (
            RetryPlanned()
            | CallHeld()
            | CallEnded(outcome="error")
            | TokenRenewed(outcome="error")
            | KeySetFetched(outcome="error")
        ):
            return logging.INFO
        case _:
            return logging.DEBUG
