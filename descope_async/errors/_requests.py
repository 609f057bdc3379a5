"""Errors of requests to which no usable answer came."""

from __future__ import annotations

from ._root import DescopeError


class RequestFailed(DescopeError):
    """No usable answer came.

    Attributes:
        may_be_done: Whether the service may have done what was asked, in this attempt or an earlier
            one. False when it surely has not.
    """

    def __init__(
        self,
        message: str,
        *,
        may_be_done: bool = False,
        operation: str | None = None,
        status_code: int | None = None,
        request_id: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(
            message,
            operation=operation,
            status_code=status_code,
            request_id=request_id,
            retry_after=retry_after,
        )
        self.may_be_done = may_be_done


class ConnectionFailed(RequestFailed):
    """The service could not be reached, or the connection broke."""


class TLSFailed(ConnectionFailed):
    """The server's certificate, or the TLS handshake with it, was refused."""


class ProxyRefused(ConnectionFailed):
    """The proxy refused to connect: it wants other credentials, or does not allow the host.

    The request was not sent, and is not repeated. ``HTTPS_PROXY`` names the proxy, with its credentials:
    ``http://user:password@host:port``.
    """


class DeadlineExceeded(RequestFailed, TimeoutError):
    """The answer did not come in time."""


class KeySetUnavailable(RequestFailed):
    """The project's signing keys could not be fetched, so no token can be judged.

    This says nothing about the token: answer 503, not 401.
    """
