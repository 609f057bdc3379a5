"""The error for an answer with an error status, for a redirect, and for one that is too long."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Final

from descope_async.errors import (
    ApiError,
    BadRequest,
    Conflict,
    DescopeError,
    Forbidden,
    NotFound,
    RateLimited,
    ServerError,
    Unauthorized,
    UnexpectedResponse,
)

from .answer_headers import request_id, retry_after
from .messages import Request
from .wire import ServiceError, read_error

#: Characters of an error answer that are kept as they came, and of an error's sentence.
_LONGEST_TEXT, _LONGEST_SENTENCE = 2000, 500
#: The service's code for a rate limit, whatever the status.
_RATE_LIMIT_CODE: Final = "E130429"
_ERRORS: Final[Mapping[int, type[ApiError]]] = {
    400: BadRequest,
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    429: RateLimited,
}


def refusal(
    request: Request,
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    now: Callable[[], float],
) -> DescopeError:
    """The error for an error status, for a redirect, or for an answer that is too long.

    Args:
        request: What was asked.
        status: The answer's status.
        headers: Its headers.
        body: Its body, as far as it was read.
        now: Epoch seconds, as `retry_after` needs them.
    """
    if status < HTTPStatus.BAD_REQUEST:
        return _unexpected(request, status, headers)
    said = read_error(body)
    redaction = request.redaction
    code = redaction.shown(said.error_code)
    description = redaction.shown(said.error_description)
    message = redaction.shown(said.error_message)
    asked_as = request_id(headers, redaction)
    error = _class_for(status, said)(
        _sentence(request, status, code, description, message, asked_as),
        status_code=status,
        error_code=code,
        error_description=description,
        error_message=message,
        request_id=asked_as,
        retry_after=retry_after(headers, now),
    )
    if said != ServiceError():
        error.answer_text = redaction.shown(body.decode("utf-8", "replace"), _LONGEST_TEXT)
    return error


def _unexpected(request: Request, status: int, headers: Mapping[str, str]) -> UnexpectedResponse:
    is_redirect = status >= HTTPStatus.MULTIPLE_CHOICES
    problem = (
        f"is a redirect ({status}), which is not followed: check base_url"
        if is_redirect
        else f"is longer than {request.max_body} bytes"
    )
    return UnexpectedResponse(
        f"{request.operation}: the answer {problem}",
        path=None if is_redirect else "$",
        status_code=status,
        request_id=request_id(headers, request.redaction),
    )


def _class_for(status: int, said: ServiceError) -> type[ApiError]:
    if said.error_code == _RATE_LIMIT_CODE:
        return RateLimited
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return ServerError
    return _ERRORS.get(status, ApiError)


def _sentence(
    request: Request,
    status: int,
    code: str | None,
    description: str | None,
    message: str | None,
    asked_as: str | None,
) -> str:
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = "unknown status"
    code_note = f" {code}" if code else ""
    parts = [description or phrase]
    if message and message != description:
        parts.append(message)
    request_note = f" (request {asked_as})" if asked_as else ""
    sentence = f"{request.operation}: {status}{code_note} {': '.join(parts)}{request_note}"
    return sentence[:_LONGEST_SENTENCE]
