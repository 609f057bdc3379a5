from __future__ import annotations

import asyncio
import gc
import json
import logging
import math
import multiprocessing
import os
import pickle
import random
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from descope_async import (
    ClientClosed,
    ConfigurationError,
    DescopeClient,
    DescopeError,
    EnvironmentVariable,
    InvalidArgument,
    Unauthorized,
    UnexpectedResponse,
)
from descope_async._keys.renewal import Renewal
from descope_async.emulator import Emulator
from tests.core.calls.badly_served import encoded
from tests.core.keys.exchanging import Service
from tests.servers import Servers
from tests.tracebacks import shown


@pytest.fixture
def service() -> Service:
    return Service()


def renewals() -> int:
    gc.collect()
    return sum(type(each) is Renewal for each in gc.get_objects())


async def test_ten_thousand_on_a_cold_source_cause_one_exchange(service: Service) -> None:
    service.seconds = 0.05
    source = service.source()
    tokens = await asyncio.gather(*(source.token() for _ in range(10_000)))
    assert set(tokens) == {"token-1"}
    service.clock.at += 601
    tokens = await asyncio.gather(*(source.token() for _ in range(10_000)))
    assert set(tokens) == {"token-2"}
    assert len(service.sent) == 2


async def test_a_fresh_token_neither_waits_nor_sends(service: Service) -> None:
    source = service.source()
    assert source.get_nowait() is None
    assert source.headers_nowait() is None
    await source.warm_up()
    call = source.token()
    with pytest.raises(StopIteration) as ended:
        call.send(None)
    assert ended.value.value == source.get_nowait() == "token-1"
    assert await source.headers() == source.headers_nowait() == {"Authorization": "Bearer token-1"}
    assert len(service.sent) == 1


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (Path("/nowhere/key"), "cannot be read from /nowhere/key"),
        (EnvironmentVariable("NO_SUCH_VARIABLE"), "NO_SUCH_VARIABLE is not set"),
        (lambda: 5, "must be a string, not int"),
        (lambda: "K secret", "holds a space"),
        (lambda: 1 / 0, "raised ZeroDivisionError"),
        (Path(os.__file__), "is .* characters long|holds a space"),
        (Path("/bin/sh"), "not UTF-8"),
    ],
)
async def test_a_place_without_a_key(service: Service, given: Any, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        await service.source(given).token()
    assert service.sent == []


@pytest.mark.parametrize("given", [None, 5, b"Ksecret", "", "K\0", "K" * 5000, ["K"]])
def test_what_is_no_key_is_refused_at_once(service: Service, given: Any) -> None:
    with pytest.raises(InvalidArgument, match="access_key"):
        service.source(given)


async def test_sources_share_by_key_and_options(service: Service) -> None:
    first, same = service.source(custom_claims={"a": 1, "b": [2]}), None
    same = service.source(custom_claims={"b": [2], "a": 1})
    other = service.source(custom_claims={"a": 1, "b": [3]})
    assert await first.token() == await same.token() == "token-1"
    assert await other.token() == "token-2"
    await first.aclose()
    await first.aclose()
    with pytest.raises(ClientClosed):
        await first.token()
    assert first.get_nowait() is None
    assert await same.token() == "token-1"
    await same.aclose()
    assert await service.source(custom_claims={"b": [2], "a": 1}).token() == "token-3"


async def test_memory_is_bounded(service: Service) -> None:
    kept = service.source("K0")
    await kept.warm_up()
    before = renewals()
    for number in range(1, 3_000):
        service.source(f"K{number}")
    assert renewals() - before <= 1_024
    assert kept.get_nowait() == "token-1"
    await service.renewals.aclose()
    assert kept.get_nowait() is None
    with pytest.raises(ClientClosed):
        await kept.token()
    with pytest.raises(ClientClosed):
        service.source()


async def test_invalidate_drops_only_the_current_token(service: Service) -> None:
    source = service.source()
    await source.warm_up()
    source.invalidate("token-0")
    assert source.get_nowait() == "token-1"
    source.invalidate("token-1")
    assert await source.token() == "token-2"
    source.invalidate("token-1")
    source.invalidate("token-2")  # too soon after the last
    assert source.get_nowait() == "token-2"
    service.clock.at += 10
    source.invalidate("token-2")
    assert await source.token() == "token-3"


async def test_cancelled_callers_harm_nobody(service: Service) -> None:
    service.seconds = 0.02
    source, dice = service.source(), random.Random(5)  # noqa: S311 - no secret
    for _ in range(20):
        tasks = [asyncio.create_task(source.token()) for _ in range(100)]
        await asyncio.sleep(0.005)
        victims = {tasks[0], *dice.sample(tasks, 50)}
        for task in victims:
            task.cancel()
        others = [task for task in tasks if task not in victims]
        assert len(set(await asyncio.gather(*others))) == 1
        await asyncio.gather(*victims, return_exceptions=True)
        service.clock.at += 601
    assert len(service.sent) == 20


def test_threads_share_an_exchange_and_survive_a_dying_loop(service: Service) -> None:
    service.seconds = 60  # longer than its loop lives
    source = service.source()
    tokens: list[str] = []

    async def die() -> None:
        task = asyncio.create_task(source.token())
        await asyncio.sleep(0.1)
        assert not task.done()

    async def ask() -> None:
        tokens.extend(await asyncio.gather(*(source.token() for _ in range(50))))

    doomed = threading.Thread(target=lambda: asyncio.run(die()))
    doomed.start()
    while not service.sent:
        threading.Event().wait(0.005)
    service.seconds = 0.3
    threads = [threading.Thread(target=lambda: asyncio.run(ask())) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in [doomed, *threads]:
        thread.join(30)
    assert set(tokens) == {"token-2"}
    assert len(tokens) == 300
    assert len(service.sent) == 2


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_a_forked_child_keeps_the_token_and_starts_clean(service: Service) -> None:
    source = service.source()
    service.seconds = 0.5
    asyncio.run(source.warm_up())
    (renewal,) = service.renewals._alive  # noqa: SLF001 - the delay, which shows hours later
    assert renewal.held is not None
    refresh_at = renewal.held.refresh_at
    service.clock.at += 490

    def child(pipe: Any) -> None:
        assert renewal.held is not None
        old = asyncio.run(source.token())
        service.clock.at += 200
        pipe.send((old, renewal.held.refresh_at, asyncio.run(source.token())))

    async def fork_in_flight() -> tuple[str, float, str]:
        assert await source.token() == "token-1"  # starts a renewal
        await asyncio.sleep(0.01)
        ours, theirs = multiprocessing.Pipe()
        process = multiprocessing.get_context("fork").Process(
            target=lambda: threading_free(child, theirs)
        )
        process.start()
        try:
            assert await asyncio.to_thread(ours.poll, 30)
            found: tuple[str, float, str] = ours.recv()
            return found
        finally:
            process.join(30)

    old, delayed, new = asyncio.run(fork_in_flight())
    assert old == "token-1"
    assert delayed != refresh_at
    assert new.startswith("token-")
    assert new != old


def threading_free(child: Callable[[Any], None], pipe: Any) -> None:
    """Run where no loop runs, as a forked worker does."""
    asyncio._set_running_loop(None)  # noqa: SLF001 - nothing public leaves a loop that still runs
    child(pipe)


@pytest.fixture
async def emulator() -> AsyncIterator[Emulator]:
    async with Emulator() as emulator:
        yield emulator


async def test_against_a_local_descope(emulator: Emulator, tmp_path: Path) -> None:
    await emulator.create_tenant("t1")
    async with DescopeClient(
        emulator.project_id, emulator.management_key, base_url=emulator.base_url
    ) as client:
        created = await client.mgmt.access_key.create("n", key_tenants=[{"tenant_id": "t1"}])
        path = tmp_path / "key"
        path.write_text(created.cleartext)
        options = {"selected_tenant": "t1", "custom_claims": {"k": "v"}}
        source = client.token_source(path, options)
        token = await source.token()
        session = await client.validate_session(token)
        assert (session.key_id, session.current_tenant) == (created.key.id, "t1")
        assert session.client_claims == {"k": "v"}
        rotated = await client.mgmt.access_key.rotate(created.key.id)
        source.invalidate(token)
        with pytest.raises(Unauthorized):
            await source.token()
        path.write_text(rotated.cleartext)
        renewed = await source.token()
        assert (await client.validate_session(renewed)).key_id == created.key.id
    with pytest.raises(ClientClosed):
        await source.token()
    with pytest.raises(ClientClosed):
        client.token_source("K")


@pytest.mark.parametrize(
    "claims", [{"exp": 10}, {"iat": 0}, {"iat": 10, "exp": 10}, {"iat": 0, "exp": math.inf}, []]
)
async def test_a_token_must_say_from_when_to_when_it_lives(
    servers: type[Servers], claims: Any
) -> None:
    token = f"{encoded({'alg': 'RS256', 'kid': 'k'})}.{encoded(claims)}.AAAA"
    body = json.dumps({"sessionJwt": token}).encode()
    async with (
        servers.running(servers.answer("200 OK", body, "x-request-id: R1")) as server,
        DescopeClient("P1", base_url=server.base_url) as client,
    ):
        with pytest.raises(UnexpectedResponse, match="the token") as caught:
            await client.token_source("K1").token()
    error = caught.value
    assert (error.path, error.operation) == ("$.sessionJwt", "exchange_access_key")
    assert (error.status_code, error.request_id, error.attempts) == (200, "R1", 1)


CANARY = "KcanaryOfAllKeys"


@pytest.mark.parametrize(
    "body", [b'{"sessionJwt": "canary.of.tokens"}', b'{"sessionJwt": ["canary"]}', b"canary"]
)
@pytest.mark.parametrize("status", ["200 OK", "401 Unauthorized", "503 Service Unavailable"])
async def test_nothing_shows_a_secret(
    servers: type[Servers], caplog: pytest.LogCaptureFixture, status: str, body: bytes
) -> None:
    caplog.set_level(logging.DEBUG)
    async with (
        servers.running(servers.answer(status, body.replace(b"canary", b"KcanaryX"))) as server,
        DescopeClient("P1", base_url=server.base_url, timeouts={"exchange": 3}) as client,
    ):
        source = client.token_source(CANARY)
        with pytest.raises(DescopeError) as caught:
            await source.token()
        if status == "200 OK":
            assert isinstance(caught.value, UnexpectedResponse)
        with pytest.raises(DescopeError) as refused:
            client.token_source(f"{CANARY}\0")
    text = caplog.text + repr(source)
    for error in (caught.value, refused.value):
        text += shown(error, without=__file__) + str(pickle.dumps(error))
    assert "canary" not in text.lower()


def raising(error: BaseException) -> Any:
    def read() -> str:
        key = CANARY
        raise error if key else ValueError

    return read


def raising_async(error: BaseException) -> Any:
    async def read() -> str:
        key = CANARY
        await asyncio.sleep(0)
        raise error if key else ValueError

    return read


@pytest.mark.parametrize("make", [raising, raising_async])
@pytest.mark.parametrize(
    "error",
    [
        *(OSError("no vault"), MemoryError(), TimeoutError(), StopAsyncIteration()),
        *(asyncio.CancelledError(), GeneratorExit()),
        ExceptionGroup("two", [OSError(), ValueError()]),
    ],
    ids=repr,
)
async def test_a_callable_that_raises(service: Service, make: Any, error: BaseException) -> None:
    """Whatever it raises ends the wait, and none of its own variables are shown."""
    source = service.source(make(error))
    said = rf"raised {type(error).__name__} \(test_token_source.py:\d+\)"
    async with asyncio.timeout(30):
        with pytest.raises(ConfigurationError, match=said) as caught:
            await source.token()
    assert caught.value.__cause__ is error
    assert CANARY not in shown(caught.value, without="")


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt()])
async def test_a_callable_on_a_thread_ends_no_loop(service: Service, error: BaseException) -> None:
    with pytest.raises(ConfigurationError, match=f"raised {type(error).__name__}"):
        await service.source(raising(error)).token()


async def test_a_callable_is_cancelled_with_its_source(service: Service) -> None:
    began, ended = asyncio.Event(), list[BaseException]()

    async def read() -> str:
        began.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError as error:
            ended.append(error)
            raise
        return "never"

    source = service.source(read)
    waiting = asyncio.ensure_future(source.token())
    await began.wait()
    await source.aclose()
    with pytest.raises(ClientClosed):
        await waiting
    assert len(ended) == 1


async def test_a_source_that_holds_secrets_shows_none(service: Service) -> None:
    source = service.source(CANARY)
    token = await source.token()
    (renewal,) = service.renewals._alive  # noqa: SLF001 - everything that holds a secret
    shown = repr([source, service.renewals, renewal, vars(renewal), vars(source)])
    assert CANARY not in shown
    assert token not in shown
    with pytest.raises(TypeError):
        pickle.dumps(source)
