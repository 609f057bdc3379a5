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
SCRIPT = """
import asyncio, sys
from descope_async import DescopeClient

async def main():
    async with DescopeClient("P1", "K1", base_url=sys.argv[1]) as client:
        for call in (client.mgmt.access_key.create("n"), client.mgmt.access_key.rotate("AK1")):
            async with asyncio.timeout(20):
                print((await call).cleartext)

asyncio.run(main())
"""


@pytest.mark.parametrize("variables", [{}, {"AIOHTTP_NO_EXTENSIONS": "1"}], ids=["C", "Python"])
@pytest.mark.parametrize("answer", FOLLOWED.values(), ids=FOLLOWED.keys())
async def test_what_comes_after_an_answer_takes_no_secret_away(
    answer: bytes, variables: dict[str, str]
) -> None:
    async with raw_server(raw(answer)) as server:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-c", SCRIPT, server.base_url),
            env={**os.environ, **variables},
            stdout=subprocess.PIPE,
        )
        out, _ = await process.communicate()
    assert out.decode().splitlines() == [SECRET, SECRET]
