"""A cancelled create or rotate: before it is sent it ends, afterwards its secret is handed over."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from queue import Queue
from typing import Any

import anyio
import pytest
from attrs import define, field

from descope_async import CreatedAccessKey, DescopeClient, OutcomeUnknown
from descope_async.errors import UnexpectedResponse
from tests.servers import Servers

SECRET = "canaryCleartext"
CREATED = json.dumps({"key": {"id": "AK1", "name": "n"}, "cleartext": SECRET}).encode()
MISSPELT = json.dumps({"key": 5, "cleartext": SECRET}).encode()
ANSWERS = {
    "done": b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(CREATED) + CREATED,
    "refused": b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n",
    "not processed": b"HTTP/1.1 521 Down\r\nContent-Length: 0\r\n\r\n",
    "fails": b"HTTP/1.1 502 Bad\r\nContent-Length: 0\r\n\r\n",
    "closes": b"",
    "misspelt": b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(MISSPELT) + MISSPELT,
}


@define
class Held:
    """A server that holds its answer back.

    Attributes:
        client: Its client.
        asked: Set when a request has been read.
        release: Set to let the answer go.
        under_way: What ends waits, kept so that it is not collected.
    """

    client: DescopeClient
    asked: asyncio.Event = field(factory=asyncio.Event)
    release: asyncio.Event = field(factory=asyncio.Event)
    under_way: list[asyncio.Task[None]] = field(factory=list[asyncio.Task[None]])

    async def create(self) -> CreatedAccessKey:
        return await self.client.mgmt.access_key.create("n")

    async def release_soon(self) -> None:
        await asyncio.sleep(0.1)
        self.release.set()


@asynccontextmanager
async def held(
    servers: type[Servers], answer: str = "done", **settings: Any
) -> AsyncIterator[Held]:
    async def behave(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        found.asked.set()
        await found.release.wait()
        writer.write(ANSWERS[answer])
        await writer.drain()

    async with servers.running(behave, license=servers.licensed) as server:
        client = DescopeClient("P1", "K1", base_url=server.base_url, **settings)
        found = Held(client)
        async with client:
            yield found


def check(error: BaseException) -> None:
    assert isinstance(error, OutcomeUnknown)
    assert error.is_interrupted
    assert isinstance(error.result, CreatedAccessKey)
    assert error.cleartext == SECRET
    assert error.operation == "access_key.create"
    assert SECRET not in repr(error) + str(error) + repr(vars(error))


async def by_cancel(held: Held) -> None:
    task = asyncio.create_task(held.create())
    await held.asked.wait()
    task.cancel()
    await held.release_soon()
    await task


async def by_cancel_again_and_again(held: Held) -> None:
    task = asyncio.create_task(held.create())
    await held.asked.wait()
    for _ in range(5):
        task.cancel()
        await asyncio.sleep(0.02)
        assert not task.done()
    held.release.set()
    await task


async def by_timeout(held: Held) -> None:
    async with asyncio.timeout(None) as limit:
        end_when_asked(held, lambda: limit.reschedule(asyncio.get_running_loop().time()))
        await held.create()


async def by_wait_for(held: Held) -> None:
    task = asyncio.create_task(held.create())
    await held.asked.wait()
    asyncio.get_running_loop().call_later(0.3, held.release.set)
    await asyncio.wait_for(task, 0.01)


def end_when_asked(held: Held, end: Callable[[], object]) -> None:
    """Let the wait end when the request has been read, and the answer go some time after that."""

    async def wait() -> None:
        await held.asked.wait()
        end()
        await held.release_soon()

    held.under_way.append(asyncio.create_task(wait()))


async def by_fail_after(held: Held) -> None:
    with anyio.fail_after(None) as scope:

        def end() -> None:
            scope.deadline = anyio.current_time()

        end_when_asked(held, end)
        await held.create()


async def by_move_on(held: Held) -> None:
    with anyio.CancelScope() as scope:
        # The scope of the caller only, so that the server goes on.
        try:
            with anyio.CancelScope() as own:
                end_when_asked(held, own.cancel)
                await held.create()
        except OutcomeUnknown:
            await asyncio.sleep(0)  # the scope's cancellation has ended with it
            raise
    assert not scope.cancelled_caught


async def by_sibling(held: Held) -> None:
    async def fail() -> None:
        await held.asked.wait()
        asyncio.get_running_loop().call_later(0.1, held.release.set)
        raise LookupError

    async with asyncio.TaskGroup() as group:
        group.create_task(held.create())
        group.create_task(fail())


async def by_anyio_sibling(held: Held) -> None:
    async def fail() -> None:
        await held.asked.wait()
        asyncio.get_running_loop().call_later(0.1, held.release.set)
        raise LookupError

    async with anyio.create_task_group() as group:
        group.start_soon(held.create)
        group.start_soon(fail)


WAYS: list[Callable[[Held], Awaitable[None]]] = [
    by_cancel,
    by_cancel_again_and_again,
    by_timeout,
    by_wait_for,
    by_fail_after,
    by_move_on,
    by_sibling,
    by_anyio_sibling,
]


@pytest.mark.parametrize("way", WAYS)
async def test_a_secret_that_arrives_is_handed_over(servers: type[Servers], way: Any) -> None:
    async with held(servers) as server:
        with pytest.raises((OutcomeUnknown, ExceptionGroup)) as caught:
            await asyncio.ensure_future(way(server))
        error: BaseException = caught.value
        if isinstance(error, ExceptionGroup):
            (error,) = (each for each in error.exceptions if isinstance(each, OutcomeUnknown))
        check(error)
        assert (await server.create()).cleartext == SECRET  # the client is still of use


async def test_a_scope_that_cancels_on_and_on_is_not_listened_to(
    servers: type[Servers], monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    wait = asyncio.wait

    async def counted(*arguments: Any, **named: Any) -> Any:
        waits.append(1)
        return await wait(*arguments, **named)

    monkeypatch.setattr(asyncio, "wait", counted)
    async with held(servers) as server:
        with pytest.raises(OutcomeUnknown):
            await by_fail_after(server)
    assert len(waits) < 10  # and not one for each turn of the loop


@pytest.mark.parametrize(
    ("answer", "becomes"),
    [
        ("refused", asyncio.CancelledError),
        ("not processed", asyncio.CancelledError),
        ("fails", OutcomeUnknown),
        ("closes", OutcomeUnknown),
        ("misspelt", UnexpectedResponse),
    ],
)
async def test_what_becomes_of_another_answer(
    servers: type[Servers], answer: str, becomes: type
) -> None:
    async with held(servers, answer) as server:
        with pytest.raises(becomes) as caught:
            await by_cancel(server)
    if isinstance(caught.value, OutcomeUnknown):
        assert caught.value.is_interrupted
        assert caught.value.result is None
    if isinstance(caught.value, UnexpectedResponse):
        assert caught.value.cleartext == SECRET


@pytest.mark.parametrize("limit", ["deadline", "secret"])
async def test_the_wait_for_the_answer_has_an_end(servers: type[Servers], limit: str) -> None:
    async with held(servers, timeouts={limit: 2}) as server:
        task = asyncio.create_task(server.create())
        await server.asked.wait()
        task.cancel()
        with pytest.raises(OutcomeUnknown) as caught:
            async with asyncio.timeout(30):
                await asyncio.shield(task)
    assert caught.value.is_interrupted
    assert caught.value.result is None


async def test_before_it_is_sent_it_ends_at_once() -> None:
    # A connection behind a full backlog is never made, so nothing is sent.
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        address = listener.getsockname()
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(address)
        await asyncio.sleep(0.1)
        async with DescopeClient("P1", "K1", base_url=f"http://127.0.0.1:{address[1]}") as client:
            task = asyncio.create_task(client.mgmt.access_key.create("n"))
            await asyncio.sleep(0.2)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                async with asyncio.timeout(30):
                    await task
        for filler in fillers:
            filler.close()


async def test_waiting_to_send_it_ends_at_once(servers: type[Servers]) -> None:
    limited = servers.answer("429 Slow", b"", "Retry-After: 30")
    async with (
        servers.running(limited, license=servers.licensed) as server,
        DescopeClient("P1", "K1", base_url=server.base_url) as client,
    ):
        task = asyncio.create_task(client.mgmt.access_key.create("n"))
        while not server.received:  # noqa: ASYNC110 - a list tells nobody
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            async with asyncio.timeout(30):
                await task


def test_a_loop_that_is_shut_down_waits_too(servers: type[Servers]) -> None:
    """Every task of the loop is cancelled then, also those that nobody else knows."""
    handed_over: list[str | None] = []
    asked, cancelled = threading.Event(), threading.Event()
    base_urls = Queue[str]()

    async def behave(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.set()
        await asyncio.to_thread(cancelled.wait, 30)
        await asyncio.sleep(0.3)
        writer.write(ANSWERS["done"])
        await writer.drain()

    async def serve() -> None:
        async with servers.running(behave, license=servers.licensed) as server:
            base_urls.put(server.base_url)
            await asyncio.to_thread(ended.wait, 30)

    async def store(client: DescopeClient) -> None:
        try:
            await client.mgmt.access_key.create("n")
        except OutcomeUnknown as error:
            handed_over.append(error.cleartext)

    async def note_cancellation() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            cancelled.set()

    async def main() -> None:
        client = DescopeClient("P1", "K1", base_url=base_urls.get(timeout=120))
        kept.extend(asyncio.create_task(work) for work in (store(client), note_cancellation()))
        while not asked.is_set():  # noqa: ASYNC110 - it is set by another loop
            await asyncio.sleep(0.01)

    kept: list[asyncio.Task[None]] = []
    ended = threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    try:
        asyncio.run(main())
    finally:
        ended.set()
        thread.join(30)
    assert handed_over == [SECRET]


@pytest.mark.parametrize(
    ("times", "leaves"), [(1, "OutcomeUnknown: the secret"), (2, "KeyboardInterrupt")]
)
def test_ctrl_c_under_asyncio_run_waits_too(times: int, leaves: str) -> None:
    script = Path(__file__).parent / "scripts" / "interrupt_create.py"
    done = subprocess.run(
        [sys.executable, script, str(times)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stdout.splitlines() == ["handed over: True the secret", leaves], done.stderr


async def test_closing_the_client_waits_a_little(servers: type[Servers]) -> None:
    async with held(servers) as server:
        task = asyncio.create_task(server.create())
        await server.asked.wait()
        asyncio.get_running_loop().call_later(0.3, server.release.set)
        await server.client.aclose()
        assert (await task).cleartext == SECRET


async def test_closing_the_client_does_not_wait_for_ever(servers: type[Servers]) -> None:
    async with held(servers) as server:
        task = asyncio.create_task(server.create())
        await server.asked.wait()
        await server.client.aclose()
        with pytest.raises(OutcomeUnknown) as caught:
            await task
    assert not caught.value.is_interrupted
    assert "closed during the call" in str(caught.value)


async def test_nothing_is_logged_of_it(
    servers: type[Servers], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    asyncio.get_running_loop().set_debug(True)
    asyncio.get_running_loop().slow_callback_duration = 0.0
    async with held(servers) as server:
        with pytest.raises(OutcomeUnknown):
            await by_cancel(server)
    assert SECRET not in caplog.text
