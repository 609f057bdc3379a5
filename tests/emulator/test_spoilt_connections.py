"""Connections that end, stall, or are not to be had."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import aiohttp
import pytest

from descope_async.emulator import Emulator, EmulatorError, Fault
from tests.emulator.sockets import (
    FOREVER,
    NOTHING,
    connected,
    names,
    one_answer,
    quick,
    request,
    sent,
    strikes,
    until,
)

#: Effects after which the connection is of no more use, by what is on the wire before its end.
SILENT = {"close": b"", "garbage": b"this is not HTTP\r\n\r\n", "stall": b""}
#: Effects of which the answer is not the true one.
INSTEAD = ["close", "garbage", "outage", "rate_limit", "redirect", "reset", "stall", "status"]


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
        async with asyncio.timeout(30):
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
    async with asyncio.timeout(30):
        await emulator.aclose()
        with suppress(ConnectionResetError):  # where the request was not read yet
            await reader.read()
    writer.close()
