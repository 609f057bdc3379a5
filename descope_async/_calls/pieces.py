"""The JSON of an answer, decoded piece by piece.

A large body is never a whole text, nor a whole document of dicts: a window of it is decoded, and
what is complete in there is taken out. Between two windows the event loop can turn.

The objects of a list are decoded some thirty at a time. Where several hundred of them live at once,
the garbage collector visits them all, which takes a quarter of the time of a large search.
"""

from __future__ import annotations

import json
import re
import sys
from codecs import getincrementaldecoder
from collections.abc import Callable, Iterator
from math import copysign, isfinite
from typing import Any, Final, NoReturn, cast

from descope_async._values.strict_json import may_have_half_surrogates

from .member_count import TooManyMembers, has_more_members

#: Bytes that are decoded at once: some 130 access keys, which take a millisecond.
WINDOW: Final = 64 * 1024
#: Characters of the objects that are decoded together.
_TOGETHER: Final = 16 * 1024
#: Bytes of one member of an answer.
MAX_PIECE: Final = 8 * 1024 * 1024

_SPACE: Final = re.compile(r"[ \t\n\r]*+")
_COMMA: Final = re.compile(r"[ \t\n\r]*+,[ \t\n\r]*+")
#: From the end of an object in a list to the first name in the next one. Its length is limited,
#: because the text between two objects is searched for, and a search for a long text takes long.
_BETWEEN: Final = re.compile(r'\}\s{0,8},\s{0,8}\{\s{0,8}"[^"\\]{0,32}"', re.ASCII)
_HALF_SURROGATES: Final = re.compile("[\ud800-\udfff]")
_MAX_FLOAT: Final = sys.float_info.max


class NotJSON(ValueError):
    """The text is not JSON. The error quotes no part of it."""


def decode(body: bytes) -> Any:
    """The value that a whole body stands for.

    Numbers beyond every float become the largest one, and half of a surrogate pair becomes U+FFFD:
    what Python makes of them cannot be written as JSON again.

    Args:
        body: The text as UTF-8.

    Raises:
        NotJSON: It is not JSON, or nested too deep.
    """
    return _usual(body) or _whole(body)


def _usual(body: bytes) -> Any:
    """A value without spaces around it and without escapes; None or an empty one for all others."""
    # Looked for first, or a long text with escapes would be decoded twice. A single character is found
    # several times as quickly.
    if b"\\" in body and b"\\u" in body:
        return None
    try:
        text = body.decode()
        value, end = _DECODER.raw_decode(text)
    except (ValueError, RecursionError):
        return None
    return value if end == len(text) else None


def _whole(body: bytes) -> Any:
    pieces = Pieces(body, window=len(body))
    value = pieces.value()
    if pieces.peek():
        _refuse()
    return value


class Pieces:
    """Reads a JSON text from its beginning to its end.

    Args:
        body: The text as UTF-8.
        window: How many bytes to decode at once.
        decode_list: A decoder for the objects of a list, which may refuse what JSON allows.
        most_members: How many values one that is larger than a window may have; None for any number.
    """

    def __init__(
        self,
        body: bytes,
        window: int = WINDOW,
        decode_list: Callable[[str], list[Any]] | None = None,
        most_members: int | None = None,
    ) -> None:
        self._body = body
        self._window = window
        self._most_members = most_members
        self._decode_list = decode_list or _DECODER.decode
        self._decoded = 0
        self._decoder = getincrementaldecoder("utf-8")()
        self._text = ""
        self._at = 0
        self._is_plain = True
        self._is_to_be_mended = False
        # What stood between the last two objects of a list: the others are parted by it.
        self._between = ""
        # Up to here objects could not be decoded together.
        self._one_by_one_until = 0
        # Where a value begins that goes on in what is not decoded; -1 for none.
        self._cut_from = -1

    @property
    def decoded(self) -> int:
        """How many bytes have been decoded."""
        return self._decoded

    @property
    def is_plain(self) -> bool:
        """Whether all that is decoded is ASCII: then each character takes one byte of memory."""
        return self._is_plain

    def peek(self) -> str:
        """The next character that is no white space, which stays there; empty at the end."""
        while True:
            space = _SPACE.match(self._text, self._at)
            self._at = self._at if space is None else space.end()
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._decode_more():
                return ""

    def take(self, character: str) -> bool:
        """Whether this character is next; it is left behind then."""
        is_next = self.peek() == character
        self._at += is_next
        return is_next

    def demand(self, character: str) -> None:
        """Leave this character behind.

        Raises:
            NotJSON: Another one is next.
        """
        if not self.take(character):
            _refuse()

    def value(self) -> Any:
        """The next value, whatever it is.

        Raises:
            NotJSON: It is none, larger than a piece may be, or nested too deep.
            TooManyMembers: It has more values than it may.
        """
        self.peek()
        if self._is_cut():
            self._decode_more()
        while True:
            found = self._complete_value()
            if found is not None:
                value, self._at = found
                return _mended(value) if self._is_to_be_mended else value
            if not self._decode_more():
                _refuse()

    def values(self) -> Iterator[Any]:
        """The values of a list that are complete in what is decoded, each with the comma after it."""
        while not self._is_cut() and (found := self._several_values() or self._first_value()):
            yield from _mended(found) if self._is_to_be_mended else found

    def _is_cut(self) -> bool:
        """Whether the next value may go on in what is not decoded: another try would be in vain."""
        return self._has_more() and (
            self._at == self._cut_from
            or (bool(self._between) and self._text.find(self._between, self._at) < 0)
        )

    def _several_values(self) -> list[Any]:
        """Complete objects, decoded together; empty where they must be decoded one by one."""
        between, text, at = self._between, self._text, self._at
        if not between or at < self._one_by_one_until:
            return []
        # This may stand within an object. Then what is before it cannot be decoded.
        end = text.rfind(between, at, at + _TOGETHER)
        if end < 0:
            return []
        try:
            found = self._decode_list(f"[{text[at : end + 1]}]")
        except Exception:  # noqa: BLE001 - whatever it is, `_first_value` can read it or nothing can
            self._one_by_one_until = end
            return []
        self._at = end + between.index("{")
        return found

    def _first_value(self) -> list[Any]:
        """The next value alone; empty when it is not complete."""
        text, at = self._text, self._at
        try:
            value, end = _DECODER.raw_decode(text, at)
        except (ValueError, RecursionError):
            self._cut_from = at
            return []  # the rest is read by `value`, which decodes more, or says what is wrong
        comma = _COMMA.match(text, end)
        if comma is None:
            return []
        self._at = comma.end()
        between = _BETWEEN.match(text, end - 1)
        self._between = between[0] if between else ""
        return [value]

    def _complete_value(self) -> tuple[Any, int] | None:
        """The next value and where it ends; None while it may go on in what is not decoded."""
        try:
            value, end = _DECODER.raw_decode(self._text, self._at)
        except json.JSONDecodeError:
            return None
        except RecursionError:
            _refuse()
        except ValueError:  # an integer that the interpreter refuses to read, or no JSON at all
            value, end = _PATIENT_DECODER.raw_decode(self._text, self._at)
        # A number may go on after the window: `1` as `1E+3`, say.
        is_cut = len(self._text) - end <= len("E+") and self._has_more()
        return None if is_cut else (value, end)

    def _has_more(self) -> bool:
        return self._decoded < len(self._body)

    def _decode_more(self) -> bool:
        if not self._has_more():
            return False
        rest = self._text[self._at :]
        if len(rest) > MAX_PIECE:
            _refuse()
        if len(rest) > self._window and self._has_too_many_members(rest):
            raise TooManyMembers
        # As much again as is left over, so that a long value is not begun anew too often.
        end = self._decoded + max(self._window, len(rest))
        window = self._body[self._decoded : end]
        self._decoded = end
        try:
            self._text = rest + self._decoder.decode(window, not self._has_more())
        except UnicodeDecodeError:
            _refuse()
        self._at = self._one_by_one_until = 0
        self._cut_from = -1
        self._is_plain = self._text.isascii() and "\\u" not in self._text
        self._is_to_be_mended = may_have_half_surrogates(self._text)
        return True

    def _has_too_many_members(self, text: str) -> bool:
        most = self._most_members
        return most is not None and has_more_members(text.encode(), most)


def _mended(value: Any) -> Any:
    """A value without half surrogates."""
    if isinstance(value, str):
        return _HALF_SURROGATES.sub("\ufffd", value)
    if isinstance(value, list):
        items = cast("list[object]", value)
        return [_mended(item) for item in items]
    if isinstance(value, dict):
        members = cast("dict[str, Any]", value)
        return {_mended(name): _mended(item) for name, item in members.items()}
    return value


def _finite(digits: str) -> float:
    number = float(digits)
    return number if isfinite(number) else copysign(_MAX_FLOAT, number)


def _bounded(digits: str) -> int | float:
    try:
        return int(digits)
    except ValueError:
        return _finite(digits)


def _refuse(_: object = None) -> NoReturn:
    raise NotJSON


_DECODER: Final = json.JSONDecoder(parse_constant=_refuse, parse_float=_finite)
_PATIENT_DECODER: Final = json.JSONDecoder(
    parse_constant=_refuse, parse_float=_finite, parse_int=_bounded
)
