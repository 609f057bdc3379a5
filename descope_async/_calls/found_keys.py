"""The keys in the answer of a search, which may be many: limited, and read one by one.

The event loop turns meanwhile. A thread would not help, because the decoder keeps the interpreter's
lock.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

from descope_async.models import AccessKey

from .fast_json import list_decoder
from .kept import Kept
from .member_count import TooManyMembers
from .members import Misfit
from .pieces import NotJSON, Pieces
from .shortcuts import shortcut
from .structuring import structure

#: Bytes of the answer, which brings all keys of a project at once. The service names no limit for the
#: keys of a project; this is room for 50,000 keys of 600 bytes.
MAX_SEARCH: Final = 32 * 1024 * 1024
#: Members of one key. What a key has goes into the session tokens of whoever uses it, and a token
#: travels in a header: in the largest one that this client takes there is room for 12,000.
MAX_MEMBERS: Final = 20_000
#: Bytes of memory that the keys may take for each byte of the answer. Keys as the service sends them
#: take 3. With a hundred claims each, they take 2.4 if these are flags, 3.8 if they are numbers, and
#: with texts 3.1 if each has one character, and 5.4 if each has three.
MEMORY_PER_BYTE: Final = 6
#: Bytes of memory that the keys may take however short the answer is: 30,000 tiny keys.
FREE_MEMORY: Final = 8 * 1024 * 1024

_read_key: Final[Callable[[object, Kept], AccessKey]] = shortcut(AccessKey)


async def read_keys(body: bytes) -> list[AccessKey]:
    """The keys in the answer of a search.

    Raises:
        NotJSON: The body is no JSON object.
        Misfit: A member is missing, not of its type, or the keys take too much memory.
    """
    pieces = Pieces(body, decode_list=await list_decoder(len(body)), most_members=MAX_MEMBERS)
    keys: list[AccessKey] = []
    kept = Kept()
    pieces.demand("{")
    is_over = pieces.take("}")
    while not is_over:
        if pieces.peek() != '"':
            raise NotJSON
        name = pieces.value()
        pieces.demand(":")
        if name == "keys" and pieces.take("["):
            keys = await _listed(pieces, kept)
        elif _value(pieces, "$") is not None and name == "keys":
            raise Misfit("is not a list", "$.keys")
        is_over = pieces.take("}")
        if not is_over:
            pieces.demand(",")
    if pieces.peek():
        raise NotJSON
    return keys


async def _listed(pieces: Pieces, kept: Kept) -> list[AccessKey]:
    """The keys in a list whose opening bracket was taken."""
    keys: list[AccessKey] = []
    is_over, decoded = pieces.take("]"), pieces.decoded
    while not is_over:
        kept.is_plain = pieces.is_plain
        for value in pieces.values():
            keys.append(_key(value, kept, len(keys)))
        value = _value(pieces, f"$.keys[{len(keys)}]")
        kept.is_plain = pieces.is_plain
        keys.append(_key(value, kept, len(keys)))
        if kept.weight > FREE_MEMORY + MEMORY_PER_BYTE * pieces.decoded:
            raise Misfit(f"takes more than {MEMORY_PER_BYTE} times its size in memory", "$.keys")
        is_over = pieces.take("]")
        if not is_over:
            pieces.demand(",")
        if pieces.decoded > decoded:
            decoded = pieces.decoded
            await asyncio.sleep(0)
    return keys


def _value(pieces: Pieces, path: str) -> Any:
    try:
        return pieces.value()
    except TooManyMembers:
        raise Misfit(f"has more than {MAX_MEMBERS:,} members", path) from None


def _key(value: Any, kept: Kept, number: int) -> AccessKey:
    try:
        key = _read_key(value, kept)
    except (Misfit, RecursionError):
        key = structure(value, AccessKey, f"$.keys[{number}]")
        kept.read_only(value)  # weighs it
    kept.key(value)
    return key
