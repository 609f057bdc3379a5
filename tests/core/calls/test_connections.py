"""Connections to the service: to whom, for how long, and whose answers they bring."""

from __future__ import annotations

import asyncio
import gc
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from descope_async import (
    ConnectionFailed,
    CreatedAccessKey,
    DeadlineExceeded,
    DescopeClient,
    DescopeError,
    OutcomeUnknown,
    TLSFailed,
    UnexpectedResponse,
)
from tests.servers import Servers
from tests.tracebacks import shown

KEY = {"id": "AK1", "name": "n", "status": "active"}
SECRET = "canaryOfTheManagementKey"
ANSWER = json.dumps({"key": KEY, "cleartext": "the secret"}).encode()
STALE = json.dumps({"key": {"id": "STALE"}, "cleartext": "of somebody else"}).encode()


def http(body: bytes, status: str = "200 OK", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


@contextmanager
def names_lead_to(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> Iterator[None]:
    """Let every name lead to these addresses."""
    resolve = socket.getaddrinfo

    def found(host: str, port: int, *arguments: Any, **named: Any) -> Any:
        if host.endswith("localhost"):
            return [each for to in addresses for each in resolve(to, port, *arguments, **named)]
        return resolve(host, port, *arguments, **named)

    monkeypatch.setattr(socket, "getaddrinfo", found)
    yield
    monkeypatch.undo()


async def test_without_tls_nothing_but_this_machine_is_connected_to(
    servers: type[Servers], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name is one of this machine, and the resolver says otherwise."""
    async with servers.running(servers.raw(http(ANSWER))) as server:
        url = server.base_url.replace("127.0.0.1", "descope.localhost")
        with names_lead_to(monkeypatch, "192.0.2.2"):
            async with DescopeClient("P1", SECRET, base_url=url) as client:
                with pytest.raises(TLSFailed, match="leads to another machine") as caught:
                    await client.mgmt.access_key.load("AK1")
        assert not caught.value.may_be_done
        assert caught.value.attempts == 1
        assert "localhost with the port" in str(caught.value)
        with names_lead_to(monkeypatch, "192.0.2.2", "127.0.0.1"):
            async with DescopeClient("P1", SECRET, base_url=url) as client:
                assert (await client.mgmt.access_key.load("AK1")).id == "AK1"


@pytest.mark.parametrize("way", ["buffered by the client", "buffered by the system"])
async def test_what_came_before_a_request_is_not_its_answer(
    servers: type[Servers], way: str
) -> None:
    connections: list[asyncio.StreamWriter] = []

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(writer)
        while True:
            writer.write(http(ANSWER))
            await reader.readuntil(b"\r\n\r\n")

    async with (
        servers.running(behave, license=servers.licensed) as server,
        DescopeClient("P1", SECRET, base_url=server.base_url) as client,
    ):
        await client.mgmt.access_key.load("AK1")
        for extra in (http(STALE), http(b"", "408 Too late"), b"HTTP/1.1 2", b"\r\n"):
            before = len(connections)
            connections[-1].write(extra)
            if way == "buffered by the client":
                await asyncio.sleep(0.1)
            else:
                time.sleep(0.1)  # noqa: ASYNC251 - the loop must not turn
            assert (await client.mgmt.access_key.load("AK1")).id == "AK1"
            # The client's parser keeps less than an answer to itself, and nothing comes of that.
            is_noticed = way == "buffered by the system" or extra.endswith(b"}")
            assert len(connections) == before + 1 or not is_noticed


async def test_long_and_many_headers_pass(servers: type[Servers]) -> None:
    for headers in ([f"X-Policy: {'x' * 60_000}"], [f"X-{number}: x" for number in range(250)]):
        answer = servers.raw(http(ANSWER, "200 OK", *headers))
        async with (
            servers.running(answer, license=servers.licensed) as server,
            DescopeClient("P1", SECRET, base_url=server.base_url) as client,
        ):
            created = await client.mgmt.access_key.create("n")
            assert created.cleartext == "the secret"
            assert (await client.mgmt.access_key.load("AK1")).id == "AK1"


@pytest.mark.parametrize(
    ("headers", "limit"),
    [
        ([f"X-Policy: {'x' * 70_000}"], "longer than 65536 bytes"),
        ([f"X-{number}: x" for number in range(300)], "more than 256 headers"),
    ],
)
async def test_the_limit_of_the_headers_is_named(
    servers: type[Servers], headers: list[str], limit: str
) -> None:
    answer = servers.raw(http(ANSWER, "200 OK", *headers))
    async with (
        servers.running(answer, license=servers.licensed) as server,
        DescopeClient("P1", SECRET, base_url=server.base_url, retries={"attempts": 1}) as client,
    ):
        with pytest.raises(ConnectionFailed, match=limit):
            await client.mgmt.access_key.load("AK1")
        with pytest.raises(UnexpectedResponse, match=limit) as caught:
            await client.mgmt.access_key.create("n")
        assert caught.value.cleartext == "the secret"


async def test_a_secret_is_asked_for_without_coding(servers: type[Servers]) -> None:
    async with (
        servers.running(servers.raw(http(ANSWER)), license=servers.licensed) as server,
        DescopeClient("P1", SECRET, base_url=server.base_url) as client,
    ):
        await client.mgmt.access_key.create("n")
        await client.mgmt.access_key.rotate("AK1")
        await client.mgmt.access_key.load("AK1")
    heads = [each.lower() for each in server.received if b"HTTP/1.1" in each]
    assert [b"accept-encoding: identity\r\n" in each for each in heads] == [True, True, False]


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.fixture
def served(servers: type[Servers]) -> Iterator[str]:
    """The base URL of a server on another thread."""
    ready, ended = threading.Event(), threading.Event()
    found: list[str] = []

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(http(ANSWER))
            await reader.readuntil(b"\r\n\r\n")

    async def serve() -> None:
        async with servers.running(behave, license=behave) as server:
            found.append(server.base_url)
            ready.set()
            await asyncio.to_thread(ended.wait, 60)

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    ready.wait(30)
    yield found[0]
    ended.set()
    thread.join(30)


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="open files are counted on Linux")
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("is_one_client", [True, False])
@pytest.mark.parametrize("is_cut_off", [True, False])
def test_no_socket_outlives_its_loop(served: str, is_one_client: bool, is_cut_off: bool) -> None:
    """Old programs make a loop for each task, and close it without shutting it down."""
    shared = DescopeClient("P1", SECRET, base_url=served)
    clients: list[DescopeClient] = []

    def work(loop: asyncio.AbstractEventLoop) -> None:
        client = shared if is_one_client else DescopeClient("P1", SECRET, base_url=served)
        clients.append(client)
        loop.run_until_complete(client.mgmt.access_key.load("AK1"))
        if is_cut_off:
            under_way.append(loop.create_task(client.mgmt.access_key.load("AK1")))
            loop.run_until_complete(asyncio.sleep(0))

    under_way: list[asyncio.Task[Any]] = []
    counts: list[int] = []
    for _ in range(12):
        loop = asyncio.new_event_loop()
        work(loop)
        loop.close()
        counts.append(open_files())
        for task in under_way:
            task._log_destroy_pending = False  # type: ignore[attr-defined]  # noqa: SLF001 - as asyncio's own tools do
        under_way.clear()
    # The server needs a moment to close its half.
    deadline = time.monotonic() + 120
    while open_files() > counts[0] + 4 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert open_files() <= counts[0] + 4
    clients.clear()
    gc.collect()


def raising(error: BaseException) -> Callable[..., Any]:
    def fail(*_: Any, **__: Any) -> Any:
        raise error

    return fail


CALLS: dict[str, Callable[[DescopeClient], Coroutine[Any, Any, Any]]] = {
    "load": lambda client: client.mgmt.access_key.load("AK1"),
    "create": lambda client: client.mgmt.access_key.create("n"),
    "exchange": lambda client: client.exchange_access_key(ACCESS_KEY),
    "keys": lambda client: client.refresh_key_set(),
}
ACCESS_KEY = "canaryOfTheAccessKey"
ODD = [
    RuntimeError("Executor shutdown has been called"),
    UnicodeEncodeError("ascii", SECRET, 0, 1, "as before"),
    ValueError(SECRET),
    RecursionError(),
    MemoryError(),
    KeyError(SECRET),
    AssertionError(),
    BaseExceptionGroup("several", [ValueError(SECRET)]),
    asyncio.CancelledError(SECRET),  # by which nobody has cancelled anything
]


@pytest.mark.parametrize("odd", ODD, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("call", CALLS)
async def test_whatever_a_library_raises_is_an_error_of_the_tree(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    call: str,
    odd: BaseException,
) -> None:
    monkeypatch.setattr("descope_async._calls.connector.look_up", raising(odd))  # no server can
    async with DescopeClient(
        "P1", SECRET, base_url="https://descope.example", retries={"attempts": 1}
    ) as client:
        with pytest.raises(DescopeError) as caught:
            await CALLS[call](client)
        await asyncio.sleep(0.05)  # the license is asked for in the background
    gc.collect()
    error = caught.value
    assert "canary" not in shown(error, without=__file__)
    assert "canary" not in caplog.text
    assert error.__context__ is None or isinstance(error.__context__, DescopeError)
    if call != "keys":
        assert isinstance(error, ConnectionFailed)
        assert not error.may_be_done
        assert error.__cause__ is None


@pytest.mark.parametrize("odd", ODD, ids=lambda error: type(error).__name__)
async def test_what_may_have_been_sent_says_so(
    servers: type[Servers], monkeypatch: pytest.MonkeyPatch, odd: BaseException
) -> None:
    async def fail(*_: Any) -> Any:
        raise odd

    async with (
        servers.running(servers.raw(http(ANSWER)), license=servers.licensed) as server,
        DescopeClient("P1", SECRET, base_url=server.base_url, retries={"attempts": 1}) as client,
    ):
        await client.mgmt.access_key.load("AK1")
        monkeypatch.setattr("aiohttp.ClientResponse.start", fail)
        with pytest.raises(ConnectionFailed) as caught:
            await client.mgmt.access_key.load("AK1")
        with pytest.raises(OutcomeUnknown) as unknown:
            await client.mgmt.access_key.create("n")
        monkeypatch.undo()
    assert caught.value.may_be_done
    for error in (caught.value, unknown.value):
        assert "canary" not in shown(error, without=__file__)


@pytest.mark.parametrize("odd", [KeyboardInterrupt, SystemExit])
def test_an_interruption_inside_a_library_leaves_without_frames(
    served: str, monkeypatch: pytest.MonkeyPatch, odd: type[BaseException]
) -> None:
    async def fail(*_: Any) -> Any:
        raise odd

    async def load() -> None:
        async with DescopeClient("P1", SECRET, base_url=served) as client:
            await client.mgmt.access_key.load("AK1")
            monkeypatch.setattr("aiohttp.ClientResponse.start", fail)
            try:
                await client.mgmt.access_key.load("AK1")
            except odd as error:
                caught.append(error)
            monkeypatch.undo()

    caught: list[BaseException] = []
    with suppress(odd):
        asyncio.run(load())
    (error,) = caught
    assert "canary" not in shown(error, without=__file__)
    assert isinstance(error.__cause__, ConnectionFailed)
    assert error.__cause__.may_be_done


@pytest.mark.parametrize("limit", ["deadline", "secret", "read"])
def test_what_arrived_while_the_loop_stood_still_counts(servers: type[Servers], limit: str) -> None:
    ready, ended = threading.Event(), threading.Event()
    asked, stands_still = threading.Semaphore(0), threading.Event()
    urls: list[str] = []

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.release()
        await asyncio.to_thread(stands_still.wait, 60)
        writer.write(http(ANSWER))
        await writer.drain()
        await reader.read()

    async def serve() -> None:
        async with servers.running(behave, license=servers.licensed) as server:
            urls.append(server.base_url)
            ready.set()
            await asyncio.to_thread(ended.wait, 60)

    async def main() -> tuple[CreatedAccessKey, str]:
        async with DescopeClient(
            "P1", SECRET, base_url=urls[0], timeouts={limit: 2}, retries={"attempts": 1}
        ) as client:
            creating = asyncio.create_task(client.mgmt.access_key.create("n"))
            loading = asyncio.create_task(client.mgmt.access_key.load("AK1"))
            for _ in range(2):
                while not asked.acquire(blocking=False):  # noqa: ASYNC110 - of another thread
                    await asyncio.sleep(0.01)
            stands_still.set()
            time.sleep(4)  # noqa: ASYNC251 - that is what this is about
            return await creating, (await loading).id

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    ready.wait(30)
    try:
        created, loaded = asyncio.run(main())
    finally:
        ended.set()
        thread.join(30)
    assert (created.cleartext, loaded) == ("the secret", "AK1")


async def test_a_limit_grants_a_little_once(servers: type[Servers]) -> None:
    async with (
        servers.running(servers.silence, license=servers.licensed) as server,
        DescopeClient(
            "P1",
            SECRET,
            base_url=server.base_url,
            timeouts={"deadline": 0.5},
            retries={"attempts": 1},
        ) as client,
    ):
        loading = asyncio.create_task(client.mgmt.access_key.load("AK1"))
        await asyncio.sleep(0.1)
        for _ in range(3):
            time.sleep(0.7)  # noqa: ASYNC251 - that is what this is about
            await asyncio.sleep(0)
        with pytest.raises(DeadlineExceeded):
            async with asyncio.timeout(20):
                await loading


#: Makes its first call where no more files can be opened, and a second one where they can.
WITHOUT_FILES = """
import asyncio, resource, sys

from descope_async import DescopeClient, DescopeError

KEY = "K" * 30

async def entered(client):
    async with client:
        await client.mgmt.access_key.load("AK1")

CALLS = {
    "called": lambda client: client.mgmt.access_key.load("AK1"),
    "entered": entered,
    "exchanged": lambda client: client.exchange_access_key(KEY),
    "validated": lambda client: client.validate_session("a.b.c"),
    "renewed": lambda client: client.token_source(KEY).token(),
    "examined": lambda client: client.check_service(),
}

async def call():
    client = DescopeClient("P1", "K1mgmt", base_url=sys.argv[1], retries={"attempts": 1})
    try:
        print(await CALLS[sys.argv[2]](client))
    except DescopeError as error:
        print(type(error).__name__, error)
    finally:
        await client.aclose()

async def main():
    most, limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, limit))
    await call()
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, limit))
    await call()

asyncio.run(main())
"""


@pytest.mark.skipif(
    sys.platform != "linux", reason="Windows has no such limit, others were not tried"
)
@pytest.mark.parametrize(
    ("work", "failure", "then"),
    [
        (
            "called",
            "RequestFailed a module",
            "ConnectionFailed access_key.load",
        ),
        (
            "entered",
            "ConnectionFailed no connection can be made",
            "ConnectionFailed access_key.load",
        ),
        ("exchanged", "RequestFailed a module", "ConnectionFailed exchange_access_key"),
        ("validated", "RequestFailed a module", "TokenMalformed"),
        ("renewed", "RequestFailed a module", "ConnectionFailed exchange_access_key"),
        ("examined", "RequestFailed a module", "["),
    ],
)
def test_a_first_call_where_no_file_can_be_opened(
    unused_port: int, work: str, failure: str, then: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_FILES, f"http://127.0.0.1:{unused_port}", work],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.stderr == ""
    first, second = done.stdout.splitlines()
    assert first.startswith(failure)
    assert "[Errno 24] Too many open files" in first
    assert second.startswith(then)
