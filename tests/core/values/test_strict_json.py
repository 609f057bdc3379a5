"""Decoded JSON, made read-only and writable again."""

from __future__ import annotations

import copy
import json
import pickle
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from descope_async._values.strict_json import ReadOnlyDict, glance, read_object, read_only, writable
from tests.steps import steps

JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


def kinds(value: Any) -> set[type]:
    inner = value.values() if isinstance(value, dict) else value
    found = {type(value)}
    return found.union(*map(kinds, inner)) if isinstance(value, dict | list) else found


@given(st.dictionaries(st.text(), JSON, max_size=4))
def test_there_and_back(document: dict[str, Any]) -> None:
    found = read_object(json.dumps(document).encode())
    assert read_only(document) == found
    copy = writable(found)
    assert copy == document
    assert kinds(copy) == kinds(document)


def test_read_only_in_depth() -> None:
    original = {"a": [{"b": [1]}]}
    found = read_only(original)
    with pytest.raises(TypeError, match="read-only"):
        found["a"][0]["b"] = 2
    with pytest.raises(TypeError, match="does not support item assignment"):
        found["a"][0] = {}
    original["a"][0]["b"].append(2)
    assert found == {"a": ({"b": (1,)},)}


#: Names that meet, and what a reader that counts could trip over.
NAMES = st.sampled_from(["a", "b", '"', '":', "a b", "\\", ":", " ", "\n", "é", ""])
SPACE = st.sampled_from(["", "", " ", "\n", "\t ", "\r"])


@st.composite
def documents(draw: st.DrawFn, depth: int = 2) -> str:
    """JSON as anybody may write it: names twice, white space anywhere."""
    space = draw(SPACE)
    kind = draw(
        st.sampled_from(["object", "object", "list", "text", "number"] if depth else ["text"])
    )
    if kind == "text":
        return json.dumps(draw(NAMES))
    if kind == "number":
        return str(draw(st.integers(-9, 9)))
    inner = draw(st.lists(documents(depth - 1), max_size=3))
    if kind == "list":
        return f"[{space}{f'{space},'.join(inner)}]"
    members = [f"{json.dumps(draw(NAMES))}{space}:{draw(SPACE)}{item}" for item in inner]
    return f"{{{space}{f',{space}'.join(members)}}}"


@given(documents())
def test_a_glance_sees_what_a_reading_sees(document: str) -> None:
    seen, read = glance(document.encode()), read_object(document.encode())
    assert (seen is None) == (read is None)
    assert seen is None or read_only(seen) == read


@given(st.binary())
def test_a_glance_never_raises(document: bytes) -> None:
    assert glance(document) == read_object(document)


@pytest.mark.parametrize(
    "document",
    [
        '{"a":1,"a":2}',
        '{"a" :1,"a":2}',
        '{"a"\n:1,"a":2}',
        '{"a":{"b":1,"b":2}}',
        '{"a":[{"b":1,"b":2}]}',
        '{"\\u0061":1,"a":2}',
        '{"x":"\\":","a" :1,"a":2}',
        '{"a":1}{"a":1}',
        '{"a":NaN}',
        '{"a":1e400}',
        '{"a":[-1e400]}',
        '{"a":"\\ud800"}',
        '{"a":["\\uDFFFx"]}',
        '{"\\udc00\\ud800":1}',
        " " + "[" * 100_000,
        '{"a":' * 100_000,
        "[]",
        "",
    ],
)
def test_a_glance_refuses_what_has_two_meanings(document: str) -> None:
    assert glance(document.encode()) is None


MANY_BRACKETS = "[" * 65
N = 2_000
GROWING: dict[str, Callable[[int], str]] = {
    "members": lambda n: json.dumps({f"m{i}": i for i in range(n)}),
    "lists": lambda n: json.dumps({"a": [[i] for i in range(n)]}),
    "objects": lambda n: json.dumps({"a": [{"b": i} for i in range(n)]}),
    "objects in objects": lambda n: json.dumps({f"m{i}": {"b": {}} for i in range(n)}),
    "brackets in a string": lambda n: json.dumps({"a": "[" * n}),
    "escapes": lambda n: json.dumps({"a": '"' * n, "b": [[]] * 65}),
    "an open string": lambda n: MANY_BRACKETS + '"' + '\\"' * n,
}


@pytest.mark.parametrize("name", GROWING)
def test_what_is_twice_as_long_takes_twice_the_steps(name: str) -> None:
    short, long = (GROWING[name](n).encode() for n in (N, 2 * N))
    for read in (read_object, glance):
        assert steps(read, long) <= 2.1 * steps(read, short) + 50


@pytest.mark.parametrize("ending", ["", "\\", "\\\\", '"', '"}'])
def test_an_open_string_costs_no_more_than_its_length(ending: str) -> None:
    document = (MANY_BRACKETS + '"' + '\\"' * 128_000 + ending).encode()
    began = time.process_time()
    assert read_object(document) is None
    assert time.process_time() - began < 5, "it took minutes once"


def test_a_pair_of_surrogates_is_one_character() -> None:
    document = b'{"a":"\\ud83d\\ude00","b":"\\\\ud800","c":1e300}'
    assert glance(document) == read_object(document) == {"a": "😀", "b": "\\ud800", "c": 1e300}


def test_claims_are_read_only_and_still_a_dict() -> None:
    claims = ReadOnlyDict({"a": ReadOnlyDict({"b": (1,)})})
    assert json.loads(json.dumps(claims)) == {"a": {"b": [1]}}
    assert pickle.loads(pickle.dumps(claims)) == claims  # noqa: S301 - our own
    assert copy.deepcopy(claims) == claims
    changes: list[Any] = [
        lambda: claims.update(x=1),
        lambda: claims.pop("a"),
        lambda: claims.setdefault("x", 1),
        claims.clear,
        lambda: claims.__setitem__("x", 1),
        lambda: claims.__delitem__("a"),
        lambda: claims.__ior__({"x": 1}),
    ]
    for change in changes:
        with pytest.raises(TypeError, match="read-only"):
            change()
