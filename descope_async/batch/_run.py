"""What all steps of a run share: the client, the journal, the sinks, and how calls are made."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from itertools import count
from typing import Any, Final, TypeVar

from attrs import define, field, frozen

from descope_async._runtime.backoff import Backoff
from descope_async._runtime.clock import Clock
from descope_async._values.secret import Secret
from descope_async._values.value import Value
from descope_async.client import DescopeClient
from descope_async.errors import DescopeError, OutcomeUnknown, RateLimited, UnexpectedResponse

from ._items import Item
from ._journal import Journal
from ._pace import Pace
from ._stop import RunStopped, Stop
from ._storing import Storing
from ._verdict import judge

T = TypeVar("T")

#: After so many tries of a call that surely had no effect, the service counts as out of order.
_TRIES: Final = 5
_BACKOFF: Final = Backoff(1.0, 60.0)
#: Seconds to wait after a rate limit that does not say for how long.
_RATE_LIMIT_PAUSE: Final = 10.0
#: Unknown outcomes in a row after which the service counts as out of order.
_MOST_UNKNOWN: Final = 10


@frozen(kw_only=True, eq=False, repr=False)
class StoredKey(Value):
    """A key whose secret is in its sinks, for the hook that is called then.

    Attributes:
        key_id: The key's id.
        label: What the run calls it.
        replaces: The id of the key whose successor it is; empty for none.
        references: Where its secret is, to be read by.
        fingerprint: 16 hexadecimal digits that tell its secret from others.
    """

    key_id: str
    label: str
    replaces: str
    references: tuple[str, ...]
    fingerprint: str


@define(kw_only=True)
class Run:
    """A run.

    Attributes:
        client: Makes the calls.
        journal: What is to be done and was done.
        storing: The sinks.
        stop: Whether the run is to end.
        pace: When calls may be made.
        clock: The time source.
        settle_after: Seconds after which a request without an answer is not carried out any more.
        after_stored: The user's hook; None for none.
        held: Secrets of keys that are worked on, by the number of the key, for their proof.
        unsaved: By key id, secrets that neither a sink nor the rescue file took.
        unknown_in_a_row: How many calls in a row went without an answer.
    """

    client: DescopeClient
    journal: Journal
    storing: Storing
    stop: Stop
    pace: Pace
    clock: Clock
    settle_after: float
    after_stored: Callable[[StoredKey], object] | None
    held: dict[int, Secret[str]] = field(factory=dict[int, Secret[str]])
    unsaved: dict[str, Secret[str]] = field(factory=dict[str, Secret[str]])
    unknown_in_a_row: int = 0

    def note(self, kind: str, item: Item, **fields: Any) -> None:
        """Journal how far a key has come."""
        self.journal.note({"k": kind, "i": item.number, **fields})

    async def note_durably(self, kind: str, item: Item, **fields: Any) -> None:
        """The same, and wait until it is on the disk."""
        self.note(kind, item, **fields)
        await self.journal.sync()

    def item(self, number: int) -> Item:
        """A key of the plan."""
        journal = self.journal
        return Item.from_record(journal.record_at(journal.ledger.plan_offset(number)))

    async def call(self, make: Callable[[], Awaitable[T]]) -> T:
        """Make a call at the run's pace, and repeat it where it surely had no effect.

        Raises:
            RunStopped: The run is to end, perhaps because of this very call.
            OutcomeUnknown: Nobody knows what became of it.
            DescopeError: The service refuses what was asked about this key.
        """
        for tries in count(1):
            await self.pace.turn(self.stop)
            try:
                result = await make()
            except DescopeError as error:
                failure = error.with_traceback(None)
            else:
                self.unknown_in_a_row = 0
                self.pace.note_success()
                return result
            await self._bear(failure, tries)
        raise AssertionError("count has no end")

    async def _bear(self, failure: DescopeError, tries: int) -> None:
        """Wait for the next try after a failure, or raise."""
        verdict = judge(failure)
        if isinstance(failure, OutcomeUnknown):
            self.unknown_in_a_row += 1
            if self.unknown_in_a_row >= _MOST_UNKNOWN:
                self.stop.ask(f"{_MOST_UNKNOWN} calls in a row went without an answer: {failure}")
        if verdict == "stop":
            self.stop.ask(str(failure))
            raise RunStopped from failure
        is_made = isinstance(failure, UnexpectedResponse) and failure.cleartext is not None
        if verdict != "again" or is_made:
            raise failure
        if isinstance(failure, RateLimited):
            wait = failure.retry_after or _RATE_LIMIT_PAUSE
            self.pace.note_limit(wait)
        elif tries < _TRIES:
            wait = _BACKOFF.whole(tries - 1)
        else:
            self.stop.ask(f"the service could not be used {_TRIES} times in a row: {failure}")
            raise RunStopped from failure
        await self.stop.sleep(wait)
