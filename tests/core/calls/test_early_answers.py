"""What a server says before it is asked is never an answer, over a new connection too.

The loop of the client lets the server go first here: it goes on when the server has done all that
it can. So what a server sends at once has arrived when the client is about to send its request.
"""

from __future__ import annotations

import asyncio
import json
import select
import socket
import ssl
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import trustme
from attrs import define, field

import descope_sync
from descope_async import ConnectionFailed, DescopeClient
from descope_async.events import Event

KEY = json.dumps({"key": {"id": "AK1", "name": "n"}, "cleartext": "s3cret"}).encode()
STALE = KEY.replace(b"AK1", b"STALE")


def answer(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


@define(eq=False)
class Connection:
    """A connection as the server has it.

    Attributes:
        socket: It.
        is_hasty: Whether the server says something over it at once.
        is_made: Whether its handshake is over, if it has one.
        unanswered: What came since the last answer.
    """

    socket: socket.socket
    is_hasty: bool
    is_made: bool = False
    unanswered: bytes = b""


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
    _connections: list[Connection] = field(factory=list[Connection])
    _moved: threading.Condition = field(factory=threading.Condition)
    _is_over: bool = False

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
        thread = threading.Thread(target=self._run, args=(context,), daemon=True)
        thread.start()
        with self.listener:
            yield self
            self.settle()
            with self._moved:
                self._is_over = True
            socket.create_connection(self.listener.getsockname()).close()  # wakes the thread
            thread.join(20)
        for each in self._connections:
            each.socket.close()

    def settle(self) -> None:
        """Wait until the server has nothing more to do before something else reaches it."""
        with self._moved:
            assert self._moved.wait_for(lambda: self._is_over or not self._waiting(0), 20)

    def _waiting(self, within: float | None) -> list[socket.socket]:
        sockets = [self.listener, *(each.socket for each in self._connections)]
        return select.select(sockets, [], [], within)[0]

    def _run(self, context: ssl.SSLContext) -> None:
        while True:
            self._waiting(None)
            with self._moved:
                if self._is_over:
                    return
                waiting = self._waiting(0)
                for each in [each for each in self._connections if each.socket in waiting]:
                    self._go_on(each)
                if self.listener in waiting:
                    self._accept(context)
                self._moved.notify_all()

    def _accept(self, context: ssl.SSLContext) -> None:
        plain, _ = self.listener.accept()
        # Else it waits with what follows the handshake until that is acknowledged.
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        plain.setblocking(False)
        if self.version is not None:
            plain = context.wrap_socket(plain, server_side=True, do_handshake_on_connect=False)
        connection = Connection(plain, self.hurried < self.times)
        self.hurried += connection.is_hasty
        self._connections.append(connection)
        self._go_on(connection)

    def _go_on(self, connection: Connection) -> None:
        """Do all that can be done over it before more comes."""
        try:
            if not connection.is_made:
                if isinstance(connection.socket, ssl.SSLSocket):
                    connection.socket.do_handshake()
                connection.is_made = True
                if connection.is_hasty:
                    connection.socket.sendall(self._said())
            while came := connection.socket.recv(65536):
                self._take(connection, came)
        except (BlockingIOError, ssl.SSLWantReadError):
            return
        except OSError:
            pass
        self._connections.remove(connection)
        connection.socket.close()

    def _said(self) -> bytes:
        if self.said is None:
            raise ConnectionAbortedError
        return self.said

    def _take(self, connection: Connection, came: bytes) -> None:
        if connection.is_hasty:
            self.read += came
            return
        connection.unanswered += came
        while b"\r\n\r\n" in connection.unanswered:
            _, _, connection.unanswered = connection.unanswered.partition(b"\r\n\r\n")
            connection.socket.sendall(answer(KEY))


@contextmanager
def patient_loop(server: HastyServer) -> Iterator[Callable[[Event], None]]:
    """A hook that makes each turn of the client's loop wait for the server."""
    loops = set[asyncio.AbstractEventLoop]()
    is_over = threading.Event()

    def turn(loop: asyncio.AbstractEventLoop) -> None:
        if not is_over.is_set():
            server.settle()
            loop.call_soon(turn, loop)

    def let_it_go_first(_: Event) -> None:
        loop = asyncio.get_running_loop()
        if loop not in loops:
            loops.add(loop)
            loop.call_soon(turn, loop)

    try:
        yield let_it_go_first
    finally:
        is_over.set()


Call = Callable[[HastyServer, str], Awaitable[Any]]


async def awaited(server: HastyServer, method: str) -> Any:
    with patient_loop(server) as hook:
        async with DescopeClient(
            "P1", "K1", base_url=server.base_url, ssl=server.trust, hooks=[hook]
        ) as client:
            return await getattr(client.mgmt.access_key, method)("AK1")


async def blocking(server: HastyServer, method: str) -> Any:
    def call() -> Any:
        with (
            patient_loop(server) as hook,
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
