"""Events of the calls of the service."""

from __future__ import annotations

from typing import Literal

from attrs import frozen

from ._event import Call, Event, result


@frozen(kw_only=True, eq=False, repr=False)
class CallEvent(Event):
    """An event of one call.

    Attributes:
        call: The call that this event is about.
    """

    call: Call


@frozen(kw_only=True, eq=False, repr=False)
class CallStarted(CallEvent):
    """A call began. CallEnded follows in any case, in the same task."""

    def __str__(self) -> str:
        return f"{self.call} begins"


@frozen(kw_only=True, eq=False, repr=False)
class AttemptEnded(CallEvent):
    """A request was answered, or given up.

    Attributes:
        number: Which attempt at the call it was, from 1. One that went over a connection that the
            service had just closed does not count: its successor has the same number.
        duration: Seconds that it took.
        is_sent: Whether a byte of it may have gone out.
        is_connection_reused: Whether it went over a connection that had been idle.
        status_code: The answer's status; None without one.
        error_type: The class of the error; None when the answer was good.
        error_code: The service's code; None without one.
        request_id: The service's id of the request; None without one.
    """

    number: int
    duration: float
    is_sent: bool
    is_connection_reused: bool
    status_code: int | None = None
    error_type: str | None = None
    error_code: str | None = None
    request_id: str | None = None

    def __str__(self) -> str:
        return (
            f"{self.call}: attempt {self.number} ends after {self.duration:.3f} s: "
            f"{result(self.status_code, self.error_type, self.error_code)}"
        )


@frozen(kw_only=True, eq=False, repr=False)
class RetryPlanned(CallEvent):
    """The call will be tried again.

    Attributes:
        number: Which attempt that will be.
        delay: Seconds until then.
        reason: ``"throttled"``: the service has too much to do. ``"stale_connection"``: it closed
            an idle connection as the request came. ``"failed"``: anything else, see ``error_type``.
        error_type: The class of the last attempt's error.
        status_code: The status of its answer; None without one.
        quota_left: What is left of the client's quota of repeats.
    """

    number: int
    delay: float
    reason: Literal["throttled", "stale_connection", "failed"]
    error_type: str
    status_code: int | None
    quota_left: int

    def __str__(self) -> str:
        return (
            f"{self.call}: attempt {self.number} follows in {self.delay:.3f} s "
            f"({self.reason}: {result(self.status_code, self.error_type)})"
        )


@frozen(kw_only=True, eq=False, repr=False)
class GateClosed(CallEvent):
    """The service limits the rate: the client sends nothing more for a while.

    Attributes:
        seconds: For how long.
        until: Until when, in epoch seconds.
        is_extended: Whether the gate was closed already.
    """

    seconds: float
    until: float
    is_extended: bool

    def __str__(self) -> str:
        return (
            f"{self.call}: the service limits the rate; "
            f"this client sends nothing for {self.seconds:.1f} s"
        )


@frozen(kw_only=True, eq=False, repr=False)
class CallHeld(CallEvent):
    """The call waits at the closed gate.

    Attributes:
        delay: For how many seconds.
    """

    delay: float

    def __str__(self) -> str:
        return f"{self.call} waits for {self.delay:.1f} s, as the service asked"


@frozen(kw_only=True, eq=False, repr=False)
class CallEnded(CallEvent):
    """What became of a call.

    Attributes:
        outcome: ``"done"``; ``"error"``; ``"unknown"``: nobody knows whether it was carried out, or
            it was and its caller was cancelled, see OutcomeUnknown; ``"interrupted"``: its caller
            was cancelled, and nothing is lost.
        duration: Seconds that it took, waits included.
        attempts: How often it was tried, as the error's ``attempts``.
        resends: How many further requests that took, those after a stale connection included.
        status_code: The status of the last answer; None without one.
        error_type: The class of what was raised; None when it was done.
        error_code: The service's code; None without one.
        request_id: The service's id of the last request; None without one.
        quota_left: What is left of the client's quota of repeats.
        key_id: The access key that was made or got a new secret; None where that is not known.
    """

    outcome: Literal["done", "error", "unknown", "interrupted"]
    duration: float
    attempts: int
    resends: int
    status_code: int | None
    error_type: str | None
    error_code: str | None
    request_id: str | None
    quota_left: int
    key_id: str | None = None

    def __str__(self) -> str:
        detail = result(self.status_code, self.error_type, self.error_code)
        if self.outcome == "unknown":
            detail += ", which says what to do"
        if self.key_id is not None and self.key_id != self.call.key_id:
            detail += f", key {self.key_id}"
        if self.error_type is not None and self.request_id is not None:
            detail += f" (request {self.request_id})"
        return (
            f"{self.call} ends after {self.duration:.3f} s and {self.attempts} attempt(s): {detail}"
        )
