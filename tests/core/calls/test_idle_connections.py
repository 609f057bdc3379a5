"""Connections that were closed while nobody used them."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from tests.core.calls.badly_served import CREATED, KEY, client_of, paths, status
from tests.servers import Servers


def keeps_open(answer: bytes, times: int) -> Any:
    """Answer so often on one connection, then read one more request and close."""

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for number in range(times):
            if number:
                await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(answer) + answer)
            await writer.drain()
        await reader.readuntil(b"\r\n\r\n")

    return behave


@pytest.mark.parametrize("attempts", [1, 3])
async def test_a_connection_that_was_closed_while_idle_is_not_noticed(
    servers: type[Servers], attempts: int
) -> None:
    answer = json.dumps({"key": KEY, "keys": []}).encode()
    behaviour = keeps_open(answer, 1)
    async with client_of(servers, lambda _: behaviour, retries={"attempts": attempts}) as found:
        client, server, clock = found
        keys = client.mgmt.access_key
        for _ in range(5):
            await keys.load("AK1")
            # A POST, which aiohttp does not repeat. The first finds a dead connection.
            await keys.search_all_access_keys()
        assert clock.slept == []
        assert len(server.received) >= 6


async def test_a_stale_connection_is_replaced_by_one_that_cannot_be(servers: type[Servers]) -> None:
    async with client_of(
        servers, lambda _: keeps_open(json.dumps({"keys": []}).encode(), 1), status("404 None")
    ) as (client, server, clock):
        keys = client.mgmt.access_key
        await keys.search_all_access_keys()
        # Over the same connection, which is closed when the request has been read: it may have
        # been carried out before that, so what is not there has been deleted.
        await keys.delete("AK1")
        assert clock.slept == []
        assert paths(server) == ["search", "delete"]


async def test_create_and_rotate_have_a_connection_of_their_own(servers: type[Servers]) -> None:
    answer = json.dumps({**CREATED, "keys": []}).encode()
    async with client_of(servers, lambda _: keeps_open(answer, 9)) as (client, server, _):
        keys = client.mgmt.access_key
        for call in (keys.search_all_access_keys, lambda: keys.create("n")) * 3:
            await call()
        await keys.rotate("AK1")
        # Only what begins a connection is noted: the searches share theirs.
        assert paths(server) == ["search", *["create"] * 3, "rotate"]
