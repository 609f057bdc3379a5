"""What a client can be told: time limits, repeats, where secrets are put and keys are read."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from pathlib import Path
from typing import Final, Protocol, TypeAlias

from attrs import Attribute, field, frozen

from ._values.numbers import is_within
from ._values.value import Buildable
from .errors import ConfigurationError
from .models import DeliveredSecret
from .secret_stores._reference import SecretReference

__all__ = [
    "AccessKeySource",
    "Deliver",
    "EnvironmentVariable",
    "Limits",
    "ReplayStore",
    "RequestIdSource",
    "Retries",
    "Timeouts",
]

_A_DAY: Final = 86_400.0
_MAX_ATTEMPTS: Final = 20
_MAX_QUOTA: Final = 1_000_000
_MAX_CONNECTIONS: Final = 10_000


def _positive_seconds(_: object, attribute: Attribute[float], value: object) -> None:
    if not is_within(value, 0, _A_DAY) or value == 0:
        raise ConfigurationError(
            f"timeouts.{attribute.name} must be a positive number of seconds, at most a day"
        )


@frozen(kw_only=True, eq=False, repr=False)
class Timeouts(Buildable):
    """How long to wait, in seconds. Nothing waits without a limit.

    Attributes:
        connect: For one TCP and TLS connection.
        read: For sending a request and for the next sign of its answer, its head or more of its body;
            but never more than two thirds of the time for all.
        secret: For the next bytes of the answer to create and rotate, which brings a secret.
        deadline: For a whole management call, repeats included.
        exchange: For a whole exchange of an access key, repeats included.
        keys: For a whole fetch of the project's signing keys, repeats included.
        deliver: For what ``deliver`` does with a new secret.
    """

    connect: float = field(default=5.0, validator=_positive_seconds)
    read: float = field(default=30.0, validator=_positive_seconds)
    secret: float = field(default=60.0, validator=_positive_seconds)
    deadline: float = field(default=60.0, validator=_positive_seconds)
    exchange: float = field(default=15.0, validator=_positive_seconds)
    keys: float = field(default=5.0, validator=_positive_seconds)
    deliver: float = field(default=30.0, validator=_positive_seconds)


def _within(
    low: float, high: float, kind: type | tuple[type, ...], unit: str, parameter: str = "retries"
) -> Callable[..., None]:
    def check(_: object, attribute: Attribute[float], value: object) -> None:
        if not is_within(value, low, high) or not isinstance(value, kind):
            raise ConfigurationError(
                f"{parameter}.{attribute.name} must be a {unit} from {low:g} to {high:g}"
            )

    return check


@frozen(kw_only=True, eq=False, repr=False)
class Retries(Buildable):
    """How calls are repeated. A call that might be carried out twice is not repeated.

    Attributes:
        attempts: How often a call is tried, the first time included; 1 to repeat nothing.
        max_wait: The longest that the service may ask to wait, in seconds, for that to be waited
            for; a longer one is raised at once.
        quota: How much the calls of a client may be repeated when the service is in trouble. A
            repeat takes 14, or 5 after a rate limit, and successful calls bring it back.
    """

    attempts: int = field(default=3, validator=_within(1, _MAX_ATTEMPTS, int, "whole number"))
    max_wait: float = field(
        default=60.0, validator=_within(0, _A_DAY, (int, float), "number of seconds")
    )
    quota: int = field(default=500, validator=_within(0, _MAX_QUOTA, int, "whole number"))


@frozen(kw_only=True, eq=False, repr=False)
class Limits(Buildable):
    """How many connections a client has to the service, for each event loop that uses it.

    Attributes:
        connections: At most so many at once. A call that finds none free waits for one, within its
            time. ``create`` and ``rotate``, which each make a connection of their own, have as
            many beside these.
        keepalive: Seconds for which an unused connection stays open, for the next call.
    """

    connections: int = field(
        default=100, validator=_within(1, _MAX_CONNECTIONS, int, "whole number", "limits")
    )
    keepalive: float = field(
        default=15.0,
        validator=_within(0, _A_DAY, (int, float), "number of seconds", "limits"),
    )


@frozen(eq=False, repr=False)
class EnvironmentVariable(Buildable):
    """The name of an environment variable that holds an access key.

    Where it is not set, a variable of that name with ``_FILE`` at its end may name a file that holds
    the key. ``SecretReference.parse("env:NAME")`` means the same.

    Attributes:
        name: Such as ``"BILLING_ACCESS_KEY"``.
    """

    name: str


#: An access key, or where to read it.
AccessKeySource: TypeAlias = (
    str
    | Path
    | EnvironmentVariable
    | SecretReference
    | Callable[[], str]
    | Callable[[], Awaitable[str]]
)

#: Where the id of the caller's own request is found, whenever a call begins.
RequestIdSource: TypeAlias = (
    ContextVar[str] | ContextVar[str | None] | Callable[[], str] | Callable[[], str | None]
)

#: Stores a new secret. A coroutine function is awaited; anything else runs on a worker thread.
Deliver: TypeAlias = Callable[[DeliveredSecret], object]


class ReplayStore(Protocol):
    """Remembers used proofs for all processes of a service, in Redis or a database, say."""

    async def first_use(self, proof_id: str, seconds: int) -> bool:
        """Whether this is the first call with this id within so many seconds; only one ever is.

        Args:
            proof_id: The proof, as 43 characters of base64url.
            seconds: How long to remember it.

        Raises:
            Exception: The store does not work. The token is refused, and the error reaches whoever
                had it checked.
        """
        ...
