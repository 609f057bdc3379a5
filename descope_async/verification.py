"""What came of checking an access key that a caller presented."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, TypeAlias

from attrs import frozen

from .session_token import SessionToken

#: Why an access key was let in, or was not.
Reason: TypeAlias = Literal[
    "valid", "malformed", "refused", "forbidden", "rate_limited", "unavailable"
]

_STATUSES: Final[Mapping[Reason, int]] = {
    "valid": 200,
    "malformed": 401,
    "refused": 401,
    "forbidden": 403,
    "rate_limited": 429,
    "unavailable": 503,
}


@frozen
class Verification:
    """Whether a presented access key is good. True if it is, and false for any other reason.

    Attributes:
        reason: ``"valid"``; ``"malformed"``, no access key looks like that, and nothing was sent;
            ``"refused"``, the service does not take it; ``"forbidden"``, it is good, but not here;
            ``"rate_limited"``, too many unknown keys are being tried, and nothing was sent;
            ``"unavailable"``, the service gives no usable answer, which says nothing about the key.
        session: What the key may do. None unless it is valid.
        is_stale: Whether the session is older than the verifier's ``fresh_for``, while the service
            is asked again.
        retry_after: Seconds after which to present the key again; None when that would be in vain.
        error_code: The service's code, such as ``"E111119"``; None when it gave none.
        detail: What went wrong, to be logged. It holds no secret, but is not meant for the caller.
    """

    reason: Reason
    session: SessionToken | None = None
    is_stale: bool = False
    retry_after: float | None = None
    error_code: str | None = None
    detail: str | None = None

    @property
    def http_status(self) -> int:
        """The status to answer the caller with: 200, 401, 403, 429 or 503."""
        return _STATUSES[self.reason]

    def __bool__(self) -> bool:
        return self.session is not None
