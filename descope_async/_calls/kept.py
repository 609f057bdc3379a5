"""What the values of one answer keep in memory: equal ones are one object, and all are weighed.

Two bytes of JSON can become a hundred in memory, and how many they become is known once the values are
made. So what is made is weighed, and whoever reads the answer can stop.
"""

from __future__ import annotations

from collections.abc import Mapping
from sys import getsizeof
from typing import Any, Final, cast

from descope_async._values.strict_json import ReadOnlyDict
from descope_async.models import AccessKey

_MOST_SHARED: Final = 1_000
#: Bytes of an access key without its members, with what the garbage collector needs for it (16) and
#: its place in a list (8).
_KEY: Final = AccessKey.__basicsize__ + 24
#: Bytes by which Python rounds the size of an object up, on average.
_ROUNDING: Final = 8
#: Bytes that values take which are not asked for their size, because that takes longer. True, false
#: and null are there once in each process.
_NUMBERS: Final[Mapping[type, int]] = {int: 32, float: 32, bool: 0, type(None): 0}
_SHORT: Final[Mapping[type, int]] = {str: 64, **_NUMBERS}
#: Texts and numbers of which CPython has one object in each process: those take nothing. A decoder may
#: make others, so the one that is there is taken instead.
_EVERYWHERE: Final[Mapping[object, object]] = {
    value: value for value in ("", *map(chr, range(256)), *range(-5, 257))
}


class Kept:
    """What is kept of one answer.

    Sharing takes less memory, and less time of the garbage collector. No more values are shared than
    it takes to share those of a usual project.

    Attributes:
        weight: Bytes of memory that the values take, but for the characters of plain texts, which are
            no more than in the answer.
        is_plain: Whether what is made is made of ASCII. Otherwise one character can make each of its
            text four times as large, so texts are asked for their size.
        values: Small values, each alone in a tuple, by what they are made of.
    """

    __slots__ = ("_lists", "_names", "is_plain", "values", "weight")

    def __init__(self) -> None:
        self.weight = 0
        self.is_plain = True
        self.values: dict[tuple[Any, ...], tuple[Any]] = {}
        self._lists: dict[tuple[object, ...], tuple[str, ...]] = {}
        self._names: dict[str, str] = {}

    def value(self, value: Any, made_of: tuple[Any, ...], *, is_shared: bool) -> tuple[Any]:
        """A new small value, alone in a tuple."""
        alone = (value,)
        self.weight += getsizeof(alone) + getsizeof(value)
        self._weigh(made_of[1:])
        if is_shared and len(self.values) < _MOST_SHARED:
            self.values[made_of] = alone
        return alone

    def key(self, members: dict[str, Any]) -> None:
        """Weigh an access key, whose lists and objects are weighed already."""
        texts = (
            len(members) * _SHORT[str] if self.is_plain else sum(map(getsizeof, members.values()))
        )
        self.weight += _KEY + texts

    def strings(self, items: list[object]) -> tuple[str, ...] | None:
        """The strings of a list; None if an item is no string, or an empty one."""
        given = tuple(items)
        try:
            same = self._lists.get(given)
        except TypeError:  # an item is a list or an object
            return None
        if same is not None:
            return same
        for item in given:
            if type(item) is not str or not item:
                return None
        strings = cast("tuple[str, ...]", given)
        self.weight += getsizeof(strings)
        self._weigh(strings)
        if len(self._lists) < _MOST_SHARED:
            self._lists[given] = strings
        return strings

    def read_only(self, value: Any) -> Any:
        """Decoded JSON: read-only dicts for its dicts, and tuples for its lists."""
        if type(value) is dict:
            names: dict[str, str] = self._names
            members: dict[str, Any] = {}
            short = _SHORT if self.is_plain else _NUMBERS
            for name, item in cast("dict[str, object]", value).items():
                kind = type(item)
                size = short.get(kind)
                if size is None:
                    kept = self.read_only(item)
                elif size and type(same := _EVERYWHERE.get(item)) is kind:
                    kept = same
                else:
                    self.weight += size
                    kept = item
                members[names.get(name) or self._name(name)] = kept
            copied: Any = ReadOnlyDict(members)
        elif type(value) is list:
            items = cast("list[object]", value)
            copied = tuple([self.read_only(item) for item in items])
        else:
            copied = _EVERYWHERE.get(value)
            if type(copied) is type(value):
                return copied
            copied = value
        self.weight += getsizeof(copied) + _ROUNDING
        return copied

    def _weigh(self, items: tuple[Any, ...]) -> None:
        self.weight += sum(map(getsizeof, items)) + len(items) * _ROUNDING

    def _name(self, name: str) -> str:
        self.weight += getsizeof(name) + _ROUNDING
        if len(self._names) < _MOST_SHARED:
            self._names[name] = name
        return name
