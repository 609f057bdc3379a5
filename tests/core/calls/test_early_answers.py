"""What a server says before it is asked is never an answer, over a new connection too.

The loop of the client is slow here. So what a server sends at once has arrived when the client is
about to send its request.
"""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

import pytest
import trustme
from attrs import define, field

import descope_sync
from descope_async import ConnectionFailed, DescopeClient
from descope_async.events import Event

KEY = json.dumps({"key": {"id": "AK1", "name": "n"}, "cleartext": "s3cret"}).encode()
STALE = KEY.replace(b"AK1", b"STALE")
#: Seconds that each turn of a slow loop takes.
_SLOW = 0.05


def answer(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


@define
class HastyServer:
    """A server that does not wait for requests.

    Attributes:
        said: What it sends over a connection at once; it closes the connection instead for None.
        times: Over how many connections it does that. It serves the others.
        version: The version of TLS; None for no TLS.
        authority: Who vouches for it.
        hurried: Over how many it has.
        read: What came over these connections.
        listener: Where it listens.
    """

    said: bytes | None
    times: int
    version: ssl.TLSVersion | None = None
    authority: trustme.CA = field(factory=trustme.CA)
    hurried: int = 0
    read: bytes = b""
    listener: socket.socket = field(factory=lambda: socket.create_server(("127.0.0.1", 0)))

    @property
    def base_url(self) -> str:
        scheme = "http" if self.version is None else "https"
        return f"{scheme}://127.0.0.1:{self.listener.getsockname()[1]}"

    @property
    def trust(self) -> ssl.SSLContext:
        context = ssl.create_default_context()
        self.authority.configure_trust(context)
        return context

    @contextmanager
    def running(self) -> Iterator[HastyServer]:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.authority.issue_cert("127.0.0.1").configure_cert(context)
        if self.version is not None:
            context.minimum_version = context.maximum_version = self.version
        with self.listener:
            threading.Thread(target=self._accept, args=(context,), daemon=True).start()
            yield self
            with suppress(OSError):
                self.listener.shutdown(socket.SHUT_RDWR)  # wakes the thread

    def _accept(self, context: ssl.SSLContext) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                connection.settimeout(20)
                # Else it waits with what follows the handshake until that is acknowledged.
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                is_hasty = self.hurried < self.times
                self.hurried += is_hasty
                serve = self._hurry if is_hasty else self._serve
                threading.Thread(
                    target=self._talk, args=(connection, context, serve), daemon=True
                ).start()

    def _talk(
        self, connection: socket.socket, context: ssl.SSLContext, serve: Callable[..., None]
    ) -> None:
        with suppress(OSError), ExitStack() as life:
            life.enter_context(connection)
            if self.version is not None:
                connection = life.enter_context(context.wrap_socket(connection, server_side=True))
            serve(connection)

    def _hurry(self, connection: socket.socket) -> None:
        if self.said is not None:
            connection.sendall(self.said)
            self.read += connection.recv(65536)

    def _serve(self, connection: socket.socket) -> None:
        while b"\r\n\r\n" in connection.recv(65536):
            connection.sendall(answer(KEY))


@contextmanager
def slow_loop() -> Iterator[Callable[[Event], None]]:
    """A hook that makes each turn of the client's loop take a while."""
    slowed = set[asyncio.AbstractEventLoop]()
    is_over = threading.Event()

    def turn(loop: asyncio.AbstractEventLoop) -> None:
        time.sleep(_SLOW)
        if not is_over.is_set():
            loop.call_soon(turn, loop)

    def slow_down(_: Event) -> None:
        loop = asyncio.get_running_loop()
        if loop not in slowed:
            slowed.add(loop)
            loop.call_soon(turn, loop)

    try:
        yield slow_down
    finally:
        is_over.set()


Call = Callable[[HastyServer, str], Awaitable[Any]]


async def awaited(server: HastyServer, method: str) -> Any:
    with slow_loop() as hook:
        async with DescopeClient(
            "P1", "K1", base_url=server.base_url, ssl=server.trust, hooks=[hook]
        ) as client:
            return await getattr(client.mgmt.access_key, method)("AK1")


async def blocking(server: HastyServer, method: str) -> Any:
    def call() -> Any:
        with (
            slow_loop() as hook,
            descope_sync.DescopeClient(
                "P1", "K1", base_url=server.base_url, ssl=server.trust, hooks=[hook]
            ) as client,
        ):
            return getattr(client.mgmt.access_key, method)("AK1")

    return await asyncio.to_thread(call)


VERSIONS = pytest.mark.parametrize(
    "version", [None, ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["plain", "1.2", "1.3"]
)
CALLS = pytest.mark.parametrize("call", [awaited, blocking])
METHODS = pytest.mark.parametrize("method", ["load", "create"])


@VERSIONS
@CALLS
@METHODS
async def test_another_connection_is_made(
    version: ssl.TLSVersion | None, call: Call, method: str
) -> None:
    # The first call asks for the license beside it, over a connection of its own.
    with HastyServer(answer(STALE), 2, version).running() as server:
        found = await call(server, method)
    assert (found if method == "load" else found.key).id == "AK1"
    assert server.hurried == 2
    assert server.read == b""


@CALLS
@METHODS
async def test_a_connection_that_is_closed_at_once_proves_that_nothing_was_done(
    call: Call, method: str
) -> None:
    with HastyServer(None, 2).running() as server:
        found = await call(server, method)
    assert (found if method == "load" else found.key).id == "AK1"
    assert server.hurried == 2


@VERSIONS
@CALLS
@METHODS
async def test_a_server_that_is_always_hasty_is_not_asked(
    version: ssl.TLSVersion | None, call: Call, method: str
) -> None:
    with (
        HastyServer(answer(STALE), 99, version).running() as server,
        pytest.raises(ConnectionFailed, match="before it is asked") as caught,
    ):
        await call(server, method)
    assert not caught.value.may_be_done
    assert caught.value.attempts == 3
    assert server.read == b""


@CALLS
@METHODS
async def test_what_tls_sends_by_itself_is_no_haste(call: Call, method: str) -> None:
    """Session tickets of TLS 1.3 come before the request, too."""
    with HastyServer(None, 0, ssl.TLSVersion.TLSv1_3).running() as server:
        found = await call(server, method)
    assert (found if method == "load" else found.key).id == "AK1"
