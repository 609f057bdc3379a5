"""Requests and answers, and what an answer means that is not the one hoped for."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final, Literal, TypeVar

from attrs import AttrsInstance, define, field

from descope_async._values.secret import Secret
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

from .once import REPEATABLE, Repeatable
from .retry_rules import http_date, retry_after
from .wire import ServiceError, read, read_error

V = TypeVar("V", bound=AttrsInstance)

MAX_BODY: Final = 1024 * 1024
_MAX_QUOTED: Final = 500
#: Characters of an error answer that are kept as they came.
_MAX_ANSWER: Final = 2000
#: So many characters of a key, one after the other, are not quoted. A key of fewer than the second
#: number is none, and every text would be full of it.
_ECHO, _LEAST_ECHO = 8, 2
#: The service's code for a rate limit, whatever the status.
_RATE_LIMIT_CODE: Final = "E130429"
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]+")

_ERRORS: Final[Mapping[int, type[ApiError]]] = {
    400: BadRequest,
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    429: RateLimited,
}


@define(kw_only=True)
class Request:
    """What to ask.

    Attributes:
        operation: What is being done, for errors: ``"access_key.create"``.
        method: HTTP method.
        path: Below the base URL, starting with a slash.
        deadline: Seconds for everything.
        template: The path with names for what varies in it; None when nothing does.
        bearer: The credential; None for none.
        query: Query parameters; None for none.
        body: JSON body; None for none.
        license_tier: The project's tier, sent to reach its rate limits; None when unknown.
        max_body: Bytes that the answer may have.
        silence: Seconds for which the service may be silent; None for the client's ``timeouts.read``.
        care: Whether it may be carried out twice, and what follows from that.
        rate_limit_pause: Seconds to ask nothing after a rate limit that does not say for how long.
        external_id: The id of the caller's own request; None for none.
        patience: Seconds to wait at most if the service asks to wait; infinity for as long as the
            client's settings allow.
    """

    operation: str
    method: Literal["GET", "POST"]
    path: str
    deadline: float
    template: str | None = None
    bearer: Secret[str] | None = None
    query: Mapping[str, str] | None = None
    body: Mapping[str, Any] | None = field(default=None, repr=False)
    license_tier: str | None = None
    max_body: int = MAX_BODY
    silence: float | None = None
    care: Repeatable = REPEATABLE
    rate_limit_pause: float = 60.0
    patience: float = math.inf
    external_id: str | None = None


@define(kw_only=True)
class Answer:
    """A successful answer."""

    operation: str
    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    async def read(self, cls: type[V]) -> V:
        """The value in the body.

        Raises:
            UnexpectedResponse: The body is not the documented one.
        """
        try:
            return await read(cls, self.body)
        except UnexpectedResponse as error:
            # The reader's frames hold the body, and with it a secret: only the error leaves.
            failure = error.with_traceback(None)
        failure.operation = self.operation
        failure.status_code = self.status
        failure.request_id = request_id_of(self.headers)
        raise failure


def refusal(
    request: Request, status: int, headers: Mapping[str, str], body: bytes, now: float
) -> DescopeError:
    """The error that an answer stands for: an error status, a redirect, or one that is too long.

    Args:
        request: What was asked.
        status: The answer's status.
        headers: Its headers.
        body: Its body, as far as it was read.
        now: Epoch seconds, for a ``Retry-After`` date without a ``Date`` beside it.
    """
    request_id = request_id_of(headers, request)
    if status < HTTPStatus.BAD_REQUEST:
        problem = (
            f"is longer than {request.max_body} bytes"
            if status < HTTPStatus.MULTIPLE_CHOICES
            else f"is a redirect ({status}), which is not followed: check base_url"
        )
        return UnexpectedResponse(
            f"{request.operation}: the answer {problem}",
            path="$" if status < HTTPStatus.MULTIPLE_CHOICES else None,
            status_code=status,
            request_id=request_id,
        )
    said = read_error(body)
    cls = _ERRORS.get(status, ApiError)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        cls = ServerError
    if said.error_code == _RATE_LIMIT_CODE:
        cls = RateLimited
    now = http_date(headers.get("Date")) or now
    error = cls(
        _sentence(request, status, said, request_id),
        status_code=status,
        error_code=_quoted(said.error_code, request),
        error_description=_quoted(said.error_description, request),
        error_message=_quoted(said.error_message, request),
        request_id=request_id,
        retry_after=retry_after(headers.get("Retry-After"), now=now),
    )
    if said != ServiceError():
        error.answer_text = _quoted(body.decode("utf-8", "replace"), request, _MAX_ANSWER)
    return error


def _sentence(request: Request, status: int, said: ServiceError, request_id: str | None) -> str:
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = "unknown status"
    code = f" {said.error_code}" if said.error_code else ""
    parts = [said.error_description or phrase]
    if said.error_message and said.error_message != said.error_description:
        parts.append(said.error_message)
    request_note = f" (request {request_id})" if request_id else ""
    sentence = f"{request.operation}: {status}{code} {': '.join(parts)}{request_note}"
    return _quoted(sentence, request) or ""


def _quoted(said: str | None, request: Request | None, most: int | None = None) -> str | None:
    if said is None:
        return None
    said = said[: 2 * _MAX_ANSWER]
    if request is not None and request.bearer is not None:
        # A server that echoes what it was sent must not put a key into an error.
        for key in map(Secret, request.bearer.reveal().split(":")[1:]):
            said = _without(key, said)
    return _CONTROL.sub(" ", said)[: most or _MAX_QUOTED]


def _without(key: Secret[str], said: str) -> str:
    """A text without a key, and without every longer part of it."""
    length = min(_ECHO, len(key.reveal()))
    if length < _LEAST_ECHO:
        return said
    parts = Secret({key.reveal()[at : at + length] for at in range(len(key.reveal()) - length + 1)})
    kept: list[str] = []
    at = 0
    while at < len(said):
        if said[at : at + length] not in parts.reveal():
            kept.append(said[at])
            at += 1
            continue
        while said[at + 1 : at + 1 + length] in parts.reveal():
            at += 1
        kept.append("…")
        at += length
    return "".join(kept)


def request_id_of(headers: Mapping[str, str], request: Request | None = None) -> str | None:
    """The service's id of a request, from its answer's headers; None without one.

    Args:
        headers: The headers.
        request: What was asked, so that no key in it is repeated.
    """
    return _quoted(headers.get("x-request-id") or headers.get("cf-ray") or None, request)
