"""Decides what the failure of a call means for a run."""

from __future__ import annotations

from typing import Literal

from descope_async.errors import (
    ApiError,
    ClientClosed,
    ConfigurationError,
    DescopeError,
    InvalidArgument,
    OutcomeUnknown,
    RateLimited,
    RequestFailed,
    ServerError,
    TokenError,
    Unauthorized,
    UnexpectedResponse,
)

from ._errors import KeyNotSuited, SecretRefused

Verdict = Literal["again", "failed", "stop", "unknown"]


def judge(error: DescopeError) -> Verdict:
    """Whether to repeat the call, give this key up, end the run, or find out what the call did.

    ``"again"`` means that the call surely did nothing, or does nothing worse when repeated.
    """
    match error:
        case OutcomeUnknown():
            return "unknown"
        case Unauthorized() | ConfigurationError() | ClientClosed():
            return "stop"
        case InvalidArgument() | TokenError() | KeyNotSuited() | SecretRefused():
            return "failed"
        case RateLimited() | ServerError() | RequestFailed() | UnexpectedResponse():
            return "again"
        case ApiError():
            return "failed"
        case _:
            return "stop"
