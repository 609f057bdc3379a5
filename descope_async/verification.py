"""What came of verifying an access key that a caller presented."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, TypeAlias

from attrs import field, frozen

from ._values.value import Value
from .session_token import SessionToken

__all__ = ["UnverifiedKey", "UnverifiedReason", "Verification", "VerifiedKey"]

#: Why an access key was not let in.
UnverifiedReason: TypeAlias = Literal[
    "malformed", "refused", "forbidden", "rate_limited", "unavailable"
]

_STATUSES: Final[Mapping[UnverifiedReason, int]] = {
    "malformed": 401,
    "refused": 401,
    "forbidden": 403,
    "rate_limited": 429,
    "unavailable": 503,
}


@frozen(eq=False, repr=False)
class VerifiedKey(Value):
    """A presented access key that is good. It is true, where an `UnverifiedKey` is false.

    Attributes:
        session: What the key may do.
        is_stale: Whether the session is older than the verifier's ``fresh_for``, while the service
            is asked again.
        reason: ``"valid"``.
        retry_after: None.
        error_code: None.
        detail: None.
    """

    session: SessionToken
    is_stale: bool = False
    reason: Literal["valid"] = field(default="valid", init=False)
    retry_after: None = field(default=None, init=False)
    error_code: None = field(default=None, init=False)
    detail: None = field(default=None, init=False)

    @property
    def http_status(self) -> int:
        """200."""
        return 200

    def __bool__(self) -> Literal[True]:
        return True


@frozen(eq=False, repr=False)
class UnverifiedKey(Value):
    """A presented access key that is not let in. It is false, where a `VerifiedKey` is true.

    Attributes:
        reason: ``"malformed"``, no access key looks like that, and nothing was sent;
            ``"refused"``, the service does not take it; ``"forbidden"``, it is good, but not here;
            ``"rate_limited"``, too many unknown keys are being tried, and nothing was sent;
            ``"unavailable"``, the service gives no usable answer, which says nothing about the key.
        retry_after: Seconds after which to present the key again; None when that would be in vain.
        error_code: The service's code, such as ``"E111119"``; None when it gave none.
        detail: What went wrong, to be logged. It holds no secret, but is not meant for the caller.
        session: None.
        is_stale: False.
    """

    reason: UnverifiedReason
    retry_after: float | None = None
    error_code: str | None = None
    detail: str | None = None
    session: None = field(default=None, init=False)
    is_stale: Literal[False] = field(default=False, init=False)

    @property
    def http_status(self) -> int:
        """The status to answer the caller with: 401, 403, 429 or 503."""
        return _STATUSES[self.reason]

    def __bool__(self) -> Literal[False]:
        return False


#: What came of verifying an access key: after ``if verification:`` type checkers know that it has a
#: session.
Verification: TypeAlias = VerifiedKey | UnverifiedKey
