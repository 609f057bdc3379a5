"""What a journal's lines say together: how far each key of the run has come."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterator
from enum import IntEnum
from typing import Any, Final

from ._journal_lines import Record


class State(IntEnum):
    """How far a key of the run has come. What needs a search or a wait to go on is `UNKNOWN`."""

    PLANNED = 0
    INTENT = 1
    ROTATING = 2
    MADE = 3
    STORED = 4
    UNPROVEN = 5
    PROVED = 6
    WAITING = 7
    RETIRED = 8
    RESCUED = 9
    FAILED = 10
    DONE = 11


#: A call was to be sent, and nobody knows what became of it.
UNKNOWN: Final = frozenset({State.INTENT, State.ROTATING})
#: By the kind of a record, the state in which it leaves its keys.
_STATES: Final = {
    "undone": State.PLANNED,
    "intent": State.INTENT,
    "rotating": State.ROTATING,
    "made": State.MADE,
    "stored": State.STORED,
    "unproven": State.UNPROVEN,
    "confirmed": State.PROVED,
    "proved": State.PROVED,
    "waiting": State.WAITING,
    "retired": State.RETIRED,
    "rescued": State.RESCUED,
    "failed": State.FAILED,
    "done": State.DONE,
}
_ENDED: Final = frozenset({State.DONE, State.FAILED, State.PLANNED})


class Ledger:
    """The state of every key of a run, in 17 bytes each, and details of those under way.

    Attributes:
        counts: How many keys are in each state.
    """

    def __init__(self) -> None:
        self._states = bytearray()
        self._plans = array("Q")
        self._outcomes = array("Q")
        self._details: dict[int, dict[str, Any]] = {}
        self.counts: Counter[int] = Counter()

    def __len__(self) -> int:
        return len(self._states)

    def apply(self, record: Record, offset: int) -> None:
        """Take in a line that begins at this offset of the journal."""
        kind = record["k"]
        if kind == "plan":
            self._states.append(State.PLANNED)
            self._plans.append(offset)
            self._outcomes.append(0)
            self.counts[State.PLANNED] += 1
            return
        state = _STATES.get(kind)
        if state is None:
            return
        for number in range(record["i"], record.get("to", record["i"] + 1)):
            self._move(number, state, record, offset)

    def _move(self, number: int, state: State, record: Record, offset: int) -> None:
        self.counts[self._states[number]] -= 1
        self.counts[state] += 1
        self._states[number] = state
        self._outcomes[number] = offset
        if state in _ENDED:
            self._details.pop(number, None)
            return
        known = {name: value for name, value in record.items() if name not in ("k", "i", "to")}
        if known:
            self._details.setdefault(number, {}).update(known)

    def state(self, number: int) -> State:
        """How far a key has come."""
        return State(self._states[number])

    def details(self, number: int) -> dict[str, Any]:
        """What the lines about a key that is under way say together."""
        return self._details.get(number, {})

    def plan_offset(self, number: int) -> int:
        """Where the journal has the line that plans a key."""
        return self._plans[number]

    def outcome_offset(self, number: int) -> int:
        """Where the journal has the last line about a key; 0 for none."""
        return self._outcomes[number]

    def numbers(self, *states: State) -> Iterator[int]:
        """The keys that are in one of these states now, lowest first."""
        wanted = frozenset(states)
        for number, state in enumerate(self._states):
            if state in wanted:
                yield number
