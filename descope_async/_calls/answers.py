"""The answer to an attempt: received within its limits, and read."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import aiohttp

from descope_async.errors import UnexpectedResponse

from .answer_headers import request_id
from .messages import Answer, Attempt, Request
from .refusals import refusal

T = TypeVar("T")

_MAX_ERROR_BODY: Final = 64 * 1024
#: The lowest status that is no success.
_REDIRECTS: Final = 300


async def take(
    response: aiohttp.ClientResponse,
    request: Request,
    attempt: Attempt,
    read: Callable[[Answer], Awaitable[T]],
    now: Callable[[], float],
) -> T:
    """Receive the answer to a request, and read it.

    Args:
        response: The answer, which has begun to arrive.
        request: What was asked.
        attempt: The attempt at it.
        read: Takes from the answer what is wanted.
        now: Epoch seconds.

    Raises:
        ApiError: It has an error status.
        UnexpectedResponse: It is a redirect, longer than allowed, or unusable.
    """
    try:
        answer = await _received(response, request, attempt, now)
    finally:
        # As a context manager, the response would wait for its connection to be closed where nobody
        # needs that. One that has come whole has given its connection back.
        if not response.closed:
            response.release()
    # The reader's frames hold the body, and with it a secret: only the error leaves.
    try:
        return await read(answer)
    except UnexpectedResponse as error:
        failure = error.with_traceback(None)
    except Exception as error:  # noqa: BLE001 - such as for a depth or a size that there is no room for
        failure = UnexpectedResponse(
            f"{request.operation}: the answer cannot be read: {type(error).__name__}"
        )
    failure.operation, failure.status_code = request.operation, answer.status
    failure.request_id = request_id(answer.headers, request.redaction)
    raise request.care.searched(failure, answer.body)


async def _received(
    response: aiohttp.ClientResponse,
    request: Request,
    attempt: Attempt,
    now: Callable[[], float],
) -> Answer:
    status, headers = response.status, response.headers
    attempt.status = status
    attempt.headers = request.answer_headers = headers
    limit = request.max_body if response.ok else _MAX_ERROR_BODY
    body: bytes | bytearray = b""
    content = response.content
    try:
        if content.is_eof():  # all of a usual answer comes with its head
            body = content.read_nowait()
        else:
            body = bytearray()
            while not content.at_eof() and len(body) <= limit:
                attempt.deadline.hear()
                body += await content.readany()
        attempt.deadline.hear()
    except (Exception, asyncio.CancelledError) as error:
        # aiohttp raises before it hands over what arrived before the error.
        content.set_exception(None)  # type: ignore[arg-type]  # forgets the exception
        body += content.read_nowait()
        # An error status is an answer even if its body is cut off. So is a body with the whole
        # secret, even if the time is over.
        is_cancelled = (
            isinstance(error, asyncio.CancelledError) and not attempt.deadline.is_what_cancels
        )
        if is_cancelled or (response.ok and not request.care.is_enough(body)):
            raise
    if status < _REDIRECTS and len(body) <= limit:
        return Answer(status, headers, bytes(body))
    failure = refusal(request, status, headers, bytes(body), now)
    raise request.care.searched(failure, body)
