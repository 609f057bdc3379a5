"""Errors that the service answers with, by HTTP status."""

from __future__ import annotations

from ._root import DescopeError


class ApiError(DescopeError):
    """The service answered with an error status.

    Attributes:
        may_be_done: Whether the service may have done what was asked all the same, in this attempt
            or an earlier one that went without an answer.
        answer_text: The body of the answer as it came, where it is the service's error; None where
            it is not. Keys are left out of it, and what is beyond 2000 characters.
    """

    may_be_done: bool = False
    answer_text: str | None = None


class BadRequest(ApiError):
    """Status 400: the service found the request wrong."""


class Unauthorized(ApiError):
    """Status 401: the project id, management key or access key is not accepted."""


class Forbidden(ApiError):
    """Status 403: the key is known but may not do this."""


class NotFound(ApiError):
    """Status 404: no such access key."""


class Conflict(ApiError):
    """Status 409: the state of the access key does not allow this."""


class RateLimited(ApiError):
    """Status 429: too many requests. ``retry_after`` says how long to wait, when known."""


class ServerError(ApiError):
    """Status 5xx: the service, or something in front of it, failed."""
