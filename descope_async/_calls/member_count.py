"""How many values a JSON text has, counted before any is built."""

from __future__ import annotations

import re
from typing import Final

#: Strings, also one that nothing ends.
_STRINGS: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+"?+', re.DOTALL)
#: A part of a text that ends in no string, with no more strings than are worth keeping at once.
_PART: Final = re.compile(rb'(?:[^"]++|"(?:[^"\\]++|\\.)*+"?+){1,10000}+', re.DOTALL)


class TooManyMembers(ValueError):
    """The text has more values than it may have."""


def count_members(body: bytes) -> int:
    """How many values there are at most: each has a comma or an opening bracket before it.

    Those within strings count too, so that this takes no more than three glances at each byte.
    """
    return body.count(b",") + body.count(b"[") + body.count(b"{")


def has_more_members(body: bytes, limit: int) -> bool:
    """Whether a body has more values than a limit, those that only look like some left out."""
    if count_members(body) <= limit:
        return False
    members = 0
    # To leave out many strings at once would take forty times the memory of the body.
    for part in _PART.finditer(body):
        members += count_members(_STRINGS.sub(b"", part[0]))
        if members > limit:
            return True
    return False


def refuse_more_members(body: bytes, limit: int) -> None:
    """Refuse a body with more values than a limit, before any is built.

    Raises:
        TooManyMembers: It has more.
    """
    if has_more_members(body, limit):
        raise TooManyMembers
