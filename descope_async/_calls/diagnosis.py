"""What an exception of aiohttp means for a call."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from typing import Final

import aiohttp
from aiohttp.http_exceptions import BadHttpMessage, LineTooLong

from descope_async.errors import (
    ConnectionFailed,
    DeadlineExceeded,
    RequestFailed,
    TLSFailed,
)

from .connections import MAX_HEADER, MAX_HEADERS
from .connector import NotThisMachine
from .messages import Attempt, Request

#: For classes of exceptions, the most special first: the class and the sentence of the error.
_DIAGNOSES: Final[tuple[tuple[tuple[type[BaseException], ...], type[RequestFailed], str], ...]] = (
    (
        (aiohttp.ConnectionTimeoutError,),
        DeadlineExceeded,
        "no connection to {where} in time (timeouts= sets it)",
    ),
    ((TimeoutError,), DeadlineExceeded, "no answer from {where} in time (timeouts= sets it)"),
    (
        (NotThisMachine,),
        TLSFailed,
        (
            "{where} leads to another machine, and without TLS the network would see the keys: use "
            "https, or for a local Descope in a container http://localhost with the port that it "
            "publishes"
        ),
    ),
    (
        (aiohttp.ClientConnectorCertificateError, ssl.SSLCertVerificationError),
        TLSFailed,
        (
            "the certificate of {where} is not trusted: {reason}; to trust another authority, pass "
            "ssl= or set SSL_CERT_FILE"
        ),
    ),
    ((aiohttp.ClientSSLError, ssl.SSLError), TLSFailed, "no TLS with {where}"),
    ((aiohttp.ClientConnectorDNSError,), ConnectionFailed, "{where} is not known to DNS"),
    (
        (aiohttp.ClientProxyConnectionError, aiohttp.ClientHttpProxyError),
        ConnectionFailed,
        "no connection to {where} through the proxy: {reason}",
    ),
    ((aiohttp.ClientConnectorError,), ConnectionFailed, "no connection to {where}: {reason}"),
    ((aiohttp.ClientPayloadError,), ConnectionFailed, "the answer was cut off"),
    (
        (LineTooLong,),
        ConnectionFailed,
        f"a header of the answer from {{where}} is longer than {MAX_HEADER} bytes",
    ),
    (
        (aiohttp.ClientResponseError,),
        ConnectionFailed,
        "{where} does not answer in HTTP that makes sense",
    ),
    ((aiohttp.ClientError, OSError), ConnectionFailed, "the connection to {where} broke"),
    # Every other exception of a library. Its text may quote the request.
    ((BaseException,), ConnectionFailed, "the request to {where} failed with {type}"),
)


def diagnosed(
    error: BaseException, request: Request, attempt: Attempt, where: str
) -> RequestFailed:
    """The error for an exception with which an attempt ended.

    Args:
        error: The exception.
        request: What was asked.
        attempt: The attempt.
        where: Where the service is.
    """
    operation, is_sent = request.operation, attempt.is_sent
    causes = list(_causes(error))
    if any(type(each) is BadHttpMessage and "Too many headers" in str(each) for each in causes):
        problem = f"the answer from {where} has more than {MAX_HEADERS} headers"
        return ConnectionFailed(f"{operation}: {problem}", may_be_done=is_sent)
    for classes, cls, sentence in _DIAGNOSES:
        if any(isinstance(each, classes) for each in causes):
            problem = sentence.format(where=where, reason=_reason(error), type=type(error).__name__)
            return cls(f"{operation}: {problem}", may_be_done=is_sent)
    raise AssertionError("the last of the diagnoses fits every exception")


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The exception, and what is known of the reason for it."""
    yield error
    for cause in (getattr(error, "os_error", None), error.__cause__):
        if isinstance(cause, NotThisMachine | LineTooLong | BadHttpMessage):
            yield cause
        if cause is not None and isinstance(cause.__cause__, LineTooLong | BadHttpMessage):
            yield cause.__cause__


def _reason(error: BaseException) -> str:
    cause = getattr(error, "os_error", None) or getattr(error, "certificate_error", None) or error
    if isinstance(cause, ssl.SSLCertVerificationError):
        return str(cause.verify_message)
    if isinstance(cause, aiohttp.ClientHttpProxyError):
        return f"it answers {cause.status}"
    if isinstance(cause, OSError) and cause.strerror:
        return str(cause.strerror)
    return type(cause).__name__
