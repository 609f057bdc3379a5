"""What is asked, how each attempt at it turns out, and what is answered."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Collection, Coroutine, Mapping
from enum import Enum, auto, unique
from types import MappingProxyType
from typing import Any, ClassVar, Final, Literal, TypeVar

from attrs import define, field

from descope_async._runtime.deadlines import Deadline
from descope_async._values.secret import Secret
from descope_async.errors import DescopeError

from .new_secret import NewSecret
from .redaction import Redaction

T = TypeVar("T")

MAX_BODY: Final = 1024 * 1024
_NO_HEADERS: Final[Mapping[str, str]] = {}


class Repeatable:
    """How a call is carried out that may be carried out twice. `Once` is the other way.

    Attributes:
        must_happen_once: Whether it is repeated only when the service has surely done nothing, and
            each attempt needs a connection that has not been idle.
        headers: What its requests say beside what all say.
    """

    must_happen_once: bool = False
    headers: ClassVar[Mapping[str, str]] = MappingProxyType({})

    def carry_out(
        self,
        work: Callable[[Attempt], Coroutine[Any, Any, T]],
        outcomes: set[asyncio.Task[Any]],  # noqa: ARG002 - for the calls that must happen once
        attempt: Attempt,
    ) -> Coroutine[Any, Any, T]:
        """Make an attempt.

        Args:
            work: Makes it, with nothing around that.
            outcomes: Tasks whose end the connections wait for before they are closed.
            attempt: Where to note what happens.
        """
        return work(attempt)

    def is_enough(self, body: bytes | bytearray) -> bool:  # noqa: ARG002 - as above
        """Whether an answer that was cut off has the whole secret."""
        return False

    def searched(self, failure: DescopeError, body: bytes | bytearray) -> DescopeError:  # noqa: ARG002 - as above
        """What to raise for an unusable answer: the failure, or one that has the secret."""
        return failure

    def unknown(self, failure: DescopeError, attempt: Attempt) -> DescopeError:  # noqa: ARG002 - as above
        """What to raise when it may have been carried out, and there is no other attempt."""
        return failure


#: Most calls are.
REPEATABLE: Final = Repeatable()


@define(kw_only=True, eq=False, repr=False)
class Request:
    """What to ask.

    Attributes:
        operation: What is being done, for errors: ``"access_key.create"``.
        method: HTTP method.
        path: Below the base URL, starting with a slash.
        deadline: Seconds for everything.
        template: The path with names for what varies in it; None when nothing does.
        bearer: The credential; None for none.
        query: Names and values of query parameters.
        body: JSON; None for none.
        license_tier: The project's tier, sent to reach its rate limits; None when unknown.
        max_body: Bytes that the answer may have.
        silence: Seconds for which the service may be silent; None for the client's ``timeouts.read``.
        care: Whether it may be carried out twice, and what follows from that.
        new_secret: The secret that it makes; None for most requests.
        rate_limit_pause: Seconds to ask nothing after a rate limit that does not say for how long; None
            for the usual ones.
        external_id: The id of the caller's own request; None for none.
        patience: Seconds to wait at most if the service asks to wait; infinity for as long as the
            client's settings allow.
        secrets: What else must not be shown, if an answer repeats it.
        answer_headers: The headers of the last answer, also of a refusal; empty before one.
    """

    operation: str
    method: Literal["GET", "POST"]
    path: str
    deadline: float
    template: str | None = None
    bearer: Secret[str] | None = None
    query: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None
    license_tier: str | None = None
    max_body: int = MAX_BODY
    silence: float | None = None
    care: Repeatable = REPEATABLE
    new_secret: NewSecret | None = None
    rate_limit_pause: float | None = None
    patience: float = math.inf
    external_id: str | None = None
    secrets: Collection[Secret[str]] = ()
    answer_headers: Mapping[str, str] = field(default=_NO_HEADERS, init=False)

    @property
    def redaction(self) -> Redaction:
        """What takes keys out of what is shown of an answer."""
        return Redaction(self.bearer, self.secrets)


@unique
class Stage(Enum):
    """How far an attempt has come on its way to a connection."""

    BEGIN = auto()
    TLS_WITH_PROXY = auto()
    TUNNEL = auto()
    TLS = auto()


@define(eq=False, repr=False)
class Attempt:
    """One attempt at a call. Those who carry it out note in it what happened.

    Attributes:
        limit: Seconds that it may take.
        is_fresh: Whether it needs a connection of its own, which cannot have been closed unnoticed.
        started_at: When it began, epoch seconds.
        stage: Where it is on the way to a new connection.
        is_sent: Whether a byte of it may have gone out.
        is_connection_reused: Whether it went over a connection that had been idle.
        status: The status of the answer that has begun to arrive; None before that.
        headers: The headers of that answer; None before that.
        deadline: What limits it, once it is being made.
        arrived: What came over its own connection, as it came; empty for a shared one.
    """

    limit: float
    is_fresh: bool
    started_at: float
    stage: Stage = Stage.BEGIN
    is_sent: bool = False
    is_connection_reused: bool = False
    status: int | None = None
    headers: Mapping[str, str] | None = None
    deadline: Deadline = field(init=False)
    arrived: bytearray = field(factory=bytearray)


@define(eq=False, repr=False)
class Answer:
    """A successful answer.

    Attributes:
        status: Its status.
        headers: Its headers.
        body: Its body.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
