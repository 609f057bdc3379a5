"""Events of session tokens, of access keys, and of signing keys."""

from __future__ import annotations

from typing import Literal

from attrs import frozen

from ._event import Event, result


@frozen(kw_only=True, eq=False, repr=False)
class TokenRenewed(Event):
    """A token source exchanged its access key, or tried to.

    Attributes:
        outcome: ``"done"`` or ``"error"``.
        trigger: Why: ``"first"``; ``"due"``, in time; ``"expired"``, too late; ``"invalidated"``.
        duration: Seconds that it took.
        age: The old token's age in seconds; None without one.
        usable_for: Seconds that the old token still serves; None when it is renewed or over.
        is_first_failure: Whether it is the first time that this old token could not be replaced.
        error_type: The class of the error; None when it is renewed.
        problem: The error's text.
    """

    outcome: Literal["done", "error"]
    trigger: Literal["first", "due", "expired", "invalidated"]
    duration: float
    age: float | None
    usable_for: float | None
    is_first_failure: bool = False
    error_type: str | None = None
    problem: str | None = None

    def __str__(self) -> str:
        if self.outcome == "done":
            return f"a session token is renewed ({self.trigger})"
        if self.usable_for is None:
            return f"a session token cannot be had: {self.problem}"
        return f"a session token cannot be renewed, the old one stays: {self.problem}"


@frozen(kw_only=True, eq=False, repr=False)
class StaleTokenServed(Event):
    """A caller got a token that should have been renewed by now, but could not be.

    Attributes:
        usable_for: Seconds that it still lives.
    """

    usable_for: float

    def __str__(self) -> str:
        return f"a session token is served that ends in {self.usable_for:.0f} s"


@frozen(kw_only=True, eq=False, repr=False)
class KeySetFetched(Event):
    """The project's signing keys were fetched, or could not be.

    Attributes:
        outcome: ``"done"`` or ``"error"``.
        reason: Why: ``"first"``; ``"due"``, in time; ``"expired"``, too late; ``"unknown_key"``: a
            token names a key that the set does not have; ``"asked"``: somebody asked for it.
        duration: Seconds that it took.
        age: The old set's age in seconds; None without one.
        keys: How many usable keys it has; None when it could not be fetched.
        usable_for: Seconds that the old set still serves; None when it is over.
        error_type: The class of the error; None when it is fetched.
        problem: The error's text.
    """

    outcome: Literal["done", "error"]
    reason: Literal["first", "due", "expired", "unknown_key", "asked"]
    duration: float
    age: float | None
    keys: int | None = None
    usable_for: float | None = None
    error_type: str | None = None
    problem: str | None = None

    def __str__(self) -> str:
        if self.outcome == "done":
            return f"the key set is fetched ({self.reason}), with {self.keys} key(s)"
        if self.usable_for is None:
            return f"the signing keys cannot be had: {self.problem}"
        return f"the signing keys cannot be renewed, the old ones stay: {self.problem}"


@frozen(kw_only=True, eq=False, repr=False)
class SessionChecked(Event):
    """A session token was checked.

    Attributes:
        operation: For whom: ``"validate_session"`` or ``"exchange_access_key"``.
        duration: Seconds that it took, a fetch of keys included; None for the log, without hooks.
        error_type: The class of the error; None when it is good.
    """

    operation: str
    duration: float | None
    error_type: str | None = None

    def __str__(self) -> str:
        return f"{self.operation}: a session token is checked: {result(None, self.error_type)}"


@frozen(kw_only=True, eq=False, repr=False)
class AccessKeyChecked(Event):
    """An access key that a caller presented was checked by asking the service.

    Attributes:
        reason: What came of it, as in `Verification`.
        duration: Seconds that it took.
        is_outage: Whether this is the first check without an answer after checks that had one.
        problem: What is wrong, if anything.
    """

    reason: Literal["valid", "malformed", "refused", "forbidden", "rate_limited", "unavailable"]
    duration: float
    is_outage: bool = False
    problem: str | None = None

    def __str__(self) -> str:
        if self.is_outage:
            return f"access keys cannot be checked, good answers serve on: {self.problem}"
        return f"an access key is checked: {self.reason}"


@frozen(kw_only=True, eq=False, repr=False)
class ClockSkewFound(Event):
    """This machine's clock differs from the service's by so much that tokens are misjudged.

    Attributes:
        seconds: Seconds by which the service's clock is ahead of this machine's.
    """

    seconds: float

    def __str__(self) -> str:
        return (
            f"this machine's clock differs from the service's by {self.seconds:.0f} seconds: "
            "it will refuse good tokens or accept expired ones"
        )
