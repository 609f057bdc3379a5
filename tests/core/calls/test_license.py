"""The project's rate-limit tier: which calls tell it to the service, and which wait for it."""

from __future__ import annotations

import asyncio
import json
import time

import pytest

from descope_async import DescopeClient, ServerError
from tests.servers import RawServer, Servers

KEY = json.dumps({"key": {"id": "AK1", "name": "n"}}).encode()


def client_of(server: RawServer) -> DescopeClient:
    return DescopeClient("P1", "K1", base_url=server.base_url, retries={"attempts": 1})


def tiers(server: RawServer, path: bytes = b"/v1/mgmt/accesskey") -> list[str | None]:
    """What each request, in the order in which they came, said of the tier."""
    lines = [head.lower().split(b"\r\n") for head in server.received if b" " + path in head]
    found = [[each for each in head if each.startswith(b"x-descope-license:")] for head in lines]
    return [each[0].split(b": ")[1].decode() if each else None for each in found]


async def load(client: DescopeClient, calls: int = 1) -> None:
    await asyncio.gather(*(client.mgmt.access_key.load("AK1") for _ in range(calls)))


async def test_it_is_asked_for_once(servers: type[Servers]) -> None:
    asked: list[int] = []

    async def licensed(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(1)
        await servers.licensed(reader, writer)

    async with (
        servers.running(servers.answer("200 OK", KEY), license=licensed) as server,
        client_of(server) as client,
    ):
        while not tiers(server) or tiers(server)[-1] is None:
            await load(client)
        await load(client, 20)
        assert tiers(server)[-20:] == ["tier1"] * 20
        assert tiers(server)[0] is None
        assert len(asked) == 1


@pytest.fixture
def long_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """A burst waits for the tier as long as a busy machine needs, and longer than a call takes."""
    monkeypatch.setattr("descope_async._calls.license._BURST_WAITS", 20)  # no setting says it


@pytest.mark.usefixtures("long_waits")
async def test_it_reaches_a_burst(servers: type[Servers]) -> None:
    async with (
        servers.running(servers.answer("200 OK", KEY), license=servers.licensed) as server,
        client_of(server) as client,
    ):
        await load(client, 50)
    assert sorted(map(str, tiers(server))) == ["None", *["tier1"] * 49]


async def test_a_burst_does_not_wait_long(servers: type[Servers]) -> None:
    async with (
        servers.running(servers.answer("200 OK", KEY), license=servers.silence) as server,
        client_of(server) as client,
    ):
        began = time.monotonic()
        await load(client, 20)
        took = time.monotonic() - began
    assert tiers(server) == [None] * 20
    assert 0.14 <= took < 4  # seconds; the service is silent for 5


@pytest.mark.usefixtures("long_waits")
async def test_a_call_by_itself_does_not_wait(servers: type[Servers]) -> None:
    """Nor do others after it."""
    took: list[float] = []
    async with (
        servers.running(servers.answer("200 OK", KEY), license=servers.silence) as server,
        client_of(server) as client,
    ):
        for _ in range(10):
            began = time.monotonic()
            await load(client)
            took.append(time.monotonic() - began)
    assert max(took) < 4  # the service is silent for 5 seconds
    assert tiers(server) == [None] * 10


@pytest.mark.usefixtures("long_waits")
async def test_an_exchange_does_not_wait(servers: type[Servers]) -> None:
    async with (
        servers.running(servers.answer("500 Oops", b""), license=servers.silence) as server,
        client_of(server) as client,
    ):
        calls = asyncio.create_task(load(client, 5))
        took: list[float] = []
        for _ in range(10):
            began = time.monotonic()
            with pytest.raises(ServerError):
                await client.exchange_access_key("K1")
            took.append(time.monotonic() - began)
        with pytest.raises(ServerError):
            await calls
    assert max(took) < 4
    assert tiers(server, b"/v1/auth") == [None] * 10


async def test_a_failed_question_is_not_repeated_at_once(servers: type[Servers]) -> None:
    async with (
        servers.running(servers.answer("500 Oops")) as server,
        client_of(server) as client,
    ):
        for calls in (1, 5, 5):
            with pytest.raises(ServerError):
                await load(client, calls)
        await asyncio.sleep(0.05)
        assert sum(b"/v1/mgmt/license" in head for head in server.received) == 1


async def test_closing_the_client_ends_the_question(servers: type[Servers]) -> None:
    async with servers.running(servers.answer("200 OK", KEY), license=servers.silence) as server:
        async with client_of(server) as client:
            await load(client)
        others = asyncio.all_tasks() - {asyncio.current_task()}
        assert not [task for task in others if "_Run" in repr(task)]
