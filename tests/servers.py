"""Servers that answer as told, down to the byte."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress

from attrs import define, field

Behaviour = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@define
class RawServer:
    """A TCP server on loopback.

    Attributes:
        base_url: Where it is.
        received: What each connection has sent, up to the end of the first request's headers.
    """

    base_url: str
    received: list[bytes] = field(factory=list[bytes])


@asynccontextmanager
async def raw_server(
    behaviour: Behaviour, *, port: int = 0, license: Behaviour | None = None
) -> AsyncIterator[RawServer]:
    """A server whose every connection, once a request has been read, does as told.

    Args:
        behaviour: What it does.
        port: Where it listens; 0 for anywhere.
        license: What it does when it is asked for the license, which then leaves no trace.
    """
    tasks: set[asyncio.Task[None]] = set()
    # Not asyncio's server: in Python 3.11 it fails over a connection that comes as it is closed.
    listener = socket.create_server(("127.0.0.1", port))
    listener.setblocking(False)
    server = RawServer(f"http://127.0.0.1:{listener.getsockname()[1]}")

    async def serve(connection: socket.socket) -> None:
        reader, writer = await asyncio.open_connection(sock=connection)
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            if license is not None and b" /v1/mgmt/license " in head:
                await license(reader, writer)
                return
            server.received.append(head)
            for line in head.lower().split(b"\r\n"):
                if line.startswith(b"content-length:"):
                    server.received.append(await reader.readexactly(int(line.split(b":")[1])))
            await behaviour(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def accept() -> None:
        with suppress(BlockingIOError):
            connection, _ = listener.accept()
            connection.setblocking(False)
            tasks.add(asyncio.ensure_future(serve(connection)))

    loop = asyncio.get_running_loop()
    loop.add_reader(listener, accept)
    try:
        yield server
    finally:
        loop.remove_reader(listener)
        listener.close()
        await asyncio.sleep(0)  # each task has begun now, and so will close its connection
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)  # in which transports close


@contextmanager
def threaded_server(serve: Callable[[socket.socket], None]) -> Iterator[int]:
    """A TCP server on loopback that needs no event loop, and its port.

    Args:
        serve: Is called with each connection, on a thread of its own, and need not close it. Where
            the client hangs up, it just ends.
    """
    threads: list[threading.Thread] = []

    def talk(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            connection.settimeout(60)
            serve(connection)

    def accept() -> None:
        with suppress(OSError):  # by which it learns of the end
            while True:
                connection, _ = listener.accept()
                threads.append(threading.Thread(target=talk, args=(connection,), daemon=True))
                threads[-1].start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        accepting = threading.Thread(target=accept, daemon=True)
        accepting.start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)  # wakes the thread, where closing would not
            for thread in (accepting, *threads):
                thread.join(30)


def answer(status: str, body: bytes = b"", *headers: str) -> Behaviour:
    """The behaviour of a server that sends this answer and closes."""

    async def behave(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        lines = [
            f"HTTP/1.1 {status}",
            f"Content-Length: {len(body)}",
            "Connection: close",
            *headers,
        ]
        writer.write("\r\n".join([*lines, "", ""]).encode() + body)
        await writer.drain()

    return behave


def raw(data: bytes) -> Behaviour:
    """The behaviour of a server that sends these bytes and closes."""

    async def behave(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        await writer.drain()

    return behave


async def silence(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    """The behaviour of a server that never answers."""
    await reader.read()


def in_turn(*behaviours: Behaviour) -> Behaviour:
    """The behaviour of a server that does these one after the other, and the last from then on."""
    left = list(behaviours)

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await (left.pop(0) if len(left) > 1 else left[0])(reader, writer)

    return behave


class Servers:
    """The servers above, as the fixture `servers` hands them out."""

    running = staticmethod(raw_server)
    answer = staticmethod(answer)
    raw = staticmethod(raw)
    silence = staticmethod(silence)
    in_turn = staticmethod(in_turn)
    licensed = staticmethod(answer("200 OK", json.dumps({"rateLimitTier": "tier1"}).encode()))
