"""What an exception of aiohttp means for a call."""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Mapping
from typing import Final

import aiohttp
from aiohttp.http_exceptions import BadHttpMessage, LineTooLong
from attrs import frozen
from yarl import URL

from descope_async._config.proxy import Proxy
from descope_async.errors import (
    ConnectionFailed,
    DeadlineExceeded,
    ProxyRefused,
    RequestFailed,
    TLSFailed,
)

from .early_answers import SpokeFirst
from .messages import Attempt, Request, Stage
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
    ((aiohttp.ClientSSLError, ssl.SSLError), TLSFailed, "no TLS with {where}: {reason}{advice}"),
    ((aiohttp.ClientConnectorDNSError,), ConnectionFailed, "{where} is not known to DNS"),
    ((aiohttp.ClientHttpProxyError,), ConnectionFailed, "no connection to {target}: {reason}"),
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
#: What was waited for in vain, where an attempt got no further than to this stage.
_SILENCES: Final[Mapping[Stage, str]] = {
    Stage.TLS_WITH_PROXY: "{where} takes connections, and answers nothing in TLS in time{advice}",
    Stage.TUNNEL: "{where} does not say in time whether it connects there (timeouts= sets it)",
    Stage.TLS: "{where} takes connections, and answers nothing in TLS in time{advice}",
}
_PLAIN_PROXY: Final = (
    "; most proxies speak no TLS themselves: then write http:// into the proxy's URL"
)
_PLAIN_EMULATOR: Final = "; a local Descope speaks TLS only with --tls: else write http://"
#: What a proxy may say today, and not tomorrow: every status from 500 on, and these.
_BUSY_PROXY: Final = frozenset({408, 425, 429, *range(500, 600)})
_PROXY_AUTHENTICATION: Final = 407
_SCHEMES: Final = frozenset(
    {"basic", "bearer", "digest", "kerberos", "negotiate", "ntlm", "scram-sha-1", "scram-sha-256"}
)
_CHALLENGE, _CREDENTIALS = "Proxy-Authenticate", "Proxy-Authorization"


@frozen(eq=False, repr=False)
class Service:
    """Where requests go, as errors tell of it.

    Attributes:
        url: The base URL.
        is_this_machine: Whether its host stands for this machine.
    """

    url: str
    is_this_machine: bool


def diagnosed(
    error: BaseException,
    request: Request,
    attempt: Attempt,
    service: Service,
    proxy: Proxy | None = None,
) -> RequestFailed:
    """The error for an exception with which an attempt ended.

    Args:
        error: The exception.
        request: What was asked.
        attempt: The attempt.
        service: Where it was to go.
        proxy: The proxy on the way; None for none.
    """
    target = service.url if proxy is None else f"{service.url} (through the proxy {proxy.url})"
    is_at_proxy = proxy is not None and _is_at_proxy(error, attempt, proxy)
    where = target
    if proxy is not None and is_at_proxy:
        where = f"the proxy {proxy.url} on the way to {service.url}"
    operation, is_sent = request.operation, attempt.is_sent
    causes = list(_causes(error))
    if any(type(each) is BadHttpMessage and "Too many headers" in str(each) for each in causes):
        problem = f"the answer from {where} has more than {MAX_HEADERS} headers"
        return ConnectionFailed(f"{operation}: {problem}", may_be_done=is_sent)
    if isinstance(error, aiohttp.ClientHttpProxyError) and error.status not in _BUSY_PROXY:
        return ProxyRefused(f"{operation}: {_refusal_by_proxy(error, service.url)}")
    for classes, cls, usual in _DIAGNOSES:
        if any(isinstance(each, classes) for each in causes):
            sentence = usual
            if cls is DeadlineExceeded and not is_sent:
                sentence = _SILENCES.get(attempt.stage, usual)
            problem = sentence.format(
                where=where,
                target=target,
                reason=_reason(error),
                type=type(error).__name__,
                advice=_advice(service, is_at_proxy=is_at_proxy),
            )
            return cls(f"{operation}: {problem}", may_be_done=is_sent)
    raise AssertionError("the last of the diagnoses fits every exception")


def _is_at_proxy(error: BaseException, attempt: Attempt, proxy: Proxy) -> bool:
    """Whether an attempt got no further than to the proxy."""
    if attempt.stage in {Stage.TLS_WITH_PROXY, Stage.TUNNEL}:
        return True
    if isinstance(error, aiohttp.ClientProxyConnectionError):
        return True
    # The proxy's own name may be the one that DNS does not know.
    return (
        isinstance(error, aiohttp.ClientConnectorDNSError) and error.host == URL(proxy.url).raw_host
    )


def _advice(service: Service, *, is_at_proxy: bool) -> str:
    """What to do where TLS cannot begin."""
    if is_at_proxy:
        return _PLAIN_PROXY
    return _PLAIN_EMULATOR if service.is_this_machine else ""


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
    """The schemes in a list of challenges (RFC 9110 section 11.6.1), where a parameter holds a =.

    What is no scheme that proxies have is not shown: a proxy may repeat the password.
    """
    for part in challenges.split(","):
        name, _, rest = part.strip().partition(" ")
        if name.replace("-", "").isalnum() and not rest.lstrip().startswith("="):
            yield name if name.lower() in _SCHEMES else "an unknown scheme"


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
    if isinstance(cause, ssl.SSLError) and cause.reason:
        return cause.reason.lower().replace("_", " ")
    if isinstance(cause, OSError) and cause.strerror:
        return str(cause.strerror)
    return type(cause).__name__
