"""How many values a JSON text has, counted before any is built."""

from __future__ import annotations

from typing import Final

#: Bytes of a text that are taken apart at once: as a list, they may take some thirty times as much.
_PART: Final = 8 * 1024


class TooManyMembers(ValueError):
    """The text has more values than it may have."""


def count_members(body: bytes) -> int:
    """How many values there are at most: each has a comma or an opening bracket before it.

    Those within strings count too, so that this takes no more than three glances at each byte.
    """
    return body.count(b",") + body.count(b"[") + body.count(b"{")


def has_more_members(body: bytes, limit: int) -> bool:
    """Whether a body has more values than a limit, those that only look like some left out."""
    # A member takes a byte at least, so what is short need not be counted.
    if len(body) <= limit or count_members(body) <= limit:
        return False
    # Without escapes, each quotation mark begins or ends a string. What JSON does not allow, such as an
    # escape outside of a string, changes the count from there on only, and no decoder goes on there.
    plain = body.replace(b"\\\\", b"").replace(b'\\"', b"")
    members = is_within = 0
    for begin in range(0, len(plain), _PART):
        pieces = plain[begin : begin + _PART].split(b'"')
        members += count_members(b"".join(pieces[is_within::2]))
        if members > limit:
            return True
        is_within = (is_within + len(pieces) - 1) % 2
    return False


def refuse_more_members(body: bytes, limit: int) -> None:
    """Refuse a body with more values than a limit, before any is built.

    Raises:
        TooManyMembers: It has more.
    """
    if has_more_members(body, limit):
        raise TooManyMembers
