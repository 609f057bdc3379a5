"""What is kept of a damaged answer to a call that must happen once."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from descope_async._calls.salvage import salvaged
from tests.steps import steps

SECRET = 'the "sécret" \\ of a key'
CLAIMED = {"key": {"id": "K", "customClaims": {"cleartext": "FAKE"}, "tags": [["cleartext"]]}}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.text() | st.sampled_from(["cleartext", "key"]), inner)
    ),
)


def encoded(value: Any, *, ascii_only: bool = True) -> bytes:
    return json.dumps(value, ensure_ascii=ascii_only).encode()


@pytest.mark.parametrize("ascii_only", [True, False])
@pytest.mark.parametrize("order", ["key first", "secret first"])
def test_the_secret_is_found_in_what_is_left(order: str, ascii_only: bool) -> None:
    members = {**CLAIMED, "cleartext": SECRET}
    if order == "secret first":
        members = dict(reversed(members.items()))
    whole = encoded(members, ascii_only=ascii_only)
    secret = encoded(SECRET, ascii_only=ascii_only)
    end = whole.index(secret) + len(secret)
    for length in range(len(whole) + 1):
        assert salvaged(whole[:length]) == (SECRET if length >= end else None)


@given(JSON, st.text(min_size=1), st.integers(min_value=1))
def test_no_claim_is_taken_for_it(claims: Any, secret: str, cut: int) -> None:
    document = {"key": {"customClaims": claims}, "cleartext": secret}
    whole = encoded(document)
    assert salvaged(whole) == secret
    assert salvaged(bytearray(whole[:-1])) == secret
    left = whole[: max(0, len(whole) - 2 - cut % len(whole))]
    assert salvaged(left) is None


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b'{"cleartext": ""}',
        b'{"cleartext": 5}',
        b'{"cleartext": "cut',
        b'{"cleartext": "\xff"}',
        b'["cleartext", "x"]',
        b'{"a": "\\"cleartext\\": \\"x\\""}',
        b'{"a": {"cleartext": "x"}',
        b'"cleartext": "x"',
    ],
)
def test_nothing_else_is(body: bytes) -> None:
    assert salvaged(body) is None


@pytest.mark.parametrize(
    "part",
    [b'"', b'"\\', b"[", b"{", b"[]", b'{"cleartext":', b'"cleartext"', b'"cleartext":"', b"\\"],
)
def test_the_search_is_linear(part: bytes) -> None:
    def search(times: int) -> int:
        body = b"{" + part * times + b'"cleartext"'
        return steps(lambda: salvaged(body))

    assert search(4000) < 3 * search(2000)
