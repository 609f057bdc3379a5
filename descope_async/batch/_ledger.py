"""The state of each key of a run, computed from the journal's lines."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from enum import IntEnum
from typing import Any, Final


class State(IntEnum):
    """The state of a key in a run. Keys in a state of `UNKNOWN` need a search or a wait first."""

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


#: States after a call without an answer: nobody knows what it did.
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
    "given up": State.DONE,
}
#: Plain numbers, because a journal may have hundreds of thousands of lines.
_NUMBERS: Final = {kind: int(state) for kind, state in _STATES.items()}
_ENDED: Final = frozenset({int(State.DONE), int(State.FAILED), int(State.PLANNED)})
#: The members that say which key a line is about. They say nothing more about it.
_BARE: Final = frozenset({"k", "i", "crc"})


class Ledger:
    """The state of every key of a run, in 17 bytes each, and details of those under way.

    Attributes:
        counts: How many keys are in each state, by its number.
    """

    def __init__(self) -> None:
        self._states = bytearray()
        self._plans = array("Q")
        self._outcomes = array("Q")
        self._details: dict[int, dict[str, Any]] = {}
        self.counts = [0] * len(State)

    def __len__(self) -> int:
        return len(self._states)

    def apply(self, record: dict[str, Any], offset: int) -> None:
        """Update the state from a line that begins at this offset of the journal. The record is kept."""
        kind = record["k"]
        state = _NUMBERS.get(kind)
        if state is None:
            if kind == "plan":
                self._states.append(State.PLANNED)
                self._plans.append(offset)
                self._outcomes.append(0)
                self.counts[State.PLANNED] += 1
            return
        number: int = record["i"]
        self.counts[self._states[number]] -= 1
        self.counts[state] += 1
        self._states[number] = state
        self._outcomes[number] = offset
        if state in _ENDED:
            self._details.pop(number, None)
        elif not record.keys() <= _BARE:
            known = self._details.get(number)
            if known is None:
                self._details[number] = record
            else:
                known.update(record)

    def state(self, number: int) -> State:
        """The state of a key."""
        return State(self._states[number])

    def details(self, number: int) -> dict[str, Any]:
        """The fields of all lines about a key that is under way; later ones win."""
        known = self._details.get(number, {})
        return {name: value for name, value in known.items() if name not in _BARE}

    def plan_offset(self, number: int) -> int:
        """The offset of the line that plans a key."""
        return self._plans[number]

    def outcome_offset(self, number: int) -> int:
        """The offset of the last line about a key; 0 for none."""
        return self._outcomes[number]

    def numbers(self, *states: State) -> Iterator[int]:
        """The keys that are in one of these states now, lowest first."""
        wanted = frozenset(states)
        for number, state in enumerate(self._states):
            if state in wanted:
                yield number
