"""What has arrived counts, whatever comes after it, with both of aiohttp's parsers."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys

import pytest

from tests.servers import raw, raw_server

SECRET = "the secret"
BODY = json.dumps({"key": {"id": "AK1", "name": "n"}, "cleartext": SECRET}).encode()
HEAD = b"HTTP/1.1 200 OK\r\n"
COUNTED = b"%sContent-Length: %d\r\n\r\n%s" % (HEAD, len(BODY), BODY)
IN_CHUNKS = b"%sTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n" % (HEAD, len(BODY), BODY)
HINTS = b"HTTP/1.1 103 Early Hints\r\nLink: </>\r\n\r\n"
FOLLOWED = {
    "an empty line": COUNTED + b"\r\n",
    "no HTTP": COUNTED + b"<html>\r\n\x00\xff",
    "another answer": COUNTED + COUNTED,
    "no HTTP, after hints": HINTS * 3 + COUNTED + b"<html>",
    "no HTTP, after chunks": IN_CHUNKS + b"0\r\n\r\n<html>",
    "no chunk": IN_CHUNKS + b"<html>\r\n",
    "no trailer": IN_CHUNKS + b"0\r\nno \x00 trailer\r\n\r\n",
    "nothing, where a chunk is missing": IN_CHUNKS,
    "nothing, where bytes are missing": COUNTED.replace(b"th: ", b"th: 9"),
}
COUNT = b"Content-Length: %d\r\n" % len(BODY)
#: Answers of which nothing can be read but the secret.
DAMAGED = {
    "no header": HEAD + COUNT + b"X-Zero: \x00\r\n\r\n" + BODY,
    "no name of a header": HEAD + COUNT + b"X Zero\x00: 0\r\n\r\n" + BODY,
    "no status": COUNTED.replace(b"200", b"0200"),
    "no gzip": HEAD + b"Content-Encoding: gzip\r\n" + COUNT + b"\r\n" + BODY,
    "bytes that are not counted": COUNTED.replace(COUNT, COUNT[:-3] + b"\r\n"),
    "a body where none may be": COUNTED.replace(b"200 OK", b"204 No Content"),
    "a body of what has not changed": COUNTED.replace(b"200 OK", b"304 Not Modified"),
}
CLAIMED = json.dumps({"key": {"id": "AK1", "customClaims": {"cleartext": "a claim"}}}).encode()
SCRIPT = """
import asyncio, sys
from descope_async import DescopeClient, OutcomeUnknown, UnexpectedResponse

async def main():
    async with DescopeClient("P1", "K1", base_url=sys.argv[1]) as client:
        for call in (client.mgmt.access_key.create("n"), client.mgmt.access_key.rotate("AK1")):
            async with asyncio.timeout(20):
                try:
                    print((await call).cleartext)
                except UnexpectedResponse as error:
                    print("salvaged", error.cleartext)
                except OutcomeUnknown as error:
                    print("unknown")

asyncio.run(main())
"""


@pytest.mark.parametrize("variables", [{}, {"AIOHTTP_NO_EXTENSIONS": "1"}], ids=["C", "Python"])
@pytest.mark.parametrize("answer", FOLLOWED.values(), ids=FOLLOWED.keys())
async def test_what_comes_after_an_answer_takes_no_secret_away(
    answer: bytes, variables: dict[str, str]
) -> None:
    assert await outcomes(answer, variables) == [SECRET, SECRET]


@pytest.mark.parametrize("variables", [{}, {"AIOHTTP_NO_EXTENSIONS": "1"}], ids=["C", "Python"])
@pytest.mark.parametrize("answer", DAMAGED.values(), ids=DAMAGED.keys())
async def test_the_secret_is_taken_from_an_answer_that_is_no_http(
    answer: bytes, variables: dict[str, str]
) -> None:
    assert await outcomes(answer, variables) == [f"salvaged {SECRET}"] * 2


async def test_no_claim_is_taken_from_an_answer_that_is_no_http() -> None:
    answer = DAMAGED["no header"].replace(BODY, CLAIMED)
    assert await outcomes(answer, {}) == ["unknown", "unknown"]


async def outcomes(answer: bytes, variables: dict[str, str]) -> list[str]:
    """What comes of a create and of a rotate that get this answer."""
    async with raw_server(raw(answer)) as server:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-c", SCRIPT, server.base_url),
            env={**os.environ, **variables},
            stdout=subprocess.PIPE,
        )
        out, _ = await process.communicate()
    return out.decode().splitlines()
