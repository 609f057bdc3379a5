"""Finds keys of a run that would share a place in a sink, and so overwrite each other's secret."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Final

from descope_async.errors import InvalidArgument

from ._items import Item

_MASK: Final = 2**64 - 1
#: Characters of a label that a message shows.
_SHOWN: Final = 60
#: Numbers that are sorted together, about, and into how many parts they are split at most.
_PART: Final = 8192
_MOST_PARTS: Final = 32


class Places:
    """Notes the places of all keys of a run, in 8 bytes each.

    Args:
        places: Tells the places of a key by its id and label.
    """

    def __init__(self, places: Callable[[str, str], Sequence[str]]) -> None:
        self._places = places
        self._seen = array("Q")
        self._ids = array("Q")

    def add(self, item: Item) -> None:
        """Note one more key.

        Raises:
            InvalidArgument: Its id was there before.
        """
        if item.key_id:
            self._ids.append(hash(item.key_id) & _MASK)
        # An id that is not known yet will differ from all others.
        for place in self._places(item.key_id or f"K{item.number}", item.label):
            self._seen.append(_digest(place))

    def check(self, items: Callable[[], Sequence[Item]]) -> None:
        """Check that no two keys share a place.

        Args:
            items: Gives all keys once more, when that is so.

        Raises:
            InvalidArgument: Two keys share a place, or a key is there twice.
        """
        ids, places = _repeated(self._ids), _repeated(self._seen)
        if not ids and not places:
            return
        by_id: dict[str, int] = {}
        by_place: dict[str, int] = {}
        labels: dict[int, str] = {}
        for item in items():
            first = by_id.setdefault(item.key_id or f"K{item.number}", item.number)
            if first != item.number:
                raise InvalidArgument(
                    f"items {first} and {item.number} are the same key: {item.key_id}"
                )
            for place in self._places(item.key_id or f"K{item.number}", item.label):
                if _digest(place) not in places:
                    continue
                first = by_place.setdefault(place.casefold(), item.number)
                labels[item.number] = item.label
                if first != item.number:
                    raise InvalidArgument(
                        f"items {first} and {item.number} ({labels[first][:_SHOWN]!r} and "
                        f"{item.label[:_SHOWN]!r}) would share the place {place}; put {{id}} "
                        "into the sink's location, or give each item a label of its own"
                    )


def _digest(place: str) -> int:
    # Some file systems do not tell capitals from small letters.
    return hash(place.casefold()) & _MASK


def _repeated(values: array[int]) -> set[int]:
    """The numbers that are there more than once.

    They are sorted a part at a time, because sorting makes an object of each.
    """
    parts = min(_MOST_PARTS, 1 + len(values) // _PART)
    found: set[int] = set()
    for part in range(parts):
        ordered = sorted([each for each in values if each % parts == part])
        found.update(one for one, next_one in pairwise(ordered) if one == next_one)
    return found
