"""Whether a regular expression can take more than linear time, read from its parsed form.

The expression becomes an automaton with one state for each character that it names (Glushkov's
construction). Backtracking costs more than linear time where the automaton can read one text in
two ways again and again: along two paths of one loop, from one loop into a later one, or, when the
expression is searched for, from a start that failed into the next one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from itertools import product
from typing import Any, Final

from attrs import define, field, frozen

_PARSER: Any = re._parser  # type: ignore[attr-defined]  # noqa: SLF001 - re has no other
_COMPILER: Any = re._compiler  # type: ignore[attr-defined]  # noqa: SLF001 - likewise

#: Latin-1, and one of each kind beyond it. Patterns that tell more characters apart are not in use.
_ALPHABET: Final = [*map(chr, range(256)), "\u0130", "\u0661", "\u2028", "\ud800", "\U0001f600"]
_ANYTHING: Final = (1 << len(_ALPHABET)) - 1
#: Up to so many repeats are written out; more of them are taken for a loop.
_WRITTEN_OUT: Final = 3
_SINGLE: Final = {"LITERAL", "NOT_LITERAL", "ANY", "IN"}
_REPEATS: Final = {"MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"}


class NotUnderstood(Exception):
    """The expression uses something that this reader does not know."""


@frozen
class _Part:
    """A part of an expression: where it begins and ends, and whether it can be empty."""

    first: frozenset[int]
    last: frozenset[int]
    is_nullable: bool


_NOTHING: Final = _Part(frozenset(), frozenset(), is_nullable=True)


@define
class _Automaton:
    """The states with the characters that each reads (as bits), and which may follow which."""

    flags: int
    is_searched: bool
    reads: list[int] = field(factory=list)
    follows: list[set[int]] = field(factory=list)
    problems: list[str] = field(factory=list)

    def state(self, reads: int) -> int:
        self.reads.append(reads)
        self.follows.append(set())
        return len(self.reads) - 1

    def connect(self, sources: Iterable[int], targets: Iterable[int]) -> None:
        for source, target in product(sources, targets):
            if target in self.follows[source]:
                self.problems.append("a repeat within a repeat can divide one text in two ways")
            self.follows[source].add(target)

    def sequence(self, nodes: Iterable[Any]) -> _Part:
        whole = _NOTHING
        for node in nodes:
            whole = self._after(whole, self._part(node))
        return whole

    def _after(self, before: _Part, part: _Part) -> _Part:
        self.connect(before.last, part.first)
        return _Part(
            before.first | (part.first if before.is_nullable else frozenset()),
            part.last | (before.last if part.is_nullable else frozenset()),
            before.is_nullable and part.is_nullable,
        )

    def _part(self, node: Any) -> _Part:
        kind, argument = str(node[0]), node[1]
        if kind in _SINGLE:
            only = frozenset({self.state(_characters(repr(node), node, self.flags))})
            return _Part(only, only, is_nullable=False)
        if kind == "SUBPATTERN":
            return self._group(*argument)
        if kind == "BRANCH":
            parts = [self.sequence(option) for option in argument[1]]
            if sum(part.is_nullable for part in parts) > 1:
                self.problems.append("two alternatives can both be empty")
            return _Part(
                frozenset().union(*(part.first for part in parts)),
                frozenset().union(*(part.last for part in parts)),
                any(part.is_nullable for part in parts),
            )
        if kind in {"AT", "ASSERT", "ASSERT_NOT"}:
            if kind != "AT":
                self._alone(argument[1])
            return _NOTHING
        if kind == "ATOMIC_GROUP":
            return self._undivided(argument, least=1, is_loop=False)
        if kind in _REPEATS:
            return self._repeat(kind, *argument)
        raise NotUnderstood(kind)

    def _group(self, _: object, added: int, dropped: int, body: Any) -> _Part:
        flags = self.flags
        self.flags = (flags | added) & ~dropped
        part = self.sequence(body)
        self.flags = flags
        return part

    def _repeat(self, kind: str, least: int, most: Any, body: Any) -> _Part:
        is_loop = not isinstance(most, int) or most > _WRITTEN_OUT
        if kind == "POSSESSIVE_REPEAT":
            return self._undivided(body, least=least, is_loop=is_loop)
        if not is_loop:
            whole = _NOTHING
            for number in range(most):
                part = self.sequence(body)
                if number >= least:
                    part = _Part(part.first, part.last, is_nullable=True)
                whole = self._after(whole, part)
            return whole
        return self._loop(self.sequence(body), least)

    def _undivided(self, body: Any, *, least: int, is_loop: bool) -> _Part:
        """What is never divided anew: as a whole one step, unless a search starts within it."""
        self._alone(body)
        if self.is_searched:
            part = self.sequence(body)
            return self._loop(part, least) if is_loop else _optional(part, least)
        inner = _Automaton(self.flags, is_searched=False)
        inside = inner.sequence(body)
        reads = 0
        for state in inside.first:
            reads |= inner.reads[state]
        only = frozenset({self.state(reads)})
        return _optional(_Part(only, only, inside.is_nullable), least)

    def _loop(self, part: _Part, least: int) -> _Part:
        self.connect(part.last, part.first)
        return _optional(part, least)

    def _alone(self, body: Any) -> None:
        """A part that is matched by itself must be fine by itself."""
        inner = _Automaton(self.flags, is_searched=False)
        inner.sequence(body)
        self.problems += inner.problems or inner.divided()

    def divided(self) -> list[str]:
        """Two paths through one loop, or from one loop into another, for one text."""
        loops = [self._reachable(state) for state in range(len(self.reads))]
        within = [state for state, reached in enumerate(loops) if state in reached]
        for start in within:
            ends = [state for state in within if start in loops[state] and state in loops[start]]
            if self._leads((start, start), lambda now: now[0] != now[1], (start, start), ends):
                return ["a repeat can read one text along two paths"]
        for start, end in product(within, within):
            if (
                start != end
                and end in loops[start]
                and start not in loops[end]
                and self._leads((start, start, end), None, (start, end, end))
            ):
                return ["two repeats after one another can divide one text in two ways"]
        return []

    def searched(self, whole: _Part) -> list[str]:
        """A start that fails late, and that the next start repeats."""
        before = self.state(_ANYTHING)
        self.follows[before] = {before, *whole.first}
        loops = [self._reachable(state) for state in range(len(self.reads))]
        for state in range(before):
            # Where the loop can be left for the end of the expression, no start fails.
            loop = [other for other in loops[state] if state in loops[other]]
            if (
                loop
                and whole.last.isdisjoint(loop)
                and self._leads((before, before, state), None, (before, state, state))
            ):
                return ["a search starts again within what it has read"]
        return []

    def _reachable(self, state: int) -> set[int]:
        found: set[int] = set()
        left = [state]
        while left:
            for target in self.follows[left.pop()]:
                if target not in found:
                    found.add(target)
                    left.append(target)
        return found

    def _leads(
        self,
        start: tuple[int, ...],
        passing: Callable[[tuple[int, ...]], bool] | None,
        goal: tuple[int, ...],
        allowed: Iterable[int] | None = None,
    ) -> bool:
        """Whether one text leads each of several readers from its start to its goal."""
        among = None if allowed is None else set(allowed)
        begin = (start, passing is None)
        seen, left = {begin}, [begin]
        while left:
            now, has_passed = left.pop()
            for following in product(*(self.follows[state] for state in now)):
                if among is not None and not among.issuperset(following):
                    continue
                common = _ANYTHING
                for state in following:
                    common &= self.reads[state]
                if not common:
                    continue
                passed = has_passed or (passing is not None and passing(following))
                if passed and following == goal:
                    return True
                step = (following, passed)
                if step not in seen:
                    seen.add(step)
                    left.append(step)
        return False


def _optional(part: _Part, least: int) -> _Part:
    return _Part(part.first, part.last, is_nullable=part.is_nullable or least == 0)


_NODES: Final[dict[tuple[str, int], Any]] = {}


def _characters(name: str, node: Any, flags: int) -> int:
    _NODES[name, flags] = node
    return _bits(name, flags)


@cache
def _bits(name: str, flags: int) -> int:
    state = _PARSER.State()
    state.flags = flags
    one = _COMPILER.compile(_PARSER.SubPattern(state, [_NODES[name, flags]]), flags)
    return sum(1 << at for at, character in enumerate(_ALPHABET) if one.match(character))


def problems(pattern: re.Pattern[Any], *, is_searched: bool) -> list[str]:
    """Why an expression may take more than linear time; empty when it cannot.

    Args:
        pattern: The expression.
        is_searched: Whether it is looked for at every place of a text, as `re.search` and
            `re.sub` do, and not only at its beginning.
    """
    parsed = _PARSER.parse(pattern.pattern, pattern.flags & ~re.DEBUG)
    flags = parsed.state.flags & ~(re.UNICODE if isinstance(pattern.pattern, bytes) else 0)
    automaton = _Automaton(flags, is_searched=False)
    automaton.sequence(parsed)
    found = automaton.problems or automaton.divided()
    if not found and is_searched:
        searched = _Automaton(flags, is_searched=True)
        found = searched.searched(searched.sequence(parsed))
    return list(dict.fromkeys(found))


def patterns_in(value: object) -> Iterator[re.Pattern[Any]]:
    """The compiled expressions in a module's global, also within its containers."""
    if isinstance(value, re.Pattern):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from patterns_in(item)
    elif isinstance(value, list | tuple | set | frozenset):
        for item in value:
            yield from patterns_in(item)
