"""Failures of every kind that an attempt at a call may have."""

from __future__ import annotations

from hypothesis import strategies as st

from descope_async import (
    BadRequest,
    ConnectionFailed,
    DeadlineExceeded,
    ProxyRefused,
    RateLimited,
    ServerError,
    TLSFailed,
    UnexpectedResponse,
)

FAILURES = st.sampled_from(
    [
        ServerError("?", status_code=502),
        ServerError("?", status_code=521),
        ServerError("?", status_code=503, retry_after=3),
        ConnectionFailed("?", may_be_done=True),
        ConnectionFailed("?", may_be_done=False),
        DeadlineExceeded("?", may_be_done=True),
        UnexpectedResponse("?", status_code=200),
        UnexpectedResponse("?", status_code=200, path="$.key"),
        BadRequest("?"),
        TLSFailed("?"),
        ProxyRefused("?"),
    ]
)
LIMITS = st.builds(
    lambda seconds: RateLimited("?", retry_after=seconds), st.none() | st.floats(0, 200)
)
