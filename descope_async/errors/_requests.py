"""Errors of requests to which no usable answer came."""

from __future__ import annotations

from ._root import DescopeError


class RequestFailed(DescopeError):
    """No usable answer came.

    Attributes:
        sent: False when the request surely never left, in no attempt; True when it may have been
            carried out.
    """

    def __init__(
        self,
        message: str,
        *,
        sent: bool = False,
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
        self.sent = sent


class ConnectionFailed(RequestFailed):
    """The service could not be reached, or the connection broke."""


class TLSFailed(ConnectionFailed):
    """The server's certificate, or the TLS handshake with it, was refused."""


class DeadlineExceeded(RequestFailed, TimeoutError):
    """The answer did not come in time."""


class KeySetUnavailable(RequestFailed):
    """The project's signing keys could not be fetched, so no token can be judged.

    This says nothing about the token: answer 503, not 401.
    """
