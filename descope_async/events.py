"""What a client tells its hooks.

An event holds numbers, truth values, and words that are chosen here or by the service: never a
secret or a token. The id or the name of an access key is only in events of calls that make a secret,
so that nobody has to search for the key when the secret is lost. Printing one gives a sentence.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from attrs import fields, frozen

from .verification import Reason

__all__ = [
    "AccessKeyChecked",
    "AttemptEnded",
    "Call",
    "CallEnded",
    "CallEvent",
    "CallHeld",
    "CallStarted",
    "ClockSkewFound",
    "Event",
    "GateClosed",
    "Hook",
    "KeySetFetched",
    "RetryPlanned",
    "SecretUnclaimed",
    "SessionChecked",
    "StaleTokenServed",
    "TokenRenewed",
    "TwinKeysFound",
]


@frozen(kw_only=True, eq=False)
class Call:
    """A call to the service. Its events name it by this very object, which no other call has.

    Attributes:
        operation: What is done, as errors name it, such as ``"access_key.create"``.
        method: The HTTP method.
        path: The path, with ``{project_id}`` where that stands in it.
        server_address: The host.
        server_port: The port.
        project_id: The project.
        key_id: The access key that gets a new secret; None for other calls.
        key_name: The name of the access key that is made; None for other calls.
    """

    operation: str
    method: str
    path: str
    server_address: str
    server_port: int
    project_id: str
    key_id: str | None = None
    key_name: str | None = None

    def __str__(self) -> str:
        key = self.key_id or (self.key_name and repr(self.key_name))
        return f"{self.operation} of {key}" if key else self.operation


@frozen(kw_only=True)
class Event:
    """Something that happened."""

    def to_dict(self) -> dict[str, Any]:
        """The fields, with those of the call among them, and the class as ``event``."""
        found: dict[str, Any] = {"event": type(self).__name__}
        for attribute in fields(type(self)):
            value = getattr(self, attribute.name)
            if isinstance(value, Call):
                found |= {each.name: getattr(value, each.name) for each in fields(Call)}
            else:
                found[attribute.name] = value
        return found


#: Called with every event, on the thread of the event loop that the work runs on.
Hook = Callable[[Event], object]


@frozen(kw_only=True)
class CallEvent(Event):
    """Something that happened to a call.

    Attributes:
        call: Which.
    """

    call: Call


@frozen(kw_only=True)
class CallStarted(CallEvent):
    """A call began. CallEnded follows in any case, in the same task."""

    def __str__(self) -> str:
        return f"{self.call} begins"


@frozen(kw_only=True)
class AttemptEnded(CallEvent):
    """A request was answered, or given up.

    Attributes:
        number: Which attempt at the call it was, from 1. One that went over a connection that the
            service had just closed does not count: its successor has the same number.
        duration: Seconds that it took.
        sent: Whether a byte of it may have gone out.
        reused: Whether it went over a connection that had been idle.
        status_code: The answer's status; None without one.
        error_type: The class of the error; None when the answer was good.
        error_code: The service's code; None without one.
        request_id: The service's id of the request; None without one.
    """

    number: int
    duration: float
    sent: bool
    reused: bool
    status_code: int | None = None
    error_type: str | None = None
    error_code: str | None = None
    request_id: str | None = None

    def __str__(self) -> str:
        return (
            f"{self.call}: attempt {self.number} ends after {self.duration:.3f} s: "
            f"{_result(self.status_code, self.error_type, self.error_code)}"
        )


@frozen(kw_only=True)
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
            f"({self.reason}: {_result(self.status_code, self.error_type)})"
        )


@frozen(kw_only=True)
class GateClosed(CallEvent):
    """The service limits the rate: the client sends nothing more for a while.

    Attributes:
        seconds: For how long.
        until: Until when, in epoch seconds.
        extended: Whether the gate was closed already.
    """

    seconds: float
    until: float
    extended: bool

    def __str__(self) -> str:
        return (
            f"{self.call}: the service limits the rate; "
            f"this client sends nothing for {self.seconds:.1f} s"
        )


@frozen(kw_only=True)
class CallHeld(CallEvent):
    """The call waits at the closed gate.

    Attributes:
        delay: For how many seconds.
    """

    delay: float

    def __str__(self) -> str:
        return f"{self.call} waits for {self.delay:.1f} s, as the service asked"


@frozen(kw_only=True)
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
        detail = _result(self.status_code, self.error_type, self.error_code)
        if self.outcome == "unknown":
            detail += ", which says what to do"
        if self.key_id is not None and self.key_id != self.call.key_id:
            detail += f", key {self.key_id}"
        if self.error_type is not None and self.request_id is not None:
            detail += f" (request {self.request_id})"
        return (
            f"{self.call} ends after {self.duration:.3f} s and {self.attempts} attempt(s): {detail}"
        )


@frozen(kw_only=True)
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


@frozen(kw_only=True)
class StaleTokenServed(Event):
    """Somebody got a token that should have been renewed by now, since that did not succeed.

    Attributes:
        usable_for: Seconds that it still lives.
    """

    usable_for: float

    def __str__(self) -> str:
        return f"a session token is served that ends in {self.usable_for:.0f} s"


@frozen(kw_only=True)
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


@frozen(kw_only=True)
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
        return f"{self.operation}: a session token is checked: {_result(None, self.error_type)}"


@frozen(kw_only=True)
class AccessKeyChecked(Event):
    """An access key that a caller presented was checked by asking the service.

    Attributes:
        reason: What came of it, as in `Verification`.
        duration: Seconds that it took.
        is_outage: Whether this is the first that failed for want of an answer, after all was well.
        problem: What is wrong, if anything.
    """

    reason: Reason
    duration: float
    is_outage: bool = False
    problem: str | None = None

    def __str__(self) -> str:
        if self.is_outage:
            return f"access keys cannot be checked, good answers serve on: {self.problem}"
        return f"an access key is checked: {self.reason}"


@frozen(kw_only=True)
class ClockSkewFound(Event):
    """This machine's clock differs from the service's by so much that tokens are misjudged.

    Attributes:
        seconds: By how much the service is ahead.
    """

    seconds: float

    def __str__(self) -> str:
        return (
            f"this machine's clock differs from the service's by {self.seconds:.0f} seconds: "
            "it will refuse good tokens or accept expired ones"
        )


@frozen(kw_only=True)
class TwinKeysFound(Event):
    """One create has made several access keys. Nobody has the others' secrets: delete them.

    Attributes:
        kept: The id of the one that the caller gets.
        twins: The ids of the others, with commas between them.
    """

    kept: str
    twins: str

    def __str__(self) -> str:
        return f"one create has made several access keys: keep {self.kept}, delete {self.twins}"


@frozen(kw_only=True)
class SecretUnclaimed(Event):
    """Nobody has the secret of an access key, unless ``deliver`` stored it.

    It is told when the value or the error that had the secret is collected, or when the loop or the
    process ends. On which thread depends on that.

    Attributes:
        operation: What made the secret, such as ``"access_key.create"``.
        key_id: The access key; None when it is not known.
        name: Its name; None when it is not known.
        reason: ``"unread"``: nobody read the ``cleartext`` of what was returned or raised.
            ``"pending"``: the event loop or the process ended before the answer came.
    """

    operation: str
    key_id: str | None
    name: str | None
    reason: Literal["unread", "pending"]

    def __str__(self) -> str:
        key = " ".join(each for each in (self.key_id, self.name and repr(self.name)) if each)
        if self.reason == "pending":
            return (
                f"{self.operation}: the event loop ended before the answer came: nobody knows "
                f"whether there is a new secret for the key {key}"
            )
        return (
            f"{self.operation}: nobody has read the new secret of the key {key}: it is lost, so "
            "rotate the key or delete it"
        )


def _result(status: int | None, error_type: str | None, code: str | None = None) -> str:
    said = [] if status is None else [str(status)]
    said += [each for each in (code, error_type or "done") if each]
    return " ".join(said)
