"""What goes wrong, and what the pages of the documentation promise for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum, auto
from types import MappingProxyType
from typing import Final, Literal

from attrs import evolve, frozen

from descope_async import (
    ApiError,
    ConnectionFailed,
    DeadlineExceeded,
    DescopeError,
    KeySetUnavailable,
    NotFound,
    OutcomeUnknown,
    RateLimited,
    ServerError,
    TLSFailed,
    UnexpectedResponse,
)
from descope_async.emulator import Fault

from .operations import Operation


class Proof(Enum):
    """What a failed attempt proves, as docs/explanation/retries.md has it."""

    NOT_SENT = auto()
    NOT_PROCESSED = auto()
    UNKNOWN = auto()
    #: Nothing of it was done, and it would fare no better.
    FINAL = auto()
    #: It may have been done, and it would fare no better.
    FINAL_UNKNOWN = auto()
    #: An idle connection was closed: not counted as an attempt.
    STALE = auto()
    #: The answer is as good as any.
    HARMLESS = auto()


_HUGE: Final = 9 * 2**20
#: For what stalls: shorter than the defaults. Three silences fit into the deadline, on a busy machine too.
IMPATIENT: Final[Mapping[str, float]] = MappingProxyType(
    {"read": 3, "secret": 3, "deadline": 18, "exchange": 18, "keys": 18}
)
#: For what the resolver takes its time to find out.
PATIENT: Final[Mapping[str, float]] = MappingProxyType({"deadline": 60, "exchange": 60, "keys": 60})


@frozen
class Case:
    """Something that goes wrong.

    Attributes:
        title: What the page calls it.
        proof: What it proves.
        error: What an attempt fails with.
        fault: What the local Descope is told, for any operation; None where it is not asked.
        place: Where it goes wrong.
        shows_status: Whether the status of the true answer arrives.
        keeps_secret: Whether the secret of a new key is in what arrives.
        asks_to_wait: Seconds that the service asks to wait, or None for what is documented.
        timeouts: Of the clients.
        is_race: Whether it may come before the first byte of the request is sent, or after.
        modes: Whether it strikes once, always or both.
    """

    title: str
    proof: Proof
    error: type[DescopeError] | None
    fault: Fault | None = None
    place: Literal["operation", "connect", "refused", "tls", "dns"] = "operation"
    shows_status: bool = False
    keeps_secret: bool = False
    asks_to_wait: float | None = None
    timeouts: Mapping[str, float] | None = None
    is_race: bool = False
    modes: tuple[str, ...] = ("once", "always")

    @property
    def commits(self) -> bool:
        """Whether the request is carried out."""
        return self.fault is not None and bool(self.fault.value("commit"))

    @property
    def takes_time(self) -> bool:
        """Whether clients wait for it in earnest."""
        return self.timeouts is not None


@frozen
class Outcome:
    """How a call ends.

    Attributes:
        error: What it raises; None when it succeeds.
        attempts: How often it was tried; None where it is made of several calls.
        has_secret: Whether what it returns or raises holds the secret of a key.
    """

    error: type[DescopeError] | None
    attempts: int | None
    has_secret: bool = False


def _statuses() -> list[Case]:
    found: list[Case] = []
    for status in (500, 502, 503, 504, 520, 522, 524):
        for commit in (False, True):
            done = " after it is carried out" if commit else ""
            fault = Fault("status", status=status, commit=commit)
            found.append(Case(f"{status}{done}", Proof.UNKNOWN, ServerError, fault))
    for commit in (False, True):
        done = " after it is carried out" if commit else ""
        fault = Fault("status", status=408, commit=commit)
        found.append(Case(f"408{done}", Proof.UNKNOWN, ApiError, fault))
        fault = Fault("status", status=503, retry_after=1, commit=commit)
        found.append(
            Case(f"503, `Retry-After: 1`{done}", Proof.UNKNOWN, ServerError, fault, asks_to_wait=1)
        )
    for status, error in (
        (421, ApiError),
        (425, ApiError),
        *((status, ServerError) for status in (521, 523, 525, 526, 530)),
    ):
        fault = Fault("status", status=status)
        found.append(Case(f"{status}", Proof.NOT_PROCESSED, error, fault))
    return found


def _limits() -> list[Case]:
    def case(title: str, wait: float | None, **header: object) -> Case:
        fault = Fault("rate_limit", **header)  # type: ignore[arg-type]
        return Case(title, Proof.NOT_PROCESSED, RateLimited, fault, asks_to_wait=wait)

    return [
        case("429, `Retry-After` in seconds (1)", 1, retry_after=1),
        case("429, `Retry-After` as a date (in 1 s)", 1, retry_after=1, retry_after_as_date=True),
        case("429, `Retry-After` in an hour", 3600, retry_after=3600),
        case("429, `Retry-After: soon`", None, retry_after="soon"),
        case("429 without `Retry-After`", None),
    ]


CASES: Final = (
    Case("connection refused", Proof.NOT_SENT, ConnectionFailed, place="refused"),
    Case(
        "unknown to DNS",
        Proof.NOT_SENT,
        ConnectionFailed,
        place="dns",
        timeouts=PATIENT,
        modes=("always",),
    ),
    Case("certificate not trusted", Proof.FINAL, TLSFailed, place="tls", modes=("always",)),
    Case(
        "reset when accepted",
        Proof.UNKNOWN,
        ConnectionFailed,
        Fault("reset"),
        place="connect",
        is_race=True,
    ),
    Case(
        "closed before anything is read",
        Proof.UNKNOWN,
        ConnectionFailed,
        Fault("close"),
        place="connect",
        is_race=True,
    ),
    Case("closed instead of an answer", Proof.UNKNOWN, ConnectionFailed, Fault("close")),
    Case("reset instead of an answer", Proof.UNKNOWN, ConnectionFailed, Fault("reset")),
    Case(
        "closed after it is carried out",
        Proof.UNKNOWN,
        ConnectionFailed,
        Fault("close", commit=True),
    ),
    Case(
        "reset after it is carried out",
        Proof.UNKNOWN,
        ConnectionFailed,
        Fault("reset", commit=True),
    ),
    Case("idle connection closed", Proof.STALE, None, Fault("close", reused=True)),
    Case("idle connection reset", Proof.STALE, None, Fault("reset", reused=True)),
    *_statuses(),
    *_limits(),
    Case(
        "silence instead of an answer",
        Proof.UNKNOWN,
        DeadlineExceeded,
        Fault("stall"),
        timeouts=IMPATIENT,
    ),
    Case(
        "silence after it is carried out",
        Proof.UNKNOWN,
        DeadlineExceeded,
        Fault("stall", commit=True),
        timeouts=IMPATIENT,
    ),
    Case(
        "silence after the headers",
        Proof.UNKNOWN,
        DeadlineExceeded,
        Fault("stall_body"),
        shows_status=True,
        timeouts=IMPATIENT,
    ),
    Case(
        "headers byte by byte, without end",
        Proof.UNKNOWN,
        DeadlineExceeded,
        Fault("drip", seconds=600),
        timeouts=IMPATIENT,
    ),
    Case("byte by byte, in time", Proof.HARMLESS, None, Fault("drip", seconds=0.2)),
    Case("late, in time", Proof.HARMLESS, None, Fault("delay", seconds=0.2)),
    Case(
        "cut off in the middle",
        Proof.UNKNOWN,
        ConnectionFailed,
        Fault("truncate"),
        shows_status=True,
    ),
    Case(
        "`Content-Length` too small",
        Proof.UNKNOWN,
        ConnectionFailed,
        Fault("wrong_length"),
        keeps_secret=True,
    ),
    Case("no HTTP", Proof.UNKNOWN, ConnectionFailed, Fault("garbage")),
    Case(
        "no HTTP, after it is carried out",
        Proof.UNKNOWN,
        ConnectionFailed,
        Fault("garbage", commit=True),
    ),
    Case(
        "JSON without its last byte",
        Proof.UNKNOWN,
        UnexpectedResponse,
        Fault("invalid_json"),
        keeps_secret=True,
        shows_status=True,
    ),
    Case("JSON that is called HTML", Proof.HARMLESS, None, Fault("wrong_content_type")),
    Case("9 MiB", Proof.FINAL_UNKNOWN, UnexpectedResponse, Fault("huge_body", size=_HUGE)),
    Case(
        "9 MiB, compressed",
        Proof.FINAL_UNKNOWN,
        UnexpectedResponse,
        Fault("compression_bomb", size=_HUGE),
    ),
    Case("redirect to another host", Proof.FINAL, UnexpectedResponse, Fault("redirect")),
)

_ATTEMPTS: Final = 3
#: docs/explanation/retries.md, "The numbers": the time for a call, and the wait after a rate limit
#: that does not say for how long.
_DEADLINES: Final = {"exchange": 15.0, "key_set": 5.0}
_LIMITED: Final = {"exchange": 10.0}
_DEADLINE, _LIMITED_FOR = 60.0, 60.0


def promised(case: Case, operation: Operation, mode: str) -> Sequence[Outcome]:
    """What the documentation promises: one outcome, or several where a race decides."""
    outcomes = [_promised(case, operation, mode)]
    if case.is_race and operation.is_once:
        unsent = _promised(evolve(case, proof=Proof.NOT_SENT), operation, mode)
        # An attempt that is not sent is repeated, and that one may be sent.
        repeated = [Outcome(OutcomeUnknown, each) for each in range(2, _ATTEMPTS + 1)]
        outcomes += [unsent, *(repeated if mode == "always" else [])]
    if operation.reconciles:
        return [evolve(each, attempts=None) for each in outcomes]
    return outcomes


def _promised(case: Case, operation: Operation, mode: str) -> Outcome:
    special = _special(case, operation, mode)
    attempts = _attempts(case, operation)
    if case.proof in {Proof.STALE, Proof.HARMLESS}:
        outcome = Outcome(None, 1, operation.is_once)
    elif special is not None:
        outcome = special
    elif mode == "once" and attempts > 1:
        outcome = Outcome(None, 2, operation.is_once)
    elif operation.is_once and case.proof in {Proof.UNKNOWN, Proof.FINAL_UNKNOWN}:
        if case.keeps_secret:
            outcome = Outcome(UnexpectedResponse, 1, has_secret=True)
        elif operation.reconciles and mode == "once":
            outcome = Outcome(None, 1, has_secret=True)
        else:
            outcome = Outcome(OutcomeUnknown, 1)
    elif operation.name == "key_set":
        outcome = Outcome(KeySetUnavailable, attempts)
    else:
        outcome = Outcome(case.error, attempts)
    return outcome


def _special(case: Case, operation: Operation, mode: str) -> Outcome | None:
    """What is so for one operation only."""
    if operation.name == "access_key.search" and case.title.startswith("9 MiB"):
        return Outcome(None, 1)  # so much may be found, and nothing is
    if case.shows_status and operation.name == "access_key.delete":
        return Outcome(None, 2)  # what was deleted is not found the second time
    if case.shows_status and operation.name == "access_key.delete_batch" and mode == "always":
        return Outcome(NotFound, 2)  # that tells nothing of the others, and the search is struck
    return None


def _attempts(case: Case, operation: Operation) -> int:
    """How many there are of a call that fails each time."""
    if case.proof in {Proof.FINAL, Proof.FINAL_UNKNOWN}:
        return 1
    if case.proof is Proof.UNKNOWN and operation.is_once:
        return 1
    if case.error is not RateLimited:
        return _ATTEMPTS
    wait = case.asks_to_wait
    if wait is None:
        wait = _LIMITED.get(operation.name, _LIMITED_FOR)
    return min(_ATTEMPTS, 1 + int(_DEADLINES.get(operation.name, _DEADLINE) / (wait * 1.1)))
