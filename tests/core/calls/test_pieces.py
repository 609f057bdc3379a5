"""JSON that is decoded in windows is read as if it were decoded at once."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from descope_async._calls.fast_json import list_decoder
from descope_async._calls.pieces import (
    MAX_PIECE,
    NotJSON,
    Pieces,
    decode,
)
from tests.core.calls.json_texts import VALUES, texts_of

pytestmark = pytest.mark.usefixtures("each_decoder")


def read_list(body: bytes, window: int) -> list[Any]:
    """The values of a list, read in windows."""
    pieces, found = Pieces(body, window, asyncio.run(list_decoder(len(body)))), list[Any]()
    pieces.demand("[")
    while True:
        found += [*pieces.values(), pieces.value()]
        if pieces.take("]"):
            break
        pieces.demand(",")
    if pieces.peek():
        raise NotJSON
    return found


def reads_alike(text: str, window: int) -> None:
    """A list is the same in windows, in one window, as a whole and to `json`."""
    body = text.encode()
    assert read_list(body, window) == read_list(body, len(body)) == decode(body) == json.loads(body)


@given(texts_of(st.lists(VALUES, min_size=1, max_size=8)), st.integers(1, 50))
def test_any_window_reads_the_same(text: str, window: int) -> None:
    reads_alike(text, window)


def objects(first: str) -> st.SearchStrategy[list[dict[str, Any]]]:
    """Lists of objects that have the same first member, and so have some of the objects in them."""
    inner = st.dictionaries(
        st.sampled_from(["a", first]),
        VALUES | st.lists(st.fixed_dictionaries({first: st.integers()}), max_size=3),
    )
    return st.lists(st.builds(lambda more: {first: 1, **more}, inner), min_size=1, max_size=9)


@given(
    texts_of(st.sampled_from(["id", "\u00e9", '"', "a" * 40]).flatmap(objects)),
    st.integers(1, 300),
)
def test_objects_that_begin_alike_are_read_as_others_are(text: str, window: int) -> None:
    reads_alike(text, window)


@pytest.mark.parametrize(
    "spoilt", [b'{"id":1e}', b'{"id":"\t"}', b'{"id":1},', b'\x0b{"id":1}', b"{}}"]
)
def test_one_wrong_object_among_many_is_refused(spoilt: bytes) -> None:
    many = b'{"id":1},' * 5_000
    for body in (b"[%b%b]", b"[%b%b,{}]"):
        with pytest.raises(NotJSON):
            read_list(body % (many, spoilt), 64 * 1024)


@given(st.text(alphabet='[]{},:"\\u0aeE.-+ 1tnf', max_size=12), st.integers(1, 4))
def test_what_is_no_json_is_refused_in_any_window(text: str, window: int) -> None:
    body = f"[{text}]".encode()
    try:
        expected = json.loads(body, parse_constant=lambda _: pytest.fail("no constant is drawn"))
    except ValueError:
        with pytest.raises(NotJSON):
            read_list(body, window)
    else:
        assert (read_list(body, window) if expected else []) == expected


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"1 2",
        b"NaN",
        b"[Infinity]",
        b'"\xff"',
        b'"\xc3',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'"' + b"a" * (MAX_PIECE + 100_000),
    ],
)
def test_what_cannot_be_read_is_no_json(body: bytes) -> None:
    for window in (64 * 1024, len(body)):
        pieces = Pieces(body, window)
        with pytest.raises(NotJSON):  # noqa: PT012 - either may find it
            pieces.value()
            pieces.demand("")
            if pieces.peek():
                raise NotJSON


def test_what_json_cannot_hold_again_is_replaced() -> None:
    body = (
        b'[1e400,-1e400,"\\ud83d\\ude00","a\\ud83d","\\uDE00b",{"\\ud800":["\\udfff"]},"\\\\ud800"]'
    )
    largest = sys.float_info.max
    expected = [largest, -largest, "😀", "a\ufffd", "\ufffdb", {"\ufffd": ["\ufffd"]}, "\\ud800"]
    assert decode(body) == expected
    for window in range(1, len(body)):
        assert read_list(body, window) == expected
    json.dumps(decode(body), allow_nan=False, ensure_ascii=False).encode()


def test_an_integer_that_python_does_not_read_is_the_largest_number() -> None:
    digits = b"9" * 5_000
    assert decode(b"[1,%b,-%b]" % (digits, digits)) == [
        1,
        sys.float_info.max,
        -sys.float_info.max,
    ]
    with pytest.raises(NotJSON):
        decode(b"[%b,NaN]" % digits)
