"""The members of a JSON text are counted before any is built."""

from __future__ import annotations

import json
import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from descope_async._calls.member_count import count_members, has_more_members
from tests.core.calls.json_texts import VALUES


@given(VALUES)
def test_no_value_is_missed_by_the_count(document: Any) -> None:
    def size(value: Any) -> int:
        inner = value.values() if isinstance(value, dict) else value
        return 1 + (sum(map(size, inner)) if isinstance(value, dict | list) else 0)

    body = json.dumps(document).encode()
    assert count_members(body) >= (size(document) - 1) / 2
    assert not has_more_members(body, 2 * size(document))


def test_what_stands_in_a_string_is_no_member() -> None:
    body = json.dumps({"a": ',[{"' * 1_000}).encode()
    assert count_members(body) > 3_000
    assert not has_more_members(body, 1)
    assert has_more_members(b'{"a":[1,2]}', 2)
    assert not has_more_members(b'["\\\\', 1)


@pytest.mark.parametrize("member", [b'{"a":', b'"key":[],', b'",",', b'"\\",",'])
def test_counting_takes_less_memory_than_the_body(member: bytes) -> None:
    body = b'{"a":[' + member * 300_000
    tracemalloc.start()
    try:
        has_more_members(body, 100)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < len(body)


@given(st.lists(st.text(alphabet='ab",[{\\'), max_size=8), st.integers(1, 30))
def test_strings_are_left_out_wherever_they_stand(texts: list[str], members: int) -> None:
    body = json.dumps(texts + [1] * members).encode()
    assert not has_more_members(body, len(texts) + members)
    assert has_more_members(body, len(texts) + members - 1)


def test_more_strings_than_are_left_out_at_once_are_counted() -> None:
    body = json.dumps([",[{"] * 25_000).encode()
    assert not has_more_members(body, 25_000)
    assert has_more_members(body, 24_999)
