"""Strict JSON for signed documents: what could be read in two ways is refused."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from itertools import accumulate
from math import isfinite
from typing import Any, Final, NoReturn, cast

from descope_async.errors import InvalidArgument


class ReadOnlyDict(dict[str, Any]):
    """A dict that cannot be changed, so that several holders can share it."""

    __slots__ = ()

    def _refuse(self, *_: Any, **__: Any) -> NoReturn:
        raise TypeError("read-only: make a dict() of it first")

    __setitem__: Any = _refuse
    __delitem__: Any = _refuse
    __ior__: Any = _refuse
    clear: Any = _refuse
    pop: Any = _refuse
    popitem: Any = _refuse
    setdefault: Any = _refuse
    update: Any = _refuse

    def __reduce__(self) -> tuple[type[ReadOnlyDict], tuple[dict[str, Any]]]:
        return ReadOnlyDict, (dict(self),)


def read_object(document: bytes) -> ReadOnlyDict | None:
    """The JSON object that a document holds, read-only in depth; its lists come as tuples.

    None when there is no such object: not UTF-8, not JSON (NaN and Infinity are not), something
    else than an object, nested more than 64 deep, or a name twice in one object, which two readers
    may take for two different values. Also None for what Python could not write as JSON again: a
    number beyond every float, and half of a surrogate pair. No error is chained, because JSON's
    errors quote the document.
    """
    try:
        text = document.decode()
        value = None if _is_too_deep(text) else _DECODER.decode(text)
        if may_have_half_surrogates(text):
            json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, ReadOnlyDict) else None


def glance(document: bytes) -> Mapping[str, Any] | None:
    """As `read_object` in half the time, to look at and drop: its dicts and lists may be plain ones."""
    try:  # `suppress` would take a twentieth of the time
        text = document.decode()
        found: tuple[dict[str, Any], int] = _PLAIN_DECODER.raw_decode(text)
        value, end = found
        # Every name is followed by these two characters, so the text has at least as many of them
        # as names.
        # Where the dicts have that many too, no name occurs twice.
        if (
            end == len(text)
            and type(value) is dict
            and document.count(b'":') == _count(value)
            and not _parts_names_from_colons(text)
            and not _is_too_deep(text)
            and not may_have_half_surrogates(text)
        ):
            return value
    except (ValueError, RecursionError):
        pass
    return read_object(document)


def read_only(value: Any) -> Any:
    """A copy of decoded JSON as `read_object` gives it: read-only dicts, and tuples for lists."""
    if isinstance(value, dict):
        members = ReadOnlyDict(cast("dict[str, Any]", value))
        for name, item in members.items():
            if isinstance(item, _CONTAINERS):
                _SET(members, name, read_only(item))
        return members
    if isinstance(value, list | tuple):
        return tuple([read_only(item) for item in cast("Iterable[Any]", value)])
    return value


def read_only_mapping(what: str, given: Mapping[str, Any]) -> ReadOnlyDict:
    """A read-only copy of a mapping that a caller gave.

    Args:
        what: How an error begins.
        given: The mapping.

    Raises:
        InvalidArgument: It is nested too deeply, or in itself.
    """
    with suppress(RecursionError):  # outside of its handler, no error leads to its frames
        copied: ReadOnlyDict = read_only(dict(given))
        return copied
    raise InvalidArgument(f"{what} is nested too deeply")


def writable(value: Any) -> Any:
    """A copy of what `read_object` gives as plain dicts and lists."""
    if isinstance(value, dict):
        members = cast("dict[str, Any]", value)
        return {name: writable(item) for name, item in members.items()}
    if isinstance(value, tuple):
        return [writable(item) for item in cast("Iterable[Any]", value)]
    return value


def may_have_half_surrogates(text: str) -> bool:
    """Whether a JSON text has escapes that may stand for half of a surrogate pair."""
    return "\\" in text and _SURROGATE.search(text) is not None


def _is_too_deep(text: str) -> bool:
    """Whether its objects and lists are nested beyond the limit, wherever it is read."""
    if text.count("{") + text.count("[") <= _MAX_DEPTH:
        return False
    steps = map(_STEPS.__getitem__, _NO_BRACKETS.sub("", text))
    return max(accumulate(steps), default=0) > _MAX_DEPTH


def _count(members: Any) -> int:
    """How many members there are, with those of dicts within, but not within lists."""
    count = len(members)
    for value in members.values():
        if type(value) is dict:
            count += _count(value)
    return count


def _parts_names_from_colons(text: str) -> bool:
    """Whether there may be white space between a name and its colon."""
    return (" " in text and '" ' in text) or "\n" in text or "\t" in text or "\r" in text


def _read_only(pairs: list[tuple[str, Any]]) -> ReadOnlyDict:
    members = ReadOnlyDict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a name occurs twice")
    for name, value in pairs:
        if type(value) is list:  # replaced where it stands: few are lists
            _SET(members, name, _tuple(value))
    return members


def _tuple(items: Any) -> tuple[Any, ...]:
    for item in items:
        if type(item) is list:  # rarely
            return tuple([_tuple(item) if type(item) is list else item for item in items])
    return tuple(items)


def _refuse(_: str) -> NoReturn:
    raise ValueError("not a JSON number")


def _finite(digits: str) -> float:
    number = float(digits)
    return number if isfinite(number) else _refuse(digits)


#: Far beyond any token's claims, and far from what the interpreter's stack can hold.
_MAX_DEPTH: Final = 64
#: Strings, also one that nothing ends, and what is neither in a string nor a bracket. Possessive, so
#: that no character is looked at twice.
_NO_BRACKETS: Final = re.compile(r'"(?:[^"\\]++|\\.)*+"?+|[^][{}"]++', re.DOTALL)
_STEPS: Final = {"{": 1, "[": 1, "}": -1, "]": -1}

#: An escape that is half of a pair, or the whole of one when another follows.
_SURROGATE: Final = re.compile(r"\\u[dD][89a-fA-F]")

#: A tuple, because `dict | list | tuple` would be made anew for each item.
_CONTAINERS: Final = (dict, list, tuple)

#: Past the refusal of `ReadOnlyDict`, before anybody else holds it.
_SET: Final = dict[str, Any].__setitem__
_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_read_only, parse_constant=_refuse, parse_float=_finite
)
_PLAIN_DECODER: Final = json.JSONDecoder(parse_constant=_refuse, parse_float=_finite)
