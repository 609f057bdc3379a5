"""A new secret is handed to `deliver` before anything can come between."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import threading
import time
import traceback
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from contextvars import ContextVar
from functools import partial
from typing import Any

import aiohttp
import anyio
import pytest

import descope_sync
from descope_async import (
    ClientClosed,
    DeliveredSecret,
    DeliveryFailed,
    DescopeClient,
    InvalidArgument,
    NotFound,
    OutcomeUnknown,
    UnexpectedResponse,
)
from descope_async._values.secret import Secret
from descope_async.emulator import Emulator, Fault
from descope_async.testing import EmulatorClock
from tests.clients import client_of
from tests.servers import Servers

CALLER: ContextVar[str] = ContextVar("CALLER")
SECRET = "canaryOfTheNewSecret"
CREATED = json.dumps({"key": {"id": "AK1", "name": "n"}, "cleartext": SECRET}).encode()


@pytest.fixture
async def emulator() -> AsyncIterator[Emulator]:
    async with Emulator() as running:
        yield running


@pytest.fixture
async def client(emulator: Emulator) -> AsyncIterator[DescopeClient]:
    async with client_of(emulator) as client:
        yield client


async def test_it_gets_what_create_and_rotate_return(client: DescopeClient) -> None:
    delivered: list[DeliveredSecret] = []
    created = await client.mgmt.access_key.create("ci", deliver=delivered.append)
    fresh = await client.mgmt.access_key.rotate(created.key.id, deliver=delivered.append)
    assert [each.cleartext for each in delivered] == [created.cleartext, fresh.cleartext]
    assert [each.operation for each in delivered] == ["create", "rotate"]
    assert [each.key for each in delivered] == [created.key, fresh.key]
    assert {each.key_id for each in delivered} == {created.key.id}
    assert {each.name for each in delivered} == {"ci"}
    assert created.cleartext not in repr(delivered)


async def test_the_argument_wins_over_the_client(emulator: Emulator) -> None:
    everywhere: list[DeliveredSecret] = []
    here: list[DeliveredSecret] = []
    async with client_of(emulator, deliver=everywhere.append) as client:
        first = await client.mgmt.access_key.create("first")
        second = await client.mgmt.access_key.create("second", deliver=here.append)
    assert [each.cleartext for each in everywhere] == [first.cleartext]
    assert [each.cleartext for each in here] == [second.cleartext]


async def test_what_cannot_be_called_is_refused(emulator: Emulator, client: DescopeClient) -> None:
    nothing: Any = "vault"
    with pytest.raises(InvalidArgument, match="deliver must be a callable"):
        await client.mgmt.access_key.create("n", deliver=nothing)
    with pytest.raises(InvalidArgument, match="deliver must be a callable"):
        client_of(emulator, deliver=nothing)
    assert not await client.mgmt.access_key.search_all_access_keys()


async def test_nothing_is_delivered_when_nothing_is_made(client: DescopeClient) -> None:
    delivered: list[DeliveredSecret] = []
    with pytest.raises(NotFound):
        await client.mgmt.access_key.rotate("Kunknown", deliver=delivered.append)
    assert not delivered


async def test_a_coroutine_function_is_awaited_on_the_loop(client: DescopeClient) -> None:
    seen: list[object] = []

    class Store:
        async def __call__(self, secret: DeliveredSecret) -> None:
            with anyio.fail_after(30):  # its own limits count
                await asyncio.sleep(0.01)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.01):
                    await asyncio.sleep(30)
            seen.extend((threading.get_ident(), CALLER.get(), secret.cleartext))

    CALLER.set("me")
    for store in (Store(), Store().__call__, partial(Store().__call__)):
        created = await client.mgmt.access_key.create("n", deliver=store)
        assert seen == [threading.get_ident(), "me", created.cleartext]
        seen.clear()


async def test_a_blocking_callable_runs_on_a_thread_in_the_callers_context(
    client: DescopeClient,
) -> None:
    seen: list[object] = []

    def store(secret: DeliveredSecret) -> None:
        for _ in range(4):  # while the loop goes on
            loop.call_soon_threadsafe(turned.release)
            assert turned.acquire(timeout=120)
        with pytest.raises(RuntimeError):
            asyncio.get_running_loop()
        seen.extend((CALLER.get(), secret.cleartext))

    loop, turned = asyncio.get_running_loop(), threading.Semaphore(0)
    CALLER.set("me")
    created = await client.mgmt.access_key.create("n", deliver=store)
    assert seen == ["me", created.cleartext]


async def test_a_plain_function_may_return_an_awaitable(client: DescopeClient) -> None:
    seen: list[str] = []

    async def store(secret: DeliveredSecret) -> None:
        seen.append(secret.cleartext)

    created = await client.mgmt.access_key.create("n", deliver=lambda made: store(made))  # noqa: PLW0108 - no coroutine function itself
    assert seen == [created.cleartext]


def test_a_blocking_callable_may_use_the_blocking_client(
    emulator_url: tuple[str, str, str],
) -> None:
    base_url, project_id, management_key = emulator_url
    seen: list[object] = []
    with descope_sync.DescopeClient(project_id, management_key, base_url=base_url) as client:

        def store(secret: DeliveredSecret) -> None:
            session = client.exchange_access_key(secret.cleartext)
            seen.extend((CALLER.get(), session.key_id))

        CALLER.set("me")
        created = client.mgmt.access_key.create("n", deliver=store)
        client.mgmt.access_key.delete(created.key.id)
    assert seen == ["me", created.key.id]


@pytest.mark.parametrize("package", ["async", "sync"])
async def test_it_stores_in_place_where_no_thread_can_be_had(
    emulator: Emulator,
    client: DescopeClient,
    monkeypatch: pytest.MonkeyPatch,
    package: str,
) -> None:
    seen: list[str] = []

    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    def create() -> str:
        with descope_sync.DescopeClient(
            emulator.project_id, emulator.management_key, base_url=emulator.base_url
        ) as blocking:
            blocking.mgmt.access_key.search_all_access_keys()
            monkeypatch.setattr(threading.Thread, "start", refuse)
            created = blocking.mgmt.access_key.create(
                "n", deliver=lambda secret: seen.append(secret.cleartext)
            )
            monkeypatch.undo()
            return created.cleartext

    if package == "sync":
        assert seen == [await asyncio.to_thread(create)]
    else:
        await client.mgmt.access_key.search_all_access_keys()
        monkeypatch.setattr(threading.Thread, "start", refuse)
        created = await client.mgmt.access_key.create(
            "n", deliver=lambda secret: seen.append(secret.cleartext)
        )
        monkeypatch.undo()
        assert seen == [created.cleartext]


async def fail_async(_: DeliveredSecret) -> None:
    await asyncio.sleep(0)
    raise OSError(28, "No space left")


def fail(_: DeliveredSecret) -> None:
    raise OSError(28, "No space left")


def leave(_: DeliveredSecret) -> None:
    raise SystemExit(3)


async def leave_async(_: DeliveredSecret) -> None:
    raise KeyboardInterrupt


async def give_up(_: DeliveredSecret) -> None:
    raise asyncio.CancelledError


def close(_: DeliveredSecret) -> None:
    raise GeneratorExit


async def close_async(_: DeliveredSecret) -> None:
    raise GeneratorExit


def stop(_: DeliveredSecret) -> None:
    raise StopIteration


def time_out(_: DeliveredSecret) -> None:
    raise TimeoutError("the vault is slow")


def never_begin(secret: DeliveredSecret) -> Iterator[None]:
    yield print(secret.key_id)


async def never_begin_async(secret: DeliveredSecret) -> AsyncIterator[None]:
    yield print(secret.key_id)


@pytest.mark.parametrize(
    "deliver",
    [
        *(fail, fail_async, leave, leave_async, give_up, stop, time_out),
        *(close, close_async),
        *(never_begin, never_begin_async),
    ],
)
async def test_an_error_of_it_carries_the_secret(
    emulator: Emulator, client: DescopeClient, deliver: Callable[[DeliveredSecret], object]
) -> None:
    with pytest.raises(DeliveryFailed) as caught:
        await client.mgmt.access_key.create("n", deliver=deliver)
    error = caught.value
    assert error.operation == "access_key.create"
    assert error.result.cleartext == error.cleartext
    assert (error.key_id, error.name) == (error.result.key.id, "n")
    assert str(error.key_id) in str(error)
    assert (await client.exchange_access_key(error.cleartext)).key_id == error.key_id
    assert len(await client.mgmt.access_key.search_all_access_keys()) == 1  # it was not repeated
    assert emulator.requests.count("access_key.create") == 1


async def test_the_error_says_what_went_wrong_and_where(client: DescopeClient) -> None:
    with pytest.raises(DeliveryFailed, match=r"raised OSError \(test_delivery.py:\d+\): .*space"):
        await client.mgmt.access_key.create("n", deliver=fail)
    with pytest.raises(DeliveryFailed) as caught:
        await client.mgmt.access_key.create("n", deliver=fail_async)
    assert isinstance(caught.value.__cause__, OSError)
    assert caught.value.__cause__.__traceback__ is None


@pytest.mark.parametrize("is_async", [True, False])
async def test_a_limit_of_its_own_ends_the_wait(emulator: Emulator, is_async: bool) -> None:
    release = threading.Event()

    async def hang_async(_: DeliveredSecret) -> None:
        await asyncio.Event().wait()

    def hang(_: DeliveredSecret) -> None:
        release.wait(60)

    async with client_of(emulator, timeouts={"deliver": 0.2}) as client:
        with pytest.raises(DeliveryFailed, match=r"within 0\.2 seconds") as caught:
            await client.mgmt.access_key.create("n", deliver=hang_async if is_async else hang)
        release.set()
        session = await client.exchange_access_key(caught.value.cleartext)
    assert session.key_id == caught.value.key_id


async def test_the_time_for_the_call_does_not_end_it(emulator: Emulator) -> None:
    delivered: list[str] = []

    async def store(secret: DeliveredSecret) -> None:
        await asyncio.sleep(2)
        delivered.append(secret.cleartext)

    async with client_of(emulator, timeouts={"deadline": 1.5, "secret": 1.5}) as client:
        created = await client.mgmt.access_key.create("n", deliver=store)
    assert delivered == [created.cleartext]


async def gathered(create: Callable[[], Any], asked: asyncio.Event) -> None:
    async def sibling() -> None:
        await asked.wait()
        raise LookupError

    with suppress(LookupError):
        await asyncio.gather(create(), sibling())


async def gather_cancelled(create: Callable[[], Any], asked: asyncio.Event) -> None:
    gathering = asyncio.gather(create())
    await asked.wait()
    gathering.cancel()
    with suppress(asyncio.CancelledError, OutcomeUnknown):
        await gathering


async def completed(create: Callable[[], Any], asked: asyncio.Event) -> None:
    task = asyncio.create_task(create())
    await asked.wait()
    for each in asyncio.as_completed([task], timeout=0.1):
        with suppress(TimeoutError):
            await each


async def forgotten(create: Callable[[], Any], asked: asyncio.Event) -> None:
    task = asyncio.create_task(create())
    await asked.wait()
    del task


async def waited_for(create: Callable[[], Any], asked: asyncio.Event) -> None:
    waiting = asyncio.create_task(asyncio.wait_for(create(), 60))
    await asked.wait()
    waiting.cancel()
    with suppress(asyncio.CancelledError, OutcomeUnknown):
        await waiting


async def in_a_group(create: Callable[[], Any], asked: asyncio.Event) -> None:
    async def sibling() -> None:
        await asked.wait()
        raise LookupError

    with suppress(ExceptionGroup):
        async with asyncio.TaskGroup() as group:
            group.create_task(create())
            group.create_task(sibling())


@pytest.mark.parametrize("is_async", [True, False])
@pytest.mark.parametrize(
    "way", [gathered, gather_cancelled, completed, forgotten, waited_for, in_a_group]
)
async def test_no_way_of_awaiting_drops_it(
    servers: type[Servers], way: Callable[..., Any], is_async: bool
) -> None:
    asked, stored = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    async def behave(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.set()
        await asyncio.sleep(0.5)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(CREATED) + CREATED)
        await writer.drain()

    async def store_async(secret: DeliveredSecret) -> None:
        await asyncio.sleep(0.05)
        delivered.append(secret)
        stored.set()

    def store(secret: DeliveredSecret) -> None:
        delivered.append(secret)
        loop.call_soon_threadsafe(stored.set)

    delivered: list[DeliveredSecret] = []
    complain = loop.get_exception_handler()
    loop.set_exception_handler(lambda *_: None)  # asyncio tells of some errors that are dropped
    async with (
        servers.running(behave, license=servers.licensed) as server,
        DescopeClient("P1", "K1", base_url=server.base_url) as client,
    ):
        deliver = store_async if is_async else store
        await way(lambda: client.mgmt.access_key.create("n", deliver=deliver), asked)
        async with asyncio.timeout(30):
            await stored.wait()
    gc.collect()
    loop.set_exception_handler(complain)
    assert [each.cleartext for each in delivered] == [SECRET]


async def test_it_may_close_the_client(emulator: Emulator) -> None:
    """Closing waits for secrets that are under way, but not for the one that is here."""
    took: list[float] = []
    now = asyncio.get_running_loop().time

    async def close(_: DeliveredSecret) -> None:
        began = now()
        await ours.aclose()
        took.append(now() - began)

    def close_on_a_thread(_: DeliveredSecret) -> None:
        began = now()
        asyncio.run(ours.aclose())
        took.append(now() - began)

    for deliver in (close, close_on_a_thread):
        ours = client_of(emulator)
        created = await ours.mgmt.access_key.create("n", deliver=deliver)
        with pytest.raises(ClientClosed):
            await ours.mgmt.access_key.load(created.key.id)
    assert len(took) == 2
    assert max(took) < 3  # secrets under way are waited for 4 seconds


def test_a_blocking_one_may_close_the_client(emulator_url: tuple[str, str, str]) -> None:
    base_url, project_id, management_key = emulator_url
    took: list[float] = []

    def close(_: DeliveredSecret) -> None:
        began = time.monotonic()
        ours.close()
        took.append(time.monotonic() - began)

    ours = descope_sync.DescopeClient(project_id, management_key, base_url=base_url)
    ours.mgmt.access_key.create("n", deliver=close)
    assert took[0] < 3


async def test_one_that_closes_the_client_waits_for_the_secrets_of_others(
    emulator: Emulator,
) -> None:
    delivered: list[str] = []

    async def close(secret: DeliveredSecret) -> None:
        while emulator.requests.count("access_key.create") < 2:  # noqa: ASYNC110 - the emulator, on another thread, sets no event
            await asyncio.sleep(0.01)
        await ours.aclose()
        delivered.append(secret.cleartext)

    async with client_of(emulator) as ours:
        await ours.mgmt.access_key.search_all_access_keys()
        first = asyncio.create_task(ours.mgmt.access_key.create("first", deliver=close))
        while not emulator.requests.count("access_key.create"):  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.01)
        emulator.faults.add(Fault("delay", "access_key.create", seconds=1))
        second = ours.mgmt.access_key.create(
            "second", deliver=lambda secret: delivered.append(secret.cleartext)
        )
        made = await asyncio.gather(second, first)
    assert delivered == [each.cleartext for each in made]


@pytest.mark.parametrize("is_async", [True, False])
def test_the_end_of_the_loop_waits_for_it(
    emulator_url: tuple[str, str, str], is_async: bool
) -> None:
    base_url, project_id, management_key = emulator_url
    delivered: list[str] = []
    kept: list[asyncio.Task[Any]] = []
    clients: list[DescopeClient] = []  # one that is collected with its connections open warns

    async def main() -> None:
        begun = asyncio.Event()
        loop = asyncio.get_running_loop()

        async def store_async(secret: DeliveredSecret) -> None:
            begun.set()
            await asyncio.sleep(0.3)
            delivered.append(secret.cleartext)

        def store(secret: DeliveredSecret) -> None:
            loop.call_soon_threadsafe(begun.set)
            time.sleep(0.3)
            delivered.append(secret.cleartext)

        client = DescopeClient(project_id, management_key, base_url=base_url)
        clients.append(client)
        create = client.mgmt.access_key.create("n", deliver=store_async if is_async else store)
        kept.append(asyncio.create_task(create))
        await begun.wait()

    asyncio.run(main())
    assert len(delivered) == 1
    with pytest.raises(OutcomeUnknown) as caught:
        kept[0].result()
    assert [caught.value.cleartext] == delivered


async def test_a_salvaged_secret_is_delivered(servers: type[Servers]) -> None:
    part = CREATED.replace(b'"id"', b'"customClaims": {"cleartext": "FAKE"}, "id"')[:-1]
    delivered: list[DeliveredSecret] = []
    async with (
        servers.running(servers.answer("200 OK", part), license=servers.licensed) as server,
        DescopeClient("P1", "K1", base_url=server.base_url) as client,
    ):
        with pytest.raises(UnexpectedResponse) as caught:
            await client.mgmt.access_key.create("ci", deliver=delivered.append)
        with pytest.raises(DeliveryFailed) as failed:
            await client.mgmt.access_key.rotate("AK1", deliver=fail)
    assert caught.value.cleartext == SECRET
    (secret,) = delivered
    assert (secret.cleartext, secret.key, secret.key_id, secret.name) == (SECRET, None, None, "ci")
    assert (failed.value.cleartext, failed.value.result) == (SECRET, None)
    assert failed.value.key_id == "AK1"


@pytest.mark.parametrize("delivers", [True, False])
@pytest.mark.parametrize("on_unknown", ["raise", "reconcile"])
async def test_a_secret_beside_too_many_members_is_not_lost(
    servers: type[Servers], on_unknown: Any, delivers: bool
) -> None:
    """The service may add more to a key than was sent. Here, the secret comes after 2 MB of that."""
    key = {"id": "AK1", "name": "n", "customClaims": {"cleartext": "FAKE", "more": ["x"] * 400_000}}
    answer = servers.answer("200 OK", json.dumps({"key": key, "cleartext": SECRET}).encode())
    delivered: list[DeliveredSecret] = []
    async with (
        servers.running(answer, license=servers.licensed) as server,
        DescopeClient("P1", "K1", base_url=server.base_url) as client,
    ):
        with pytest.raises(UnexpectedResponse, match="more than 20,000 members") as caught:
            await client.mgmt.access_key.create(
                "ci", on_unknown=on_unknown, deliver=delivered.append if delivers else None
            )
        assert len(server.received) == 2  # a head and a body: it was not repeated
    assert caught.value.cleartext == SECRET
    assert [(each.cleartext, each.name) for each in delivered] == [(SECRET, "ci")][:delivers]


async def test_so_is_the_new_secret_of_a_key_that_others_made_too_large(
    emulator: Emulator, client: DescopeClient
) -> None:
    addresses = [f"10.{number // 250}.{number % 250}.0/24" for number in range(25_000)]
    credentials = f"{emulator.project_id}:{emulator.management_key}"
    async with (
        aiohttp.ClientSession(emulator.base_url) as http,
        http.post(
            "/v1/mgmt/accesskey/create",
            json={"name": "n", "permittedIps": ["127.0.0.1", *addresses]},
            headers={"Authorization": f"Bearer {credentials}"},
        ) as response,
    ):
        made = await response.json()
    delivered: list[DeliveredSecret] = []
    with pytest.raises(UnexpectedResponse, match="more than 20,000 members") as caught:
        await client.mgmt.access_key.rotate(made["key"]["id"], deliver=delivered.append)
    (secret,) = delivered
    assert secret.cleartext == caught.value.cleartext != made["cleartext"]
    assert secret.key_id == made["key"]["id"]
    await client.exchange_access_key(secret.cleartext)


@pytest.mark.parametrize("status", ["307 There", "401 No", "409 Twice", "429 Busy", "503 Oops"])
@pytest.mark.parametrize("delivers", [True, False])
async def test_a_secret_counts_whatever_the_status(
    servers: type[Servers], status: str, delivers: bool
) -> None:
    """A gateway may turn the service's answer into an error, and leave the body as it is."""
    delivered: list[DeliveredSecret] = []
    answer = servers.answer(status, CREATED, "Retry-After: 0", "X-Request-Id: r1")
    async with (
        servers.running(answer, license=servers.licensed) as server,
        DescopeClient("P1", "K1", base_url=server.base_url) as client,
    ):
        for method in (client.mgmt.access_key.create, client.mgmt.access_key.rotate):
            server.received.clear()
            with pytest.raises(UnexpectedResponse) as caught:
                await method("AK1", deliver=delivered.append if delivers else None)
            error = caught.value
            assert len(server.received) == 2  # a head and a body: it was not repeated
            assert (error.status_code, error.request_id) == (int(status[:3]), "r1")
            assert SECRET not in f"{error} {error!r} {error.__cause__!r} {error.__context__!r}"
            assert error.cleartext == SECRET
    assert [each.cleartext for each in delivered] == [SECRET, SECRET][: 2 * delivers]


@pytest.mark.parametrize("loses", ["create", "rotate"])
async def test_what_is_found_out_is_delivered_once(emulator: Emulator, loses: str) -> None:
    delivered: list[DeliveredSecret] = []
    clock = EmulatorClock(emulator.clock)
    async with client_of(emulator, deliver=delivered.append, clock=clock) as client:
        first = await client.mgmt.access_key.create("n")
        delivered.clear()
        emulator.faults.add(Fault("close", f"access_key.{loses}", commit=True, times=1))
        if loses == "create":
            made = await client.mgmt.access_key.create("m", on_unknown="reconcile")
        else:
            made = await client.mgmt.access_key.rotate(first.key.id, on_unknown="reconcile")
    assert [each.cleartext for each in delivered] == [made.cleartext]
    assert {each.operation for each in delivered} == {loses}
    assert delivered[0].key == made.key


async def test_nothing_shows_the_secret(
    client: DescopeClient, caplog: pytest.LogCaptureFixture
) -> None:
    shown: list[Secret[str]] = []  # so that the frame of this test shows none

    def blab(secret: DeliveredSecret) -> None:
        shown.append(Secret(secret.cleartext))
        cleartext = secret.cleartext
        raise ValueError(f"cannot store {cleartext}")

    async def blab_below(secret: DeliveredSecret) -> None:
        try:
            blab(secret)
        except ValueError as error:
            raise LookupError("no room") from error

    caplog.set_level(logging.DEBUG)
    for deliver in (blab, blab_below, fail):
        try:
            await client.mgmt.access_key.create("n", deliver=deliver)
        except DeliveryFailed as error:
            text = traceback.TracebackException.from_exception(error, capture_locals=True)
            said = "".join(text.format()) + repr(error)
        assert "raised" in said
        assert not any(secret.reveal() in said + caplog.text for secret in shown)
    assert len(shown) == 2
