"""What becomes of answers and of their absence, over real sockets."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import ssl
import threading
import warnings
import weakref
from typing import Any

import pytest
import trustme

from descope_async import (
    ApiError,
    BadRequest,
    ClientClosed,
    ConfigurationError,
    Conflict,
    ConnectionFailed,
    DeadlineExceeded,
    DescopeClient,
    DescopeError,
    Forbidden,
    NotFound,
    RateLimited,
    RequestFailed,
    ServerError,
    TLSFailed,
    Unauthorized,
    UnexpectedResponse,
)
from tests.servers import Servers
from tests.tracebacks import shown

CANARY = "KcanaryOfTheManagementKey"
KEY = json.dumps({"key": {"id": "AK1", "name": "n"}}).encode()


def client_of(base_url: str, **settings: Any) -> DescopeClient:
    """A client that tries once: repeats have tests of their own."""
    once = {"retries": {"attempts": 1}}
    return DescopeClient("P1", CANARY, base_url=base_url, **{**once, **settings})


async def load(client: DescopeClient) -> DescopeError | None:
    failure: DescopeError | None = None
    async with client:
        try:
            await client.mgmt.access_key.load("AK1")
        except DescopeError as error:
            failure = error
    if failure is not None:
        assert CANARY not in shown(failure, without=__file__)
        assert failure.operation == "access_key.load"
    return failure


@pytest.mark.parametrize(
    ("status", "cls"),
    [
        ("400 Bad Request", BadRequest),
        ("401 Unauthorized", Unauthorized),
        ("403 Forbidden", Forbidden),
        ("404 Not Found", NotFound),
        ("409 Conflict", Conflict),
        ("418 Teapot", ApiError),
        ("429 Too Many Requests", RateLimited),
        ("500 Oops", ServerError),
        ("503 Busy", ServerError),
        ("599 Odd", ServerError),
    ],
)
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html><h1>Oops</h1></html>",
        b'{"errorCode": "E1',
        json.dumps(
            {
                "errorCode": "E011003",
                "errorDescription": "Request is invalid",
                "errorMessage": f"bad key {CANARY}\r\n\x1b[31m",
            }
        ).encode(),
    ],
    ids=["empty", "html", "truncated", "json"],
)
async def test_an_error_status(
    servers: type[Servers], status: str, cls: type[ApiError], body: bytes
) -> None:
    headers = ["Retry-After: 7", "x-request-id: r-1"]
    async with servers.running(servers.answer(status, body, *headers)) as server:
        error = await load(client_of(server.base_url))
    assert type(error) is cls
    assert error.status_code == int(status[:3])
    assert error.request_id == "r-1"
    assert error.retry_after == 7
    if body.endswith(b"}"):
        assert error.error_code == "E011003"
        assert error.error_description == "Request is invalid"
        assert error.error_message == "bad key … [31m"
        assert "E011003 Request is invalid: bad key" in str(error)


async def test_the_rate_limit_code_counts_under_any_status(servers: type[Servers]) -> None:
    body = json.dumps({"errorCode": "E130429"}).encode()
    async with servers.running(servers.answer("400 Bad", body)) as server:
        assert isinstance(await load(client_of(server.base_url)), RateLimited)


@pytest.mark.parametrize(
    ("behaviour", "cls"),
    [
        (lambda servers: servers.raw(b""), ConnectionFailed),
        (lambda servers: servers.raw(b"SSH-2.0-OpenSSH\r\n\r\n"), ConnectionFailed),
        (
            lambda servers: servers.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"),
            ConnectionFailed,
        ),
        (lambda servers: servers.answer("200 OK", b""), UnexpectedResponse),
        (lambda servers: servers.answer("200 OK", b"<html>"), UnexpectedResponse),
        (lambda servers: servers.answer("200 OK", KEY[:-3]), UnexpectedResponse),
        (
            lambda servers: servers.answer("302 Found", b"", "Location: http://127.0.0.1:1/"),
            UnexpectedResponse,
        ),
        (lambda servers: servers.answer("304 Not Modified"), UnexpectedResponse),
    ],
    ids=["closes", "ssh", "cut", "empty", "html", "truncated", "redirect", "not-modified"],
)
async def test_an_answer_that_is_none(servers: type[Servers], behaviour: Any, cls: type) -> None:
    async with servers.running(behaviour(servers)) as server:
        error = await load(client_of(server.base_url))
    assert type(error) is cls
    if isinstance(error, RequestFailed):
        assert error.may_be_done


async def test_a_task_that_is_written_in_python_shows_no_credential(
    servers: type[Servers],
) -> None:
    # nest_asyncio, which notebooks use, makes all tasks of this class, which has no public name.
    python_task: Any = vars(asyncio.tasks)["_PyTask"]
    loop = asyncio.get_running_loop()
    loop.set_task_factory(lambda loop, coro, **options: python_task(coro, loop=loop, **options))
    try:
        async with servers.running(servers.raw(b"")) as server:
            error = await loop.create_task(load(client_of(server.base_url)))
    finally:
        loop.set_task_factory(None)
    assert type(error) is ConnectionFailed


async def test_a_refused_connection_sends_nothing(unused_port: int) -> None:
    error = await load(client_of(f"http://127.0.0.1:{unused_port}"))
    assert type(error) is ConnectionFailed
    assert not error.may_be_done


async def test_an_unknown_host() -> None:
    error = await load(client_of("https://descope.invalid"))
    assert type(error) is ConnectionFailed
    assert not error.may_be_done


@pytest.mark.parametrize("limit", ["read", "deadline"])
async def test_silence_ends_in_time(servers: type[Servers], limit: str) -> None:
    async with servers.running(servers.silence) as server:
        error = await load(client_of(server.base_url, timeouts={limit: 0.1}))
    assert type(error) is DeadlineExceeded
    assert isinstance(error, TimeoutError)
    assert error.may_be_done


async def test_a_body_without_end_is_cut(servers: type[Servers]) -> None:
    async def flood(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(b"x" * 65536)
            await writer.drain()

    async with servers.running(flood) as server, client_of(server.base_url) as client:
        with pytest.raises(DescopeError, match="longer than 262144 bytes"):
            await client.validate_session(
                "eyJhbGciOiJSUzI1NiIsImtpZCI6ImsifQ.e30.AAAA"  # well-formed, so keys are fetched
            )


async def test_an_untrusted_certificate_and_a_trusted_one() -> None:
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)

    async def respond(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(
            b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(KEY)
        )
        writer.write(KEY)
        await writer.drain()
        writer.close()

    listener = await asyncio.start_server(respond, "127.0.0.1", 0, ssl=context)
    base_url = f"https://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    async with listener:
        error = await load(client_of(base_url))
        assert type(error) is TLSFailed
        assert "not trusted" in str(error)
        trusting = ssl.create_default_context()
        authority.configure_trust(trusting)
        assert await load(client_of(base_url, ssl=trusting)) is None


async def test_plain_http_behind_https() -> None:
    async def respond(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad\r\n\r\n")
        writer.close()

    listener = await asyncio.start_server(respond, "127.0.0.1", 0)
    async with listener:
        error = await load(client_of(f"https://127.0.0.1:{listener.sockets[0].getsockname()[1]}"))
    assert isinstance(error, ConnectionFailed)
    assert not error.may_be_done


async def test_a_closed_client_says_so(servers: type[Servers]) -> None:
    async with servers.running(servers.answer("200 OK", KEY)) as server:
        client = client_of(server.base_url)
        await client.mgmt.access_key.load("AK1")
        await client.aclose()
        await client.aclose()
        with pytest.raises(ClientClosed):
            await client.mgmt.access_key.load("AK1")
        unused = client_of(server.base_url)
        await unused.aclose()
        with pytest.raises(ClientClosed):
            await unused.mgmt.access_key.load("AK1")
        gc.collect()  # nothing was left that nobody awaits


async def test_closing_during_calls_tells_each_of_them(servers: type[Servers]) -> None:
    async with servers.running(servers.silence) as server:
        client = client_of(server.base_url)
        calls = [asyncio.ensure_future(client.mgmt.access_key.load("a")) for _ in range(150)]
        await asyncio.sleep(0.3)
        await client.aclose()
        results = await asyncio.gather(*calls, return_exceptions=True)
    assert {type(result) for result in results} <= {ClientClosed, ConnectionFailed}


async def test_waiting_for_a_free_connection_is_not_connecting(servers: type[Servers]) -> None:
    async def slowly(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(4)
        await servers.answer("200 OK", KEY)(_, writer)

    async with (
        servers.running(slowly) as server,
        client_of(server.base_url, timeouts={"connect": 3.5}) as client,
    ):
        await asyncio.gather(*(client.mgmt.access_key.load("a") for _ in range(110)))


async def test_what_got_no_connection_in_time_was_not_sent(servers: type[Servers]) -> None:
    waiting = 0
    all_wait, served = asyncio.Event(), asyncio.Event()

    async def hangs(_: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
        nonlocal waiting
        waiting += 1
        if waiting == 100:
            all_wait.set()
        await served.wait()

    async with (
        servers.running(hangs) as server,
        client_of(server.base_url, timeouts={"exchange": 1}) as client,
    ):
        calls = [asyncio.create_task(client.mgmt.access_key.load("a")) for _ in range(101)]
        await all_wait.wait()
        with pytest.raises(DeadlineExceeded) as caught:
            await client.exchange_access_key("K1")
        assert not caught.value.may_be_done
        served.set()
        for call in calls:
            call.cancel()
        await asyncio.wait(calls)


@pytest.mark.parametrize("where", ["proxy", "TLS", "answer"])
async def test_a_call_under_way_ends_after_the_client(
    servers: type[Servers], where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """aiohttp forgets some of what is under way when it is closed: only its time ends it."""
    async with servers.running(servers.silence) as server:
        monkeypatch.setenv("HTTPS_PROXY", server.base_url)
        monkeypatch.delenv("NO_PROXY", raising=False)
        url = {
            "proxy": "https://api.example.com",
            "TLS": server.base_url.replace("http:", "https:"),
            "answer": server.base_url,
        }[where]
        client = client_of(url, trust_env=where == "proxy", timeouts={"connect": 60, "deadline": 2})
        call = asyncio.create_task(client.mgmt.access_key.load("a"))
        await asyncio.sleep(0.3)
        assert not call.done()
        await client.aclose()
        with pytest.raises(ClientClosed):
            await asyncio.wait_for(call, 20)


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 429 Slow\r\nRetry-After: 7\r\nContent-Length: 500\r\n\r\nshort",
        b"HTTP/1.1 429 Slow\r\nRetry-After: 7\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\n?",
    ],
    ids=["cut", "gzip"],
)
async def test_an_error_status_counts_whatever_its_body(
    servers: type[Servers], data: bytes
) -> None:
    async with servers.running(servers.raw(data)) as server:
        error = await load(client_of(server.base_url))
    assert type(error) is RateLimited
    assert error.retry_after == 7


@pytest.mark.parametrize("body", [b"<html>login please", b"[]", b"1"])
async def test_a_change_is_not_confirmed_by_just_any_answer(
    servers: type[Servers], body: bytes
) -> None:
    async with (
        servers.running(servers.answer("200 OK", body)) as server,
        client_of(server.base_url) as client,
    ):
        for call in (client.mgmt.access_key.deactivate, client.mgmt.access_key.delete):
            with pytest.raises(UnexpectedResponse):
                await call("K1")
        with pytest.raises(UnexpectedResponse):
            await client.mgmt.access_key.delete_batch(["K1"])


@pytest.mark.parametrize("body", [b"", b"{}", b'{"new": 1}'])
async def test_a_change_is_confirmed(servers: type[Servers], body: bytes) -> None:
    async with (
        servers.running(servers.answer("200 OK", body)) as server,
        client_of(server.base_url) as client,
    ):
        await client.mgmt.access_key.deactivate("K1")


@pytest.mark.parametrize("tier", ["t\r\nX: y", "t\0", "x" * 20_000, "é", ""])
async def test_a_strange_license_is_not_passed_on(servers: type[Servers], tier: str) -> None:
    body = json.dumps({"rateLimitTier": tier, "key": {"id": "a"}}).encode()
    async with (
        servers.running(servers.answer("200 OK", body)) as server,
        client_of(server.base_url) as client,
    ):
        for _ in range(3):
            await client.mgmt.access_key.load("a")
            await asyncio.sleep(0.05)
    assert not any(b"x-descope-license" in head.lower() for head in server.received)


def test_dead_loops_are_not_kept(emulator_url: tuple[str, str, str]) -> None:
    base_url, project_id, management_key = emulator_url
    client = DescopeClient(project_id, management_key, base_url=base_url)
    loops: list[weakref.ref[asyncio.AbstractEventLoop]] = []

    async def call() -> None:
        loops.append(weakref.ref(asyncio.get_running_loop()))
        await client.mgmt.access_key.search_all_access_keys()

    for _ in range(5):
        asyncio.run(call())
    gc.collect()
    assert [loop() for loop in loops[:-1]] == [None] * 4
    asyncio.run(client.aclose())


def test_loops_one_after_the_other(emulator_url: tuple[str, str, str]) -> None:
    base_url, project_id, management_key = emulator_url
    client = DescopeClient(project_id, management_key, base_url=base_url)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(3):
            assert isinstance(asyncio.run(client.mgmt.access_key.search_all_access_keys()), list)
        gc.collect()
    asyncio.run(client.aclose())


def test_loops_of_several_threads_at_once(emulator_url: tuple[str, str, str]) -> None:
    base_url, project_id, management_key = emulator_url
    client = DescopeClient(project_id, management_key, base_url=base_url)
    found: list[object] = []

    async def work() -> None:
        calls = (client.mgmt.access_key.search_all_access_keys() for _ in range(5))
        found.extend(await asyncio.gather(*calls))

    threads = [threading.Thread(target=asyncio.run, args=(work(),)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(found) == 40
    asyncio.run(client.aclose())


async def test_a_forgotten_client_warns(servers: type[Servers]) -> None:
    async with servers.running(servers.answer("200 OK", KEY)) as server:
        client = client_of(server.base_url)
        await client.mgmt.access_key.load("AK1")
        forgotten = [client]
        del client
        with pytest.warns(ResourceWarning, match="not closed"):
            forgotten.clear()
        gc.collect()
        await asyncio.sleep(0.05)  # the loop closes what the client left


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize("operation", ["create", "load"])
async def test_calls_outlive_a_forgotten_client(servers: type[Servers], operation: str) -> None:
    asked, answered = asyncio.Event(), asyncio.Event()

    async def slowly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.set()
        await answered.wait()
        created = {"key": {"id": "AK1"}, "cleartext": "secret"}
        await servers.answer("200 OK", json.dumps(created).encode())(reader, writer)

    async with servers.running(slowly, license=servers.licensed) as server:
        client = client_of(server.base_url)
        keys = client.mgmt.access_key
        task = asyncio.create_task(getattr(keys, operation)("n"))
        await asyncio.wait_for(asked.wait(), 30)
        del client
        gc.collect()
        await asyncio.sleep(0.05)  # in which the loop would close what the client left
        answered.set()
        await task
        assert (await keys.load("AK1")).id == "AK1"  # so does what was taken from the client


async def test_an_unused_client_need_not_be_closed() -> None:
    client = client_of("http://127.0.0.1:1")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        del client
        gc.collect()


async def test_logs_show_no_secret(
    servers: type[Servers], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    asyncio.get_running_loop().set_debug(True)
    async with servers.running(servers.raw(b"")) as server:
        await load(client_of(server.base_url))
    assert CANARY not in caplog.text


@pytest.mark.parametrize("echo", ["whole", "begin", "end", "middle", "twice"])
async def test_no_part_of_a_key_is_quoted(servers: type[Servers], echo: str) -> None:
    key = "K2canaryOfAManagementKeyThatIsLong"
    parts = {
        "whole": key,
        "begin": key[:20],
        "end": key[-20:],
        "middle": key[5:-5],
        "twice": f"{key[:12]} and {key}",
    }
    body = json.dumps({"errorDescription": f"bad key {parts[echo]} here"}).encode()
    async with (
        servers.running(servers.answer("401 No", body), license=servers.licensed) as server,
        DescopeClient("P1", key, base_url=server.base_url) as client,
    ):
        with pytest.raises(Unauthorized) as caught:
            await client.mgmt.access_key.load("AK1")
    said = f"{caught.value} {caught.value.error_description}"
    assert "bad key …" in said
    assert said.endswith("here")
    assert not any(key[at : at + 8] in said for at in range(len(key)))


def test_a_key_with_an_empty_part_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="holds a colon"):
        DescopeClient("P1", "K2abcdefg:")
