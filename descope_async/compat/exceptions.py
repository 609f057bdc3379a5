"""The official SDK's exceptions, and which of them each error of this package becomes."""

from __future__ import annotations

import math
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

from descope_async.errors import (
    ApiError,
    DeliveryFailed,
    DescopeError,
    InvalidArgument,
    OutcomeUnknown,
    RateLimited,
    ReplayStoreFull,
    RequestFailed,
    TokenError,
    UnexpectedResponse,
)

from ._official_classes import joined, theirs_or

__all__ = [
    "API_RATE_LIMIT_RETRY_AFTER_HEADER",
    "ERROR_TYPE_API_RATE_LIMIT",
    "ERROR_TYPE_INVALID_ARGUMENT",
    "ERROR_TYPE_INVALID_PUBLIC_KEY",
    "ERROR_TYPE_INVALID_TOKEN",
    "ERROR_TYPE_NO_ANSWER",
    "ERROR_TYPE_OUTCOME_UNKNOWN",
    "ERROR_TYPE_SERVER_ERROR",
    "AuthException",
    "RateLimitException",
    "UnsupportedFeature",
]

A = TypeVar("A", bound="AuthException")

ERROR_TYPE_INVALID_ARGUMENT: Final = "invalid argument"
ERROR_TYPE_SERVER_ERROR: Final = "server error"
ERROR_TYPE_INVALID_PUBLIC_KEY: Final = "invalid public key"
ERROR_TYPE_INVALID_TOKEN: Final = "invalid token"  # noqa: S105 - says what went wrong
ERROR_TYPE_API_RATE_LIMIT: Final = "API rate limit exceeded"
#: Not types of the official SDK, which lets its HTTP library's exceptions through.
ERROR_TYPE_NO_ANSWER: Final = "no answer"
ERROR_TYPE_OUTCOME_UNKNOWN: Final = "outcome unknown"

API_RATE_LIMIT_RETRY_AFTER_HEADER: Final = "Retry-After"


class AuthException(DescopeError):
    """Whatever goes wrong in a call.

    The error of `descope_async.errors` that it stands for is its ``__cause__``.

    Attributes:
        status_code: The answer's HTTP status; without one, the status that fits: 400 for an
            argument or setting, 401 for a token, 500 for one that an exchange brought, 502 for an
            answer that makes no sense, 503 for none.
        error_type: One of the ``ERROR_TYPE_…`` constants.
        error_message: What the service said, as JSON text with ``errorCode``,
            ``errorDescription`` and ``errorMessage``; a sentence where it said nothing.
    """

    error_type: str | None

    def __init__(
        self,
        status_code: int | None = None,
        error_type: str | None = None,
        error_message: str | None = None,
    ) -> None:
        super().__init__(
            error_message or error_type or "", status_code=status_code, error_message=error_message
        )
        self.error_type = error_type

    def __reduce__(self) -> tuple[Any, ...]:
        # The state has everything that the constructor was given.
        if type(self).__module__ == __name__:
            return _anew, (type(self).__name__,), vars(self)
        return type(self), (), vars(self)

    def __str__(self) -> str:
        return str(self._shown())

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._shown()})"

    def _shown(self) -> dict[str, Any]:
        return {
            "status_code": self.status_code,
            "error_type": self.error_type,
            "error_message": self.error_message,
        }


class RateLimitException(AuthException):
    """The service asks to be called less often.

    Attributes:
        error_description: The service's sentence for its code.
        error_message: The service's detail.
        rate_limit_parameters: ``{"Retry-After": seconds}``. When the service named no time, it is
            what this package waits then: 60 s, and 10 s after an exchange.
    """

    rate_limit_parameters: dict[str, int]

    def __init__(
        self,
        status_code: int | None = None,
        error_type: str | None = None,
        error_description: str | None = None,
        error_message: str | None = None,
        rate_limit_parameters: dict[str, int] | None = None,
    ) -> None:
        super().__init__(status_code, error_type, error_message)
        self.error_description = error_description
        self.rate_limit_parameters = rate_limit_parameters or {}

    def _shown(self) -> dict[str, Any]:
        return {
            "status_code": self.status_code,
            "error_type": self.error_type,
            "error_description": self.error_description,
            "error_message": self.error_message,
            "rate_limit_parameters": self.rate_limit_parameters,
        }


#: Ours. Below, the same names may stand for the official SDK's classes.
_AUTH, _RATE_LIMIT = AuthException, RateLimitException

if not TYPE_CHECKING:
    # Where the official SDK is installed, the names are its classes: ``except AuthException`` then
    # catches the exceptions of both SDKs, whichever it is imported from.
    AuthException, RateLimitException = theirs_or(_AUTH), theirs_or(_RATE_LIMIT)


class UnsupportedFeature(DescopeError, AttributeError):
    """A part of the official SDK that is not about access keys. The message says what to use."""


class _Kind(NamedTuple):
    """What a kind of error becomes.

    Attributes:
        error: The kind.
        status_code: The status to report; None for the answer's own.
        error_type: The type to report.
    """

    error: type[DescopeError]
    status_code: int | None
    error_type: str


#: The first that fits. What is not listed is a mistake of the program, and passes as it is.
_KINDS: Final = (
    _Kind(RateLimited, None, ERROR_TYPE_API_RATE_LIMIT),
    _Kind(ApiError, None, ERROR_TYPE_SERVER_ERROR),
    _Kind(InvalidArgument, 400, ERROR_TYPE_INVALID_ARGUMENT),
    _Kind(TokenError, 401, ERROR_TYPE_INVALID_TOKEN),
    _Kind(UnexpectedResponse, 502, ERROR_TYPE_SERVER_ERROR),
    _Kind(RequestFailed, 503, ERROR_TYPE_NO_ANSWER),
    _Kind(OutcomeUnknown, 500, ERROR_TYPE_OUTCOME_UNKNOWN),  # not 503, which invites repeats
    _Kind(DeliveryFailed, 500, ERROR_TYPE_OUTCOME_UNKNOWN),  # nor this: the key is made
    _Kind(ReplayStoreFull, 503, ERROR_TYPE_SERVER_ERROR),
)


@contextmanager
def official_errors(*, refused_token: int = 401) -> Generator[None, None, None]:
    """Raise the official SDK's exceptions for the errors of this package.

    Args:
        refused_token: The status to report for a refused token: 500 where the service itself made
            it, since 401 says there that the access key is refused.
    """
    try:
        yield
    except DescopeError as error:
        official = _official(error)
        if isinstance(error, TokenError):
            official.status_code = refused_token
        if official is error:
            raise
        raise official from error


def _official(error: DescopeError) -> DescopeError:
    kind = next((kind for kind in _KINDS if isinstance(error, kind.error)), None)
    if kind is None:
        return error
    status = kind.status_code or error.status_code
    found: AuthException
    if isinstance(error, RateLimited):
        found = _raised(_RATE_LIMIT)(
            status,
            kind.error_type,
            error.error_description,
            error.error_message,
            {API_RATE_LIMIT_RETRY_AFTER_HEADER: math.ceil(error.retry_after or 0)},
        )
    else:
        found = _raised(_AUTH)(status, kind.error_type, _said(error) or str(error))
    found.error_code = error.error_code
    found.error_description = error.error_description
    found.operation = error.operation
    found.request_id = error.request_id
    found.retry_after = error.retry_after
    found.attempts = error.attempts
    return found


def _raised(own: type[A]) -> type[A]:
    """The class to raise, which the official SDK's handlers catch as well."""
    return joined(own) if own is _AUTH else joined(own, joined(_AUTH))


def _anew(name: str) -> AuthException:
    """An exception out of a pickle. Where it was made, the official SDK may have been missing."""
    return _raised(_RATE_LIMIT if name == _RATE_LIMIT.__name__ else _AUTH)()


def _said(error: DescopeError) -> str | None:
    if not isinstance(error, ApiError):
        return None
    return error.answer_text
