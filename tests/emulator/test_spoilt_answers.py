"""Answers that are not what they should be."""

from __future__ import annotations

import asyncio
import gzip
import json
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp
import pytest

from descope_async.emulator import Emulator, Fault
from tests.emulator.sockets import (
    FOREVER,
    NOTHING,
    connected,
    names,
    one_answer,
    request,
    sent,
    until,
)


@pytest.mark.parametrize("status", [502, 503, 504, 520, 522, 524, 599])
async def test_a_gateway_answers_in_html(emulator: Emulator, status: int) -> None:
    emulator.faults.add(Fault("status", status=status))
    reader, writer = await connected(emulator)
    for _ in range(2):  # the connection stays of use
        writer.write(request(emulator))
        head, body = await one_answer(reader)
        assert head.startswith(f"HTTP/1.1 {status} ".encode())
        assert b"Content-Type: text/html" in head
        assert b"Retry-After" not in head
        assert body.startswith(b"<html>")
    writer.close()


async def test_a_gateway_may_say_when_to_come_back(
    emulator: Emulator, http: aiohttp.ClientSession
) -> None:
    emulator.faults.add(Fault("status", status=503, retry_after=7))
    async with http.get("/v2/keys/P") as response:
        assert (response.status, response.headers["Retry-After"]) == (503, "7")


@pytest.mark.parametrize(
    ("said", "header"), [(2, "2"), (0, "0"), (-1, "-1"), ("soon", "soon"), ("", ""), (None, None)]
)
async def test_a_rate_limit_says_when_to_come_back(
    emulator: Emulator, http: aiohttp.ClientSession, said: Any, header: str | None
) -> None:
    emulator.faults.add(Fault("rate_limit", "key_set", retry_after=said))
    async with http.get("/v2/keys/P") as response:
        assert response.status == 429
        assert response.headers.get("Retry-After") == header
        assert (await response.json())["errorCode"] == "E130429"
        assert response.headers["x-request-id"]


async def test_a_date_to_come_back_is_counted_from_the_date_of_the_answer(
    emulator: Emulator, http: aiohttp.ClientSession
) -> None:
    emulator.clock.advance(1_000_000)  # as it is the emulator's time
    emulator.faults.add(Fault("rate_limit", retry_after=90, retry_after_as_date=True))
    async with http.get("/v2/keys/P") as response:
        date, back = (
            parsedate_to_datetime(response.headers[name]) for name in ("Date", "Retry-After")
        )
    assert (back - date).total_seconds() == 90
    assert abs(date.timestamp() - emulator.clock.now()) < 60


async def test_a_redirect_leads_elsewhere(emulator: Emulator, http: aiohttp.ClientSession) -> None:
    emulator.faults.add(Fault("redirect", nth=1))
    emulator.faults.add(Fault("redirect", nth=2, status=301, location="http://127.0.0.1:1/x"))
    found = []
    for _ in range(2):
        async with http.get("/v2/keys/P", allow_redirects=False) as response:
            found.append((response.status, response.headers["Location"]))
    assert found == [(307, "https://elsewhere.invalid/"), (301, "http://127.0.0.1:1/x")]


async def test_a_huge_body_is_json_of_that_size(
    emulator: Emulator, http: aiohttp.ClientSession
) -> None:
    for size in (2, 3, 2**16 + 2, 2**16 + 3, 5_000_000):
        emulator.faults.clear()
        emulator.faults.add(Fault("huge_body", size=size))
        async with http.get("/v2/keys/P") as response:
            body = await response.read()
            assert response.headers["Content-Length"] == str(size) == str(len(body))
            assert json.loads(body) == {}


async def test_nobody_has_to_read_a_huge_body(emulator: Emulator) -> None:
    emulator.faults.add(Fault("huge_body", size=2**30))
    reader, writer = await connected(emulator)
    writer.write(request(emulator))
    assert (await reader.readline()).startswith(b"HTTP/1.1 200")
    async with asyncio.timeout(20):
        await emulator.aclose()
    writer.close()


async def test_a_compression_bomb_is_small_until_it_is_unpacked(emulator: Emulator) -> None:
    emulator.faults.add(Fault("compression_bomb", size=10_000_000))
    reader, writer = await connected(emulator)
    writer.write(request(emulator))
    head, body = await one_answer(reader)
    writer.close()
    assert b"Content-Encoding: gzip" in head
    assert len(body) < 20_000
    unpacked = gzip.decompress(body)
    assert (len(unpacked), json.loads(unpacked)) == (10_000_000, {})


def parts(answer: bytes) -> tuple[dict[str, str], bytes]:
    head, _, body = answer.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    assert first == "HTTP/1.1 200 OK"
    return {name: value for name, _, value in (line.partition(": ") for line in lines)}, body


@pytest.mark.parametrize("effect", ["delay", "drip"])
async def test_a_slow_answer_is_a_whole_one(emulator: Emulator, effect: Any) -> None:
    emulator.faults.add(Fault(effect, seconds=0.01))
    headers, body = parts(await sent(emulator))
    assert headers["Content-Length"] == str(len(body))
    assert headers["Connection"] == "close"
    assert headers["Content-Type"].startswith("application/json")
    assert json.loads(body)["cleartext"]
    assert await names(emulator) == ["n"]


async def test_a_drip_comes_byte_by_byte(emulator: Emulator) -> None:
    emulator.faults.add(Fault("drip", seconds=FOREVER))
    reader, writer = await connected(emulator)
    writer.write(request(emulator))
    first = await reader.read(1000)
    assert b"HTTP/1.1 200 OK\r\n".startswith(first[:17])
    assert len(first) < 100  # of many, which is one a second: this machine may be slow
    assert await names(emulator) == ["n"]
    writer.close()


async def test_a_delay_comes_after_the_request_was_carried_out(emulator: Emulator) -> None:
    emulator.faults.add(Fault("delay", seconds=FOREVER, times=1))
    reader, writer = await connected(emulator)
    writer.write(request(emulator))
    await until(lambda: emulator.requests.count() == 1)  # logged when it is carried out
    assert await names(emulator) == ["n"]
    await sent(emulator, NOTHING)
    assert not reader.at_eof()
    writer.close()


async def test_a_stall_after_the_headers(emulator: Emulator) -> None:
    emulator.faults.add(Fault("stall_body", seconds=0.01))
    headers, body = parts(await sent(emulator))
    assert int(headers["Content-Length"]) > 0
    assert body == b""
    assert await names(emulator) == ["n"]


async def test_a_truncated_body(emulator: Emulator) -> None:
    emulator.faults.add(Fault("truncate"))
    headers, body = parts(await sent(emulator))
    assert len(body) == int(headers["Content-Length"]) // 2 > 0
    assert await names(emulator) == ["n"]


async def test_a_wrong_length(emulator: Emulator) -> None:
    emulator.faults.add(Fault("wrong_length"))
    headers, body = parts(await sent(emulator))
    assert int(headers["Content-Length"]) == len(body) // 2 > 0
    assert json.loads(body)["cleartext"]


async def test_json_that_is_none(emulator: Emulator) -> None:
    emulator.faults.add(Fault("invalid_json"))
    reader, writer = await connected(emulator)
    for count in (1, 2):
        writer.write(request(emulator))
        head, body = await one_answer(reader)
        assert b"application/json" in head
        with pytest.raises(json.JSONDecodeError):
            json.loads(body)
        assert json.loads(body + b"}")["cleartext"]
        assert await names(emulator) == ["n"] * count
    writer.close()


async def test_a_wrong_content_type(emulator: Emulator) -> None:
    emulator.faults.add(Fault("wrong_content_type"))
    reader, writer = await connected(emulator)
    writer.write(request(emulator))
    head, body = await one_answer(reader)
    writer.close()
    assert b"Content-Type: text/html" in head
    assert json.loads(body)["cleartext"]
