"""What callers were told, to be compared with what the service holds."""

from __future__ import annotations

import json
import random
import uuid
from collections import Counter
from collections.abc import Callable, Generator, Iterable
from enum import StrEnum
from typing import Any

from attrs import asdict, define, field

from descope_async import (
    ApiError,
    DescopeError,
    OutcomeUnknown,
    RequestFailed,
    Unauthorized,
    UnexpectedResponse,
)

Call = Callable[[Any], Any]
_MOST_KEYS = 6


class Interrupted(Exception):
    """A call was cancelled, and said nothing about it."""


class Existence(StrEnum):
    """Whether there is a key, as far as its maker was told."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


@define
class Entry:
    """What is known of a key.

    Attributes:
        name: Its name, which no other key has.
        existence: Whether there is such a key.
        key_id: Its id; empty when it was not told.
        secret: The last secret that was told; empty for none.
        is_superseded: Whether a rotation may have replaced that since.
        is_active: Whether it surely may be used.
    """

    name: str
    existence: Existence = Existence.NO
    key_id: str = ""
    secret: str = ""
    is_superseded: bool = False
    is_active: bool = True


@define
class Ledger:
    """All keys of some callers, how their calls ended, and what must not have been.

    It is one caller's own, so that no lock is needed.
    """

    entries: list[Entry] = field(factory=list[Entry])
    endings: Counter[str] = field(factory=Counter[str])
    problems: list[str] = field(factory=list[str])

    def to_json(self) -> str:
        """All of it, to be told by another process."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Ledger:
        """What another process has told."""
        told = json.loads(text)
        entries = [
            Entry(**{**each, "existence": Existence(each["existence"])}) for each in told["entries"]
        ]
        return cls(entries, Counter(told["endings"]), told["problems"])

    @classmethod
    def sum(cls, ledgers: Iterable[Ledger]) -> Ledger:
        """All of them as one."""
        total = cls()
        for each in ledgers:
            total.entries += each.entries
            total.endings += each.endings
            total.problems += each.problems
        return total

    def work(self, draw: random.Random) -> Generator[Call, Any, None]:
        """Yields calls for ever, at random; what they end with is to be sent or thrown in."""
        while True:
            alive = [each for each in self.entries[-50:] if each.existence is Existence.YES]
            usable = [each for each in alive if each.key_id]
            if len(usable) < 2:
                yield from self._create()
                continue
            entry = draw.choice(usable)
            kinds = [self._rotate, self._exchange, self._switch, self._read, self._delete]
            if len(usable) < _MOST_KEYS:
                yield from self._create()
            yield from draw.choice(kinds)(entry)

    def _create(self) -> Generator[Call, Any, None]:
        entry = Entry(str(uuid.uuid4()))
        self.entries.append(entry)
        try:
            created = yield from self._noted(
                "create", lambda client: client.mgmt.access_key.create(entry.name)
            )
        except OutcomeUnknown as error:
            entry.existence = Existence.UNKNOWN
            if error.result is not None:
                self._store(entry, error.result)
        except UnexpectedResponse as error:
            if error.cleartext is not None:
                entry.existence, entry.secret = Existence.YES, error.cleartext
        except (DescopeError, Interrupted):
            pass  # nothing was done
        else:
            self._store(entry, created)

    def _store(self, entry: Entry, created: Any) -> None:
        entry.existence, entry.key_id = Existence.YES, created.key.id
        entry.secret, entry.is_superseded = created.cleartext, False

    def _rotate(self, entry: Entry) -> Generator[Call, Any, None]:
        try:
            rotated = yield from self._noted(
                "rotate", lambda client: client.mgmt.access_key.rotate(entry.key_id)
            )
        except OutcomeUnknown as error:
            if error.result is not None:
                self._store(entry, error.result)
            else:
                entry.is_superseded = True
        except UnexpectedResponse as error:
            if error.cleartext is not None:
                entry.secret, entry.is_superseded = error.cleartext, False
        except (DescopeError, Interrupted):
            pass  # nothing was done
        else:
            self._store(entry, rotated)

    def _exchange(self, entry: Entry) -> Generator[Call, Any, None]:
        try:
            yield from self._noted(
                "exchange", lambda client: client.exchange_access_key(entry.secret)
            )
        except Unauthorized:
            if entry.is_active and not entry.is_superseded:
                self.problems.append(f"the secret of {entry.key_id} is refused")
        except (DescopeError, Interrupted):
            pass

    def _switch(self, entry: Entry) -> Generator[Call, Any, None]:
        entry.is_active = False
        try:
            yield from self._noted(
                "deactivate", lambda client: client.mgmt.access_key.deactivate(entry.key_id)
            )
            yield from self._noted(
                "activate_batch",
                lambda client: client.mgmt.access_key.activate_batch([entry.key_id]),
            )
        except (DescopeError, Interrupted):
            return
        entry.is_active = True

    def _read(self, entry: Entry) -> Generator[Call, Any, None]:
        try:
            key = yield from self._noted(
                "load", lambda client: client.mgmt.access_key.load(entry.key_id)
            )
            found = yield from self._noted(
                "search",
                lambda client: client.mgmt.access_key.search_all_access_keys(text=entry.name),
            )
        except (DescopeError, Interrupted) as error:
            if isinstance(error, ApiError) and error.status_code == 404:
                self.problems.append(f"{entry.key_id} is gone")
            return
        if {key.id} != {each.id for each in found}:
            self.problems.append(f"load and search do not agree on {entry.key_id}")

    def _delete(self, entry: Entry) -> Generator[Call, Any, None]:
        try:
            yield from self._noted(
                "delete", lambda client: client.mgmt.access_key.delete(entry.key_id)
            )
        except Interrupted:
            entry.existence = Existence.UNKNOWN
        except DescopeError as error:
            is_done = error.may_be_done if isinstance(error, RequestFailed | ApiError) else True
            if is_done:
                entry.existence = Existence.UNKNOWN
        else:
            entry.existence = Existence.NO

    def _noted(self, operation: str, call: Call) -> Generator[Call, Any, Any]:
        """The result of a call, whose ending is counted."""
        try:
            result = yield call
        except (DescopeError, Interrupted) as error:
            told = " with the secret" if getattr(error, "cleartext", None) else ""
            self.endings[f"{operation}: {type(error).__name__}{told}"] += 1
            raise
        self.endings[f"{operation}: result"] += 1
        return result
