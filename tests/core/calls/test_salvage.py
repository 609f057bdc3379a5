"""What is kept of a damaged answer to a call that must happen once."""

from __future__ import annotations

import json
import subprocess
import sys
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


#: Creates a key whose answer is odd, and is read where no module can be imported any more.
WITHOUT_CATTRS = """
import asyncio, resource, sys

from descope_async import DescopeClient, UnexpectedResponse

BODY = b'{"cleartext": "K-the-secret", "key": {"id": "AK1", "name": 5}}'

async def answer(reader, writer):
    head = await reader.readuntil(b"\\r\\n\\r\\n")
    if b"/create " in head:  # the answer is read where nothing can be imported
        limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, limits[1]))
    body = BODY if b"/create " in head else b"{}"
    writer.write(b"HTTP/1.1 200 OK\\r\\nContent-Length: %d\\r\\nConnection: close\\r\\n\\r\\n" % len(body) + body)
    await writer.drain()
    writer.close()

async def main():
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    client = DescopeClient("P1", "K1mgmt", base_url=f"http://127.0.0.1:{port}")
    try:
        await client.mgmt.access_key.create("n")
    except UnexpectedResponse as error:
        print(error, error.cleartext, "cattrs" in sys.modules, sep=" | ")
    await client.aclose()

asyncio.run(main())
"""


@pytest.mark.skipif(
    sys.platform != "linux", reason="Windows has no such limit, others were not tried"
)
def test_the_secret_is_found_where_what_reads_odd_answers_cannot_be_imported() -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_CATTRS],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.stderr == ""
    said, secret, is_imported = done.stdout.strip().split(" | ")
    assert said.startswith("the answer's $ cannot be read: [Errno 24] Too many open files")
    assert (secret, is_imported) == ("K-the-secret", "False")
