"""What each fault puts on the wire, and whether the request was carried out."""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from email.utils import parsedate_to_datetime
from typing import Any, get_args

import aiohttp
import pytest

from descope_async.emulator import Emulator, EmulatorError, Fault
from descope_async.emulator._faults.fault import Effect

Answer = tuple[int, dict[str, Any]]
Ask = Callable[..., Awaitable[Answer]]
Do = Callable[..., Awaitable[dict[str, Any]]]
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]

#: Long enough that no test waits for it.
FOREVER = 600.0
#: A request for which there is nothing, whose answer ends the connection.
NOTHING = b"GET /nothing HTTP/1.0\r\nHost: localhost\r\n\r\n"
#: Effects after which the connection is of no more use, by what is on the wire before its end.
SILENT = {"close": b"", "garbage": b"this is not HTTP\r\n\r\n", "stall": b""}
#: Effects of which the answer is not the true one.
INSTEAD = ["close", "garbage", "outage", "rate_limit", "redirect", "reset", "stall", "status"]


def request(emulator: Emulator, path: str = "accesskey/create", body: Any = None) -> bytes:
    text = json.dumps({"name": "n"} if body is None else body)
    credentials = f"{emulator.project_id}:{emulator.management_key}"
    return (
        f"POST /v1/mgmt/{path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {credentials}"
        f"\r\nContent-Length: {len(text)}\r\n\r\n{text}"
    ).encode()


async def connected(emulator: Emulator) -> Streams:
    return await asyncio.open_connection("127.0.0.1", int(emulator.base_url.rpartition(":")[2]))


async def sent(emulator: Emulator, said: bytes | None = None) -> bytes:
    """What the emulator sends on a new connection until it closes it."""
    reader, writer = await connected(emulator)
    try:
        writer.write(request(emulator) if said is None else said)
        return await reader.read()
    finally:
        writer.close()


async def one_answer(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """Head and body of an answer on a connection that stays open."""
    head = await reader.readuntil(b"\r\n\r\n")
    (length,) = (
        int(line.partition(b":")[2])
        for line in head.split(b"\r\n")
        if line.lower().startswith(b"content-length:")
    )
    return head, await reader.readexactly(length)


async def names(emulator: Emulator) -> list[str]:
    return [key["name"] for key in (await emulator.snapshot())["accessKeys"]]


def strikes(emulator: Emulator) -> list[int]:
    return [each.struck for each in emulator.faults]


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0.01)


def quick(effect: Any, **arguments: Any) -> Fault:
    """A fault that takes no time and no space."""
    if effect in {"stall", "stall_body", "delay", "drip", "outage"}:
        arguments = {"seconds": 0, **arguments}
    if effect in {"huge_body", "compression_bomb"}:
        arguments = {"size": 9, **arguments}
    return Fault(effect, **arguments)


@pytest.mark.parametrize("commit", [False, True])
@pytest.mark.parametrize("effect", INSTEAD)
async def test_whether_the_request_is_carried_out(
    emulator: Emulator, http: aiohttp.ClientSession, effect: str, commit: bool
) -> None:
    emulator.faults.add(quick(effect, commit=commit))
    credentials = f"{emulator.project_id}:{emulator.management_key}"
    try:
        async with http.post(
            "/v1/mgmt/accesskey/create",
            json={"name": "n"},
            headers={"Authorization": f"Bearer {credentials}"},
            allow_redirects=False,
        ) as response:
            assert "cleartext" not in await response.text()
            answered = response.status != 200
    except aiohttp.ClientError:
        answered = False
    assert answered == (effect in {"rate_limit", "redirect", "status"})
    assert await names(emulator) == ["n"] * commit
    assert strikes(emulator) == [1]


@pytest.mark.parametrize("effect", SILENT)
async def test_nothing_but_the_end(emulator: Emulator, effect: str) -> None:
    emulator.faults.add(quick(effect))
    assert await sent(emulator) == SILENT[effect]


async def test_a_reset_is_one(emulator: Emulator) -> None:
    emulator.faults.add(Fault("reset"))
    with pytest.raises(ConnectionResetError):
        await sent(emulator)


@pytest.mark.parametrize("effect", SILENT)
async def test_at_connect_nothing_is_read(emulator: Emulator, effect: str) -> None:
    emulator.faults.add(quick(effect, operation="connect", times=1))
    reader, writer = await connected(emulator)
    assert await reader.read() == SILENT[effect]
    writer.write(request(emulator))
    writer.close()
    await asyncio.gather(writer.wait_closed(), return_exceptions=True)
    assert await names(emulator) == []
    assert emulator.requests.count() == 0
    assert strikes(emulator) == [1]


async def test_a_request_after_a_close_at_connect_resets_nothing(emulator: Emulator) -> None:
    emulator.faults.add(Fault("close", "connect"))
    assert await sent(emulator) == b""
    assert emulator.requests.count() == 0


async def test_a_reset_at_connect(emulator: Emulator) -> None:
    emulator.faults.add(Fault("reset", "connect", times=1))
    with pytest.raises(ConnectionResetError):  # while it connects, or as it reads
        await sent(emulator, b"")
    assert (await sent(emulator, NOTHING)).startswith(b"HTTP/1.0 404")


async def test_a_stall_at_connect_lasts(emulator: Emulator) -> None:
    emulator.faults.add(Fault("stall", "connect", seconds=FOREVER, times=1))
    reader, writer = await connected(emulator)
    writer.write(request(emulator))
    # What comes later on another connection is answered first.
    assert b"cleartext" in await sent(emulator, request(emulator).replace(b"1.1", b"1.0", 1))
    assert await names(emulator) == ["n"]
    assert not reader.at_eof()
    writer.close()


async def test_a_stale_connection_is_closed_as_the_next_request_comes(emulator: Emulator) -> None:
    emulator.faults.add(Fault("close", reused=True))
    reader, writer = await connected(emulator)
    writer.write(request(emulator))
    head, _ = await one_answer(reader)
    assert head.startswith(b"HTTP/1.1 200")
    writer.write(request(emulator))
    assert await reader.read() == b""
    writer.close()
    assert await names(emulator) == ["n"]
    assert [(each.seen, each.struck) for each in emulator.faults] == [(1, 1)]


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


@pytest.mark.parametrize("effect", get_args(Effect))
async def test_a_refused_request_is_struck_too(emulator: Emulator, effect: Any) -> None:
    emulator.faults.add(quick(effect))
    said = b"POST /v1/mgmt/accesskey/create HTTP/1.1\r\nConnection: close\r\n"
    try:
        await sent(emulator, said + b"Host: localhost\r\nContent-Length: 1\r\n\r\n{")
    except ConnectionResetError:
        assert effect in {"reset", "outage"}
    assert await names(emulator) == []
    assert strikes(emulator) == [1]


async def test_a_body_that_is_not_sent_is_not_waited_for(emulator: Emulator) -> None:
    emulator.faults.add(Fault("close"))
    said = request(emulator).partition(b"\r\n\r\n")[0] + b"\r\nExpect: 100-continue\r\n\r\n"
    assert await sent(emulator, said) == b""


async def test_an_outage_refuses_new_connections(emulator: Emulator) -> None:
    emulator.faults.add(Fault("outage", "access_key.create", seconds=FOREVER, commit=True))
    idle, other = await connected(emulator)
    assert await sent(emulator) == b""
    assert await idle.read() == b""
    other.close()
    with pytest.raises(ConnectionRefusedError):
        await connected(emulator)
    assert await names(emulator) == ["n"]


async def test_an_outage_ends(emulator: Emulator) -> None:
    emulator.faults.add(Fault("outage", "access_key.create", seconds=0.05, times=2))
    for _ in range(2):
        assert await sent(emulator) == b""
        async with asyncio.timeout(20):
            while True:
                try:
                    answer = await sent(emulator, NOTHING)
                except ConnectionRefusedError:
                    await asyncio.sleep(0.01)
                else:
                    break
        assert answer.startswith(b"HTTP/1.0 404")
    assert strikes(emulator) == [2]


async def test_an_outage_at_connect(emulator: Emulator) -> None:
    emulator.faults.add(Fault("outage", "connect", seconds=FOREVER))
    reader, writer = await connected(emulator)
    assert await reader.read() == b""
    writer.close()
    with pytest.raises(ConnectionRefusedError):
        await connected(emulator)


async def test_refused_connections(emulator: Emulator) -> None:
    for _ in range(2):
        idle, other = await connected(emulator)
        other.write(request(emulator))
        await one_answer(idle)
        async with emulator.refusing_connections():
            assert await idle.read() == b""
            with pytest.raises(ConnectionRefusedError):
                await connected(emulator)
            with pytest.raises(EmulatorError, match="refused already"):
                async with emulator.refusing_connections():
                    raise AssertionError
        other.close()
        assert await sent(emulator, NOTHING)
    assert await names(emulator) == ["n", "n"]


async def test_connections_are_not_refused_twice(emulator: Emulator) -> None:
    emulator.faults.add(Fault("outage", seconds=FOREVER))
    await sent(emulator, NOTHING)
    with pytest.raises(EmulatorError, match="refused already"):
        async with emulator.refusing_connections():
            raise AssertionError


async def test_refusing_needs_an_emulator_that_runs() -> None:
    emulator = Emulator()
    with pytest.raises(EmulatorError, match="start it first"):
        async with emulator.refusing_connections():
            raise AssertionError


async def test_the_port_is_free_after_an_end_while_connections_are_refused(
    unused_port: int,
) -> None:
    for _ in range(2):
        async with Emulator(port=unused_port) as emulator:
            refusing = emulator.refusing_connections()
            await refusing.__aenter__()
            await emulator.aclose()
            await refusing.__aexit__(None, None, None)
            with pytest.raises(ConnectionRefusedError):
                await asyncio.open_connection("127.0.0.1", unused_port)


@pytest.mark.parametrize(
    "fault",
    [
        Fault("stall", seconds=FOREVER),
        Fault("stall", "connect", seconds=FOREVER),
        Fault("stall", seconds=FOREVER, commit=True),
        Fault("stall_body", seconds=FOREVER),
        Fault("drip", seconds=FOREVER),
        Fault("delay", seconds=FOREVER),
        Fault("outage", seconds=FOREVER),
    ],
)
async def test_the_end_waits_for_no_fault(fault: Fault) -> None:
    emulator = Emulator()
    await emulator.start()
    emulator.faults.add(fault)
    reader, writer = await connected(emulator)
    writer.write(request(emulator))
    await until(lambda: strikes(emulator) == [1])
    async with asyncio.timeout(20):
        await emulator.aclose()
        with suppress(ConnectionResetError):  # where the request was not read yet
            await reader.read()
    writer.close()


async def test_a_client_that_goes_away_ends_a_stall(emulator: Emulator) -> None:
    emulator.faults.add(Fault("stall", seconds=FOREVER))
    before = asyncio.all_tasks()
    _, writer = await connected(emulator)
    writer.write(request(emulator))
    await until(lambda: strikes(emulator) == [1])
    writer.close()
    await until(lambda: asyncio.all_tasks() == before)


async def test_the_request_log_knows_what_was_not_answered(emulator: Emulator) -> None:
    for nth, fault in enumerate(
        [
            Fault("close", nth=1, commit=True),
            Fault("status", nth=2, status=522, commit=True),
            Fault("drip", nth=3, seconds=0),
        ],
        1,
    ):
        assert fault.nth == nth
        emulator.faults.add(fault)
    for _ in range(3):
        await sent(emulator, request(emulator).replace(b"Host:", b"Connection: close\r\nHost:"))
    found = [(each.operation, each.status) for each in emulator.requests]
    assert found == [("access_key.create", status) for status in (None, 522, 200)]


async def test_a_fault_leaks_no_secret_into_logs(
    emulator: Emulator, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    secrets = [emulator.management_key]
    for effect in get_args(Effect):
        emulator.faults.clear()
        emulator.faults.add(quick(effect))
        try:
            answer = await sent(
                emulator, request(emulator).replace(b"Host:", b"Connection: close\r\nHost:")
            )
        except ConnectionError:
            continue
        if effect == "delay":
            secrets.append(json.loads(answer.partition(b"\r\n\r\n")[2])["cleartext"])
    assert len(secrets) == 2
    assert "fault: delay" in caplog.text
    for secret in secrets:
        assert secret not in caplog.text + repr(emulator.faults) + repr(list(emulator.faults))
