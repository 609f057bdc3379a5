"""What the failure of a call means for a run."""

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
    """Whether to try again, to give this key up, to end the run, or to find out what became of it.

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
