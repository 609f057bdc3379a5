"""Decides which request goes wrong, and by which fault."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator

from attrs import evolve, frozen

from descope_async.emulator.errors import EmulatorError

from .fault import CONNECT, Fault


@frozen
class FaultCount:
    """A rule, and how often it struck.

    Attributes:
        fault: The rule.
        seen: How many requests it applied to.
        struck: How many of them went wrong because of it.
    """

    fault: Fault
    seen: int = 0
    struck: int = 0


class Faults:
    """The rules by which requests go wrong, the oldest first. It may be used from any thread.

    Every rule counts every request that it applies to. If several rules would strike a request, only
    the oldest one does.
    """

    def __init__(self) -> None:
        self._rules: list[_Rule] = []
        self._turn = threading.Lock()

    def __repr__(self) -> str:
        return f"<Faults: {len(self._rules)}>"

    def __iter__(self) -> Iterator[FaultCount]:
        with self._turn:
            return iter([rule.count for rule in self._rules])

    def add(self, fault: Fault) -> None:
        """Add a rule.

        Raises:
            EmulatorError: It is no `Fault`.
        """
        _check(fault)
        with self._turn:
            self._rules.append(_Rule(fault))

    def remove(self, fault: Fault) -> None:
        """Forget a rule, the newest one if several are equal. What has begun to go wrong still does.

        This does nothing if there is no such rule.

        Raises:
            EmulatorError: It is no `Fault`.
        """
        _check(fault)
        with self._turn:
            for index in reversed(range(len(self._rules))):
                if self._rules[index].count.fault == fault:
                    del self._rules[index]
                    return

    def clear(self) -> None:
        """Forget every rule. What has begun to go wrong still does."""
        with self._turn:
            self._rules.clear()

    def strike(self, operation: str, *, reused: bool = False) -> Fault | None:
        """Count a request of an operation; gives the fault that strikes it, or None."""
        with self._turn:
            # Every rule counts the request, also those that do not strike it: so no rule depends on others.
            due = [rule for rule in self._rules if rule.meets(operation, reused)]
            if not due:
                return None
            due[0].strike()
            return due[0].count.fault


class _Rule:
    def __init__(self, fault: Fault) -> None:
        self.count = FaultCount(fault)
        self._random = random.Random(fault.seed)  # noqa: S311 - chooses what fails in a test

    def meets(self, operation: str, reused: bool) -> bool:
        """Count a request; gives whether it is to go wrong."""
        fault = self.count.fault
        if fault.operation is None:
            concerned = operation != CONNECT
        else:
            concerned = operation == fault.operation
        if not concerned or (fault.reused and not reused):
            return False
        self.count = evolve(self.count, seen=self.count.seen + 1)
        drawn = fault.probability is None or self._random.random() < fault.probability
        return (
            drawn
            and fault.nth in {None, self.count.seen}
            and (fault.every is None or self.count.seen % fault.every == 0)
            and (fault.times is None or self.count.struck < fault.times)
        )

    def strike(self) -> None:
        self.count = evolve(self.count, struck=self.count.struck + 1)


def _check(fault: object) -> None:
    if not isinstance(fault, Fault):
        raise EmulatorError(f"fault must be a Fault, not a {type(fault).__name__}")
