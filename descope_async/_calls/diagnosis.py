"""What an exception of aiohttp means for a call."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from typing import Final

import aiohttp
from aiohttp.http_exceptions import BadHttpMessage, LineTooLong

from descope_async._config.proxy import Proxy
from descope_async.errors import (
    ConnectionFailed,
    DeadlineExceeded,
    ProxyRefused,
    RequestFailed,
    TLSFailed,
)

from .early_answers import SpokeFirst
from .messages import Attempt, Request
from .pool import MAX_HEADER, MAX_HEADERS
from .sockets import NotThisMachine

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
        (aiohttp.ClientProxyConnectionError,),
        ConnectionFailed,
        "no connection to the proxy on the way to {where}: {reason}",
    ),
    ((aiohttp.ClientHttpProxyError,), ConnectionFailed, "no connection to {where}: {reason}"),
    ((aiohttp.ClientConnectorError,), ConnectionFailed, "no connection to {where}: {reason}"),
    (
        (SpokeFirst,),
        ConnectionFailed,
        "{where} sends something or closes the connection before it is asked",
    ),
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
#: What a proxy may say today, and not tomorrow: every status from 500 on, and these.
_BUSY_PROXY: Final = frozenset({408, 425, 429, *range(500, 600)})
_PROXY_AUTHENTICATION: Final = 407
_CHALLENGE, _CREDENTIALS = "Proxy-Authenticate", "Proxy-Authorization"


def diagnosed(
    error: BaseException,
    request: Request,
    attempt: Attempt,
    base_url: str,
    proxy: Proxy | None = None,
) -> RequestFailed:
    """The error for an exception with which an attempt ended.

    Args:
        error: The exception.
        request: What was asked.
        attempt: The attempt.
        base_url: Where the service is.
        proxy: The proxy on the way; None for none.
    """
    where = base_url if proxy is None else f"{base_url} (through the proxy {proxy.url})"
    operation, is_sent = request.operation, attempt.is_sent
    causes = list(_causes(error))
    if any(type(each) is BadHttpMessage and "Too many headers" in str(each) for each in causes):
        problem = f"the answer from {where} has more than {MAX_HEADERS} headers"
        return ConnectionFailed(f"{operation}: {problem}", may_be_done=is_sent)
    if isinstance(error, aiohttp.ClientHttpProxyError) and error.status not in _BUSY_PROXY:
        return ProxyRefused(f"{operation}: {_refusal_by_proxy(error, base_url)}")
    for classes, cls, sentence in _DIAGNOSES:
        if any(isinstance(each, classes) for each in causes):
            problem = sentence.format(where=where, reason=_reason(error), type=type(error).__name__)
            return cls(f"{operation}: {problem}", may_be_done=is_sent)
    raise AssertionError("the last of the diagnoses fits every exception")


def _refusal_by_proxy(error: aiohttp.ClientHttpProxyError, where: str) -> str:
    if error.status != _PROXY_AUTHENTICATION:
        return (
            f"the proxy answers {error.status} instead of connecting to {where}: have it allow this "
            "host, or name the host in NO_PROXY where it can be reached directly"
        )
    challenges = [] if error.headers is None else error.headers.getall(_CHALLENGE, [])
    schemes = [scheme for each in challenges for scheme in _schemes(each)]
    if schemes and "basic" not in map(str.lower, schemes):
        return (
            f"the proxy wants credentials (407) by {', '.join(schemes)}, and only Basic is supported: "
            "run a proxy on this machine that logs in there, such as px or cntlm"
        )
    how = "as http://USER:PASSWORD@HOST:PORT, with % forms for special characters"
    if _CREDENTIALS in error.request_info.headers:
        return (
            "the proxy does not accept the credentials in its URL (407): correct the user and password "
            f"there, {how}"
        )
    return f"the proxy wants credentials (407): write them into its URL in HTTPS_PROXY, {how}"


def _schemes(challenges: str) -> Iterator[str]:
    """The schemes in a list of challenges (RFC 9110 section 11.6.1), where a parameter holds a =."""
    for part in challenges.split(","):
        name, _, rest = part.strip().partition(" ")
        if name.replace("-", "").isalnum() and not rest.lstrip().startswith("="):
            yield name


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
        return f"the proxy answers {cause.status}"
    if isinstance(cause, OSError) and cause.strerror:
        return str(cause.strerror)
    return type(cause).__name__
