"""Decoded JSON, made read-only and writable again."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from descope_async.strict_json import read_object, read_only, writable

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
