"""Requests over bare sockets, and faults that are quick."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

from descope_async.emulator import Emulator, Fault

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]

#: Long enough that no test waits for it.
FOREVER = 600.0
#: A request for which there is nothing, whose answer ends the connection.
NOTHING = b"GET /nothing HTTP/1.0\r\nHost: localhost\r\n\r\n"


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
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0.01)


def quick(effect: Any, **arguments: Any) -> Fault:
    """A fault that takes no time and no space."""
    if effect in {"stall", "stall_body", "delay", "drip", "outage"}:
        arguments = {"seconds": 0, **arguments}
    if effect in {"huge_body", "compression_bomb"}:
        arguments = {"size": 9, **arguments}
    return Fault(effect, **arguments)
