"""What a client tells its hooks.

An event holds numbers, truth values, and words that are chosen here or by the service: never a
secret or a token. The id or the name of an access key is only in events of calls that make a secret,
so that nobody has to search for the key when the secret is lost. Printing one gives a sentence.
"""

from __future__ import annotations

from ._calls import (
    AttemptEnded,
    CallEnded,
    CallEvent,
    CallHeld,
    CallStarted,
    GateClosed,
    RetryPlanned,
)
from ._event import Call, Event, Hook
from ._secrets import SecretUnclaimed, TwinKeysFound
from ._tokens import (
    AccessKeyChecked,
    ClockSkewFound,
    KeySetFetched,
    SessionChecked,
    StaleTokenServed,
    TokenRenewed,
)

__all__ = [
    "AccessKeyChecked",
    "AttemptEnded",
    "Call",
    "CallEnded",
    "CallEvent",
    "CallHeld",
    "CallStarted",
    "ClockSkewFound",
    "Event",
    "GateClosed",
    "Hook",
    "KeySetFetched",
    "RetryPlanned",
    "SecretUnclaimed",
    "SessionChecked",
    "StaleTokenServed",
    "TokenRenewed",
    "TwinKeysFound",
]
