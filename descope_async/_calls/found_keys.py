"""The keys in the answer of a search, which may be many: limited, and read one by one.

The event loop turns meanwhile. A thread would not help, because the decoder keeps the interpreter's
lock.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Final

from descope_async.models import AccessKey

from .fast_json import list_decoder
from .members import Misfit
from .pieces import NotJSON, Pieces
from .shortcuts import Shared, shortcut
from .structuring import structure

#: Bytes of the answer, which brings all keys of a project at once. The service names no limit for the
#: keys of a project; this is room for 50,000 keys of 600 bytes, and at worst it takes 330 MB to read
#: them.
MAX_SEARCH: Final = 32 * 1024 * 1024
#: Members in an answer whatever its size. Built, each takes 100 bytes at most.
MAX_MEMBERS: Final = 100_000
#: Bytes for each further member. The service sends 18, and keys with dozens of roles still have 13.
BYTES_PER_MEMBER: Final = 12
#: Bytes for each further member that has a name, for each further object, and for each further key:
#: they take more memory than other members. The service sends 27, 58 for a tenant, and 300.
BYTES_PER_NAME, BYTES_PER_OBJECT, BYTES_PER_KEY = 16, 40, 64
#: Keys that a search may find whatever their size.
MOST_SMALL_KEYS: Final = 10_000
#: Bytes that are counted between two turns of the loop, in a millisecond.
_COUNTED_AT_ONCE: Final = 1024 * 1024
#: What says nothing of how many members there are.
_UNCOUNTED: Final = bytes(set(range(256)) - set(b",[{:"))

_read_key: Final[Callable[[object, Shared], AccessKey]] = shortcut(AccessKey)


async def read_keys(body: bytes) -> list[AccessKey]:
    """The keys in the answer of a search.

    Raises:
        NotJSON: The body is no JSON object.
        Misfit: A member is missing, not of its type, or one too many.
    """
    await _check_members(body)
    pieces = Pieces(body, decode_list=await list_decoder(len(body)))
    keys: list[AccessKey] = []
    pieces.demand("{")
    is_over = pieces.take("}")
    while not is_over:
        name = pieces.value()
        pieces.demand(":")
        if name == "keys" and pieces.take("["):
            keys = await _listed(pieces)
        elif pieces.value() is not None and name == "keys":
            raise Misfit("is not a list", "$.keys")
        is_over = pieces.take("}")
        if not is_over:
            pieces.demand(",")
    if pieces.peek():
        raise NotJSON
    return keys


async def _check_members(body: bytes) -> None:
    """Count the members before any is built: two bytes can become a hundred in memory.

    What stands within strings is counted too. Of names there are at most as many as colons. Where
    these are too many, as where many values are IPv6 addresses, the quotes before them count too.
    """
    members = colons = objects = 0
    async for block in _blocks(body):
        marks = block.translate(None, _UNCOUNTED)
        colons_here = marks.count(b":")
        colons += colons_here
        members += len(marks) - colons_here
        objects += marks.count(b"{")
    names = colons
    if names > _most(body, BYTES_PER_NAME):
        names = sum([block.count(b'":') async for block in _blocks(body)])
    for count, what, bytes_each in (
        (members, "members", BYTES_PER_MEMBER),
        (names, "names", BYTES_PER_NAME),
        (objects, "objects", BYTES_PER_OBJECT),
    ):
        most = _most(body, bytes_each)
        if count > most:
            raise Misfit(f"has more than {most:,} {what} in {len(body):,} bytes", "$")


def _most(body: bytes, bytes_each: int) -> int:
    return MAX_MEMBERS + len(body) // bytes_each


async def _blocks(body: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(body), _COUNTED_AT_ONCE):
        yield body[start : start + _COUNTED_AT_ONCE]
        if start:
            await asyncio.sleep(0)


async def _listed(pieces: Pieces) -> list[AccessKey]:
    """The keys in a list whose opening bracket was taken."""
    keys: list[AccessKey] = []
    shared: Shared = {}
    is_over, decoded = pieces.take("]"), pieces.decoded
    while not is_over:
        for value in pieces.values():
            keys.append(_key(value, shared, len(keys)))
        keys.append(_key(pieces.value(), shared, len(keys)))
        if len(keys) > MOST_SMALL_KEYS + pieces.decoded // BYTES_PER_KEY:
            raise Misfit(f"has more than {len(keys) - 1:,} keys in so few bytes", "$.keys")
        is_over = pieces.take("]")
        if not is_over:
            pieces.demand(",")
        if pieces.decoded > decoded:
            decoded = pieces.decoded
            await asyncio.sleep(0)
    return keys


def _key(value: object, shared: Shared, number: int) -> AccessKey:
    try:
        return _read_key(value, shared)
    except (Misfit, RecursionError):
        return structure(value, AccessKey, f"$.keys[{number}]")
