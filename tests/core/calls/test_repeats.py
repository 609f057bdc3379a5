"""Which calls are repeated after which failures, counted by a server that fails as told."""

from __future__ import annotations

import asyncio
import base64
import json
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import product
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from descope_async import (
    ApiError,
    BadRequest,
    ConfigurationError,
    Conflict,
    ConnectionFailed,
    DeadlineExceeded,
    DescopeClient,
    DescopeError,
    Forbidden,
    KeySetUnavailable,
    NotFound,
    OutcomeUnknown,
    RateLimited,
    RequestFailed,
    Retries,
    ServerError,
    Unauthorized,
    UnexpectedResponse,
)
from descope_async._calls.messages import Repeatable, Request
from descope_async._calls.once import Once
from descope_async._calls.repeats import Repeats
from descope_async._calls.retry_rules import judge
from tests.failures import FAILURES, LIMITS
from tests.quick_time import QuickTime, VirtualTime
from tests.servers import Servers

SECRET = "KcanaryOfTheManagementKey"
KEY = {"id": "AK1", "name": "n", "status": "active"}
CREATED = {"key": KEY, "cleartext": "the secret"}


def encoded(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def a_token() -> str:
    now = int(time.time())  # noqa: TID251 - for a token
    header = {"alg": "RS256", "kid": "k", "typ": "JWT"}
    return f"{encoded(header)}.{encoded({'iat': now, 'exp': now + 600})}.AAAA"


def a_key_set() -> dict[str, Any]:
    point = ec.generate_private_key(ec.SECP256R1()).public_key().public_numbers()
    parts = {"x": point.x, "y": point.y}
    b64 = {
        name: base64.urlsafe_b64encode(value.to_bytes(32, "big")).rstrip(b"=").decode()
        for name, value in parts.items()
    }
    return {"keys": [{"kty": "EC", "crv": "P-256", "kid": "k", "alg": "ES256", **b64}]}


Call = Callable[[DescopeClient], Any]

#: What to call, and what a service that is well answers to it.
REPEATABLE: dict[str, tuple[Call, Any]] = {
    "load": (lambda client: client.mgmt.access_key.load("AK1"), {"key": KEY}),
    "search": (lambda client: client.mgmt.access_key.search_all_access_keys(), {"keys": [KEY]}),
    "update": (lambda client: client.mgmt.access_key.update("AK1", "n"), {"key": KEY}),
    "activate": (lambda client: client.mgmt.access_key.activate("AK1"), {}),
    "deactivate": (lambda client: client.mgmt.access_key.deactivate("AK1"), {}),
    "delete": (lambda client: client.mgmt.access_key.delete("AK1"), {}),
    "activate_batch": (lambda client: client.mgmt.access_key.activate_batch(["AK1"]), {}),
    "deactivate_batch": (lambda client: client.mgmt.access_key.deactivate_batch(["AK1"]), {}),
    "delete_batch": (lambda client: client.mgmt.access_key.delete_batch(["AK1"]), {}),
    "exchange": (lambda client: client.token_source("K1").token(), {"sessionJwt": a_token()}),
    "key_set": (lambda client: client.refresh_key_set(), a_key_set()),
}
ONCE: dict[str, tuple[Call, Any]] = {
    "create": (lambda client: client.mgmt.access_key.create("n"), CREATED),
    "rotate": (lambda client: client.mgmt.access_key.rotate("AK1"), CREATED),
}
ALL = REPEATABLE | ONCE
HTML = b"<html><h1>Oops</h1></html>"


Fault = Callable[[Any], Any]


def status(line: str, *headers: str, body: bytes = HTML) -> Fault:
    return lambda servers: servers.answer(line, body, *headers)


def sent(data: bytes) -> Fault:
    return lambda servers: servers.raw(data)


_HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n"
#: By what the service's behaviour proves, as docs/explanation/retries.md has it.
NOT_PROCESSED: dict[str, Fault] = {
    "429": status("429 Slow", "Retry-After: 1"),
    "E130429": status("400 Bad", "Retry-After: 1", body=b'{"errorCode": "E130429"}'),
    **{code: status(f"{code} Down") for code in ("421", "425", "521", "523", "525", "526", "530")},
}
UNKNOWN: dict[str, Fault] = {
    **{
        code: status(f"{code} Oops")
        for code in ("408", "500", "501", "502", "503", "504", "520", "522", "524", "599")
    },
    "503, later": status("503 Busy", "Retry-After: 1"),
    "503, nonsense": status("503 Busy", "Retry-After: soon"),
    "closes": sent(b""),
    "cut in the head": sent(_HEAD[:9]),
    "cut in the body": sent(_HEAD + b'{"key": {'),
    "no HTTP": sent(b"SSH-2.0-OpenSSH\r\n\r\n"),
    "no JSON": status("200 OK"),
    "stalls": lambda servers: servers.silence,
}
FINAL: dict[str, tuple[Fault, type[DescopeError]]] = {
    "400": (status("400 Bad"), BadRequest),
    "401": (status("401 No"), Unauthorized),
    "403": (status("403 No"), Forbidden),
    "404": (status("404 None"), NotFound),
    "409": (status("409 Already"), Conflict),
    "418": (status("418 Teapot"), ApiError),
    "302": (status("302 There", "Location: /there"), UnexpectedResponse),
    "303": (status("303 Done, see", "Location: /there"), UnexpectedResponse),
    "307": (status("307 There", "Location: /there"), UnexpectedResponse),
    "308": (status("308 There", "Location: /there"), UnexpectedResponse),
    "another shape": (status("200 OK", body=b'{"key": 5, "keys": 5}'), UnexpectedResponse),
}


def well(answer: Any) -> Fault:
    return status("200 OK", body=json.dumps(answer).encode())


@asynccontextmanager
async def client_of(
    servers: type[Servers], *faults: Fault, **settings: Any
) -> AsyncIterator[tuple[DescopeClient, Any, Any]]:
    """A client of a server that does these in turn, that server, and the time."""
    impatient = {"timeouts": {"read": 0.3, "secret": 0.3}}
    behaviour = servers.in_turn(*(fault(servers) for fault in faults))
    async with (
        servers.running(behaviour, license=servers.licensed) as server,
        DescopeClient(
            "P1",
            SECRET,
            base_url=server.base_url,
            clock=(clock := QuickTime()),
            **{**impatient, **settings},
        ) as client,
    ):
        yield client, server, clock


def paths(server: Any) -> list[str]:
    """What the first request of each connection asked for, in short."""
    heads = [each for each in server.received if b" HTTP/1.1\r\n" in each]
    return [head.split()[1].rsplit(b"/", 1)[1].decode() for head in heads]


def requests(server: Any) -> int:
    return len(paths(server))


@pytest.mark.parametrize("fault", NOT_PROCESSED)
@pytest.mark.parametrize("operation", ALL)
async def test_what_was_not_processed_is_repeated(
    servers: type[Servers], operation: str, fault: str
) -> None:
    call, answer = ALL[operation]
    async with client_of(servers, NOT_PROCESSED[fault], well(answer)) as (client, server, clock):
        await call(client)
        assert requests(server) == 2
        (slept,) = clock.slept
        is_throttled = fault in {"429", "E130429"}
        assert (1 if is_throttled else 0) <= slept <= (1.1 if is_throttled else 0.1)


@pytest.mark.parametrize(
    ("operation", "fault"),
    list(product(REPEATABLE, UNKNOWN)),
)
async def test_what_may_be_done_twice_is_repeated_when_nobody_knows(
    servers: type[Servers], operation: str, fault: str
) -> None:
    call, answer = REPEATABLE[operation]
    async with client_of(servers, UNKNOWN[fault], well(answer)) as (client, server, clock):
        await call(client)
        assert requests(server) == 2
        (slept,) = clock.slept
        least = 1 if fault == "503, later" else 0
        assert least <= slept <= least + 0.1


async def test_a_misdirected_request_goes_over_another_connection(servers: type[Servers]) -> None:
    connections: list[asyncio.StreamWriter] = []

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(writer)
        status = b"421 Misdirected" if len(connections) == 1 else b"200 OK"
        while True:
            body = json.dumps({"key": KEY}).encode()
            writer.write(b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n" % (status, len(body)) + body)
            await reader.readuntil(b"\r\n\r\n")

    async with (
        servers.running(behave, license=servers.licensed) as server,
        DescopeClient("P1", SECRET, base_url=server.base_url) as client,
    ):
        assert (await client.mgmt.access_key.load("AK1")).id == "AK1"
    assert len(connections) == 2


@pytest.mark.parametrize("fault", UNKNOWN)
@pytest.mark.parametrize("operation", ONCE)
async def test_what_must_not_be_done_twice_is_not(
    servers: type[Servers], operation: str, fault: str
) -> None:
    call, answer = ONCE[operation]
    async with client_of(servers, UNKNOWN[fault], well(answer)) as (client, server, clock):
        before = clock.now()
        with pytest.raises(OutcomeUnknown) as caught:
            await call(client)
        error = caught.value
        assert requests(server) == 1
        assert clock.slept == []
        await call(client)  # and the client is still of use
    assert error.operation == f"access_key.{operation}"
    assert before <= error.started_at <= before + 5
    assert error.attempts == 1
    assert error.result is error.cleartext is None
    assert not error.interrupted
    assert error.status_code == (
        int(fault[:3]) if fault[0].isdigit() else 200 if fault == "no JSON" else None
    )
    assert isinstance(error.__cause__, DescopeError)
    if operation == "create":
        assert (error.name, error.key_id) == ("n", None)
        assert "look for one made since" in str(error)
    else:
        assert (error.name, error.key_id) == (None, "AK1")
        assert "try the old one" in str(error)
    assert SECRET not in repr(vars(error)) + str(error)


@pytest.mark.parametrize(
    ("operation", "fault"),
    # An answer of which nothing is read has no shape.
    [each for each in product(ALL, FINAL) if each[1] != "another shape" or ALL[each[0]][1] != {}],
)
async def test_what_would_fare_no_better_is_not_repeated(
    servers: type[Servers], operation: str, fault: str
) -> None:
    call, answer = ALL[operation]
    behaviour, cls = FINAL[fault]
    expected = {"key_set": KeySetUnavailable}.get(operation, cls)
    if fault in {"another shape", "302", "303"} and operation in ONCE:
        expected = OutcomeUnknown  # there may be a key, and its secret did not come
    async with client_of(servers, behaviour, well(answer)) as (client, server, clock):
        with pytest.raises(expected) as caught:
            await call(client)
        assert requests(server) == 1
        assert clock.slept == []
    if isinstance(caught.value, ApiError):
        assert not caught.value.uncertain
    # What the key set must look like is not for the transport to know.
    if (operation, fault) != ("key_set", "another shape"):
        assert caught.value.attempts == 1


@pytest.mark.parametrize("operation", ALL)
async def test_what_was_not_sent_is_repeated(
    servers: type[Servers], operation: str, unused_port: int
) -> None:
    call, answer = ALL[operation]
    async with (
        DescopeClient(
            "P1",
            SECRET,
            base_url=f"http://127.0.0.1:{unused_port}",
            clock=(clock := QuickTime()),
        ) as client,
        AsyncExitStack() as opened,
    ):

        async def open_when_waited_for(_: float) -> None:
            if len(clock.slept) >= 2:
                clock.at_pause = None
                running = servers.running(
                    well(answer)(servers), port=unused_port, license=servers.licensed
                )
                opened.push_async_exit(running)
                await running.__aenter__()

        clock.at_pause = open_when_waited_for
        async with client._license.during_call():  # noqa: SLF001 - asks for nothing else
            pass  # the tier is asked for in vain
        await call(client)
    assert len(clock.slept) >= 2


@pytest.mark.parametrize("attempts", [1, 2, 5])
@pytest.mark.parametrize("fault", ["429", "521", "502", "closes"])
async def test_attempts_are_limited(servers: type[Servers], attempts: int, fault: str) -> None:
    behaviour = {**NOT_PROCESSED, **UNKNOWN}[fault]
    async with client_of(servers, behaviour, retries={"attempts": attempts}) as found:
        client, server, _ = found
        with pytest.raises(DescopeError) as caught:
            await client.mgmt.access_key.load("AK1")
        assert requests(server) == caught.value.attempts == attempts
    error = caught.value
    assert error.operation == "access_key.load"
    if isinstance(error, RequestFailed):
        assert error.sent
    else:
        assert isinstance(error, ApiError)
        assert error.uncertain == (fault == "502")


async def test_sent_once_is_sent(servers: type[Servers], unused_port: int) -> None:
    """The last attempt does not get out, but the first did."""
    async with AsyncExitStack() as opened:
        running = servers.running(servers.raw(b""), port=unused_port, license=servers.licensed)
        server = await opened.enter_async_context(running)
        clock = QuickTime()
        async with DescopeClient("P1", SECRET, base_url=server.base_url, clock=clock) as client:

            async def close(_: float) -> None:
                if len(clock.slept) == 1:
                    await opened.aclose()

            clock.at_pause = close
            with pytest.raises(ConnectionFailed) as caught:
                await client.mgmt.access_key.load("AK1")
    assert caught.value.sent
    assert caught.value.attempts == 3


@pytest.mark.parametrize("operation", ONCE)
@pytest.mark.parametrize("how", ["cut", "stalls", "no JSON", "lasts"])
async def test_a_secret_that_came_before_the_damage_is_kept(
    servers: type[Servers], operation: str, how: str
) -> None:
    part = b'{"cleartext": "the\\u0020secret", "key": {"id": '

    async def stall(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(_HEAD + part)
        await writer.drain()
        await reader.read()

    faults: dict[str, Fault] = {
        "cut": sent(_HEAD + part),
        "stalls": lambda _: stall,
        "no JSON": status("200 OK", body=part),
        "lasts": lambda _: stall,
    }
    limits = {"secret": 60, "deadline": 1} if how == "lasts" else {"secret": 1}
    async with client_of(servers, faults[how], timeouts=limits) as (client, server, _):
        with pytest.raises(UnexpectedResponse) as caught:
            await ONCE[operation][0](client)
        assert caught.value.cleartext == "the secret"
        assert requests(server) == 1


@pytest.mark.parametrize("operation", ONCE)
async def test_a_secret_in_an_answer_without_end_is_kept(
    servers: type[Servers], operation: str
) -> None:
    async def flood(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b'HTTP/1.1 200 OK\r\n\r\n{"cleartext": "the secret", "key": {"name": "')
        while True:
            writer.write(b"x" * 65536)
            await writer.drain()

    async with client_of(servers, lambda _: flood) as (client, server, _):
        with pytest.raises(UnexpectedResponse, match="longer than") as caught:
            await ONCE[operation][0](client)
        assert caught.value.cleartext == "the secret"
        assert requests(server) == 1


async def test_one_create_is_one_create(servers: type[Servers]) -> None:
    """The official SDKs make four keys of this."""
    async with client_of(servers, status("503 Busy")) as (client, server, _):
        with pytest.raises(OutcomeUnknown):
            await client.mgmt.access_key.create("n")
        assert requests(server) == 1


DONE_BEFORE = {
    "delete": ["404"],
    "activate": ["400", "409", "404"],
    "deactivate": ["400", "409"],
    "delete_batch": ["404", "400"],
    "activate_batch": ["409"],
    "deactivate_batch": ["400"],
}


@pytest.mark.parametrize(
    ("operation", "code", "is_done"),
    [
        (name, code, is_done)
        for name, codes in DONE_BEFORE.items()
        for code in codes
        for is_done in (True, False)
        if is_done or (name, code) != ("delete", "404")
    ],
)
async def test_work_that_is_found_done_is_a_success(
    servers: type[Servers], operation: str, code: str, is_done: bool
) -> None:
    call, _ = REPEATABLE[operation]
    action = operation.removesuffix("_batch")
    state = {"activate": "active", "deactivate": "inactive", "delete": "gone"}[action]
    if not is_done:
        state = "inactive" if state == "active" else "active"
    key = {**KEY, "status": state}
    found = {"keys": [key] if state != "gone" else [], "key": key}
    look = status("404 None") if state == "gone" and action == operation else well(found)
    refusal = status(f"{code} Already")
    async with client_of(servers, UNKNOWN["closes"], refusal, look) as (client, server, _):
        if is_done:
            await call(client)
        else:
            with pytest.raises(FINAL[code][1]) as caught:
                await call(client)
            assert isinstance(caught.value, ApiError)
            assert caught.value.uncertain
        assert requests(server) == (2 if (operation, code) == ("delete", "404") else 3)


@pytest.mark.parametrize("first", ["429", "521"])
async def test_a_refusal_counts_when_nothing_was_done_before(
    servers: type[Servers], first: str
) -> None:
    async with client_of(servers, NOT_PROCESSED[first], status("404 None")) as found:
        client, server, _ = found
        with pytest.raises(NotFound) as caught:
            await client.mgmt.access_key.delete("AK1")
        assert requests(server) == 2
    assert not caught.value.uncertain
    assert caught.value.attempts == 2


async def test_a_look_that_fails_leaves_the_refusal(servers: type[Servers]) -> None:
    async with client_of(servers, UNKNOWN["502"], status("409 No"), status("401 No")) as found:
        client, _, _ = found
        with pytest.raises(Conflict):
            await client.mgmt.access_key.activate("AK1")


# Connections that were closed while idle


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


# Rate limits


@pytest.mark.parametrize(
    ("headers", "asked"),
    [
        (["Retry-After: 7"], 7),
        (["Retry-After: 1.5"], 1.5),
        (["Retry-After: 0"], 0),
        (
            [
                "Date: Wed, 21 Oct 2015 07:28:00 GMT",
                "Retry-After: Wed, 21 Oct 2015 07:28:30 GMT",
            ],
            30,
        ),
    ],
)
async def test_a_wait_that_was_asked_for_is_kept(
    servers: type[Servers], headers: list[str], asked: float
) -> None:
    for operation, (call, answer) in ALL.items():
        if operation == "key_set":
            continue  # which has no time for that
        if operation == "exchange" and asked > 13:
            continue
        limited = status("429 Slow", *headers)
        async with client_of(servers, limited, well(answer)) as (client, server, clock):
            await call(client)
            assert requests(server) == 2
            (slept,) = clock.slept
            assert asked <= slept <= max(1, asked * 1.1)


@pytest.mark.parametrize(
    ("headers", "asked"),
    [
        (["Retry-After: 61"], 61),
        (["Retry-After: 100000"], 86_400),
        ([], 60),
        (["Retry-After: tomorrow"], 60),
        (["Retry-After: nan"], 60),
    ],
)
async def test_a_wait_that_is_too_long_is_raised_at_once(
    servers: type[Servers], headers: list[str], asked: float
) -> None:
    async with client_of(servers, status("429 Slow", *headers)) as (client, server, clock):
        with pytest.raises(RateLimited) as caught:
            await client.mgmt.access_key.create("n")
        assert caught.value.retry_after == asked
        for call in (client.mgmt.access_key.load("AK1"), client.token_source("K").token()):
            with pytest.raises(RateLimited) as caught:
                await call
            assert asked - 5 < (caught.value.retry_after or 0) <= asked
            assert caught.value.attempts == 0
        assert requests(server) == 1
        assert clock.slept == []


async def test_an_exchange_waits_ten_seconds_where_none_are_named(servers: type[Servers]) -> None:
    call, answer = REPEATABLE["exchange"]
    async with client_of(servers, status("429 Slow"), well(answer)) as (client, server, clock):
        await call(client)
        assert requests(server) == 2
        assert 10 <= clock.slept[0] <= 11


async def test_a_rate_limit_closes_the_gate_for_all(servers: type[Servers]) -> None:
    limited = status("429 Slow", "Retry-After: 20")
    answer = {"key": KEY, "keys": [], "cleartext": "s"}
    settings: dict[str, Any] = {"retries": {"attempts": 1}}
    async with client_of(servers, limited, well(answer), **settings) as (client, server, clock):
        with pytest.raises(RateLimited):
            await client.mgmt.access_key.load("AK1")
        await client.mgmt.access_key.create("n")
        assert requests(server) == 2
        assert 15 < sum(clock.slept) <= 22
    settings["retries"]["max_wait"] = 19
    async with client_of(servers, limited, well(answer), **settings) as (client, server, clock):
        for _ in range(2):
            with pytest.raises(RateLimited):
                await client.mgmt.access_key.load("AK1")
        assert requests(server) == 1


def test_threads_share_gate_and_quota() -> None:
    clock = VirtualTime()
    repeats = Repeats(Retries(quota=14 * 50), clock)
    calls: list[int] = []

    async def fail(_: object) -> None:
        calls.append(1)
        await asyncio.sleep(0)
        raise ServerError("?", status_code=502)

    async def ask_often() -> None:
        for _ in range(20):
            with pytest.raises(ServerError):
                await repeats.run(REQUEST, fail)

    threads = [threading.Thread(target=lambda: asyncio.run(ask_often())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(calls) == 8 * 20 + 50  # what the quota pays for, and no more

    async def limit(_: object) -> None:
        raise RateLimited("?", retry_after=3600)

    async def ask() -> None:
        with pytest.raises(RateLimited):
            await repeats.run(REQUEST, limit)

    seen = len(calls)
    waits: list[float | None] = []

    async def ask_often_in_vain() -> None:
        for _ in range(3):
            with pytest.raises(RateLimited) as caught:
                await repeats.run(REQUEST, fail)
            waits.append(caught.value.retry_after)

    asyncio.run(ask())
    thread = threading.Thread(target=lambda: asyncio.run(ask_often_in_vain()))
    thread.start()
    thread.join(60)
    assert waits == [pytest.approx(3600)] * 3
    assert len(calls) == seen


async def test_successes_fill_the_quota_again(servers: type[Servers]) -> None:
    call, answer = REPEATABLE["load"]
    bad, well_again = status("502 A"), well(answer)
    # A repeat costs 14. A success gives back what its last repeat cost, or 1 if it had none: without
    # the first, 42 would be enough for one repeat in the last call, and 41 without the second.
    for quota in (42, 41):
        async with client_of(
            servers, bad, bad, well_again, well_again, bad, retries={"quota": quota, "attempts": 9}
        ) as (client, server, _):
            await call(client)
            await call(client)
            before = requests(server)
            with pytest.raises(ServerError):
                await call(client)
            assert requests(server) - before == 1 + 2
    async with client_of(servers, status("502 A"), well_again, retries={"quota": 13}) as found:
        client, server, _ = found
        with pytest.raises(ServerError):
            await call(client)
        assert requests(server) == 1


# Deadlines


#: Epoch seconds, from which virtual time counts, are no more exact than this.
EXACT_TO = 1e-5
REQUEST = Request(operation="test", method="GET", path="/", deadline=60)


@pytest.mark.parametrize("operation", ALL)
async def test_a_server_that_stalls_is_left_in_time(servers: type[Servers], operation: str) -> None:
    call, _ = ALL[operation]
    limits = {"deadline": 0.5, "exchange": 0.5, "keys": 0.5, "secret": 60, "read": 30}
    async with client_of(servers, UNKNOWN["stalls"], timeouts=limits) as (client, _, clock):
        started = asyncio.get_running_loop().time()
        with pytest.raises((DeadlineExceeded, OutcomeUnknown, KeySetUnavailable)):
            await call(client)
        assert asyncio.get_running_loop().time() - started < 10  # and not 30, or 60
        assert sum(clock.slept) <= 0.5


@pytest.mark.parametrize("operation", ["load", "create", "search"])
async def test_a_server_that_drips_is_left_in_time(servers: type[Servers], operation: str) -> None:
    async def drip(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(_HEAD)
        while True:
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.05)

    call, _ = ALL[operation]
    async with client_of(servers, lambda _: drip, timeouts={"deadline": 0.6}) as (client, _, _):
        with pytest.raises((DeadlineExceeded, OutcomeUnknown)) as caught:
            async with asyncio.timeout(15):
                await call(client)
    assert isinstance(caught.value, DeadlineExceeded | OutcomeUnknown)


async def test_a_head_that_drips_is_left_for_another_attempt(servers: type[Servers]) -> None:
    """Single bytes of it are no sign of life: whoever sends them has something else in mind."""

    async def drip(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for byte in _HEAD * 1000:
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0.05)

    limits = {"read": 0.4, "deadline": 60}
    async with client_of(servers, lambda _: drip, timeouts=limits) as (client, server, _):
        with pytest.raises(DeadlineExceeded) as caught:
            async with asyncio.timeout(30):
                await client.mgmt.access_key.load("K")
    assert caught.value.attempts == requests(server) == 3


async def test_an_error_whose_body_stalls_is_that_error(servers: type[Servers]) -> None:
    head = b"HTTP/1.1 404 Not Found\r\ncontent-length: 100\r\n\r\n{"

    async def stall(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(head)
        await writer.drain()
        await reader.read()

    for limits in ({"read": 0.3, "deadline": 60}, {"read": 30, "deadline": 0.3}):
        async with client_of(servers, lambda _: stall, timeouts=limits) as (client, _, _):
            async with asyncio.timeout(15):
                with pytest.raises(NotFound):
                    await client.mgmt.access_key.load("K")
            task = asyncio.current_task()
            assert task is not None
            assert task.cancelling() == 0


@given(
    failures=st.lists(FAILURES | LIMITS, max_size=12),
    took=st.lists(st.floats(0, 40), min_size=12, max_size=12),
    attempts=st.integers(1, 12),
    deadline=st.floats(0.1, 100),
    quota=st.integers(0, 100),
    once=st.booleans(),
)
def test_no_call_oversteps_its_limits(
    failures: list[DescopeError],
    took: list[float],
    attempts: int,
    deadline: float,
    quota: int,
    once: bool,
) -> None:
    clock = VirtualTime()
    repeats = Repeats(Retries(attempts=attempts, quota=quota), clock)
    request = Request(
        operation="test",
        method="POST",
        path="/",
        deadline=deadline,
        care=Once(operation="create", name="n") if once else Repeatable(),
    )
    until = clock.at + deadline
    made: list[DescopeError | None] = []

    async def carry_out(attempt: Any) -> str:
        assert attempt.limit == pytest.approx(until - clock.at, abs=EXACT_TO)
        assert attempt.limit > 0
        assert all(made)
        if once:
            assert not any(failure and judge(failure).may_be_done for failure in made)
        number = len(made)
        made.append(failures[number] if number < len(failures) else None)
        clock.at = min(until, clock.at + took[number % len(took)])
        if number < len(failures):
            raise failures[number]
        return "done"

    async def run() -> None:
        error: DescopeError | None = None
        try:
            assert await repeats.run(request, carry_out) == "done"
        except DescopeError as raised:
            error = raised
        if error is not None:
            assert error.attempts == len(made)
            may_be_done = any(failure and judge(failure).may_be_done for failure in made)
            assert isinstance(error, OutcomeUnknown) == (once and may_be_done)
        assert clock.at <= until + EXACT_TO
        assert len(made) <= attempts
        spent = sum(5 if judge(each).is_throttled else 14 for each in made[:-1] if each)
        assert spent <= quota

    asyncio.run(run())


@pytest.mark.parametrize(
    "given",
    [
        {"attempts": 0},
        {"attempts": True},
        {"attempts": 2.5},
        {"attempts": 21},
        {"max_wait": -1},
        {"max_wait": float("nan")},
        {"max_wait": "1"},
        {"quota": -1},
        {"quota": None},
        {"tries": 3},
        "three",
        3,
    ],
)
def test_options_that_cannot_be(given: Any) -> None:
    with pytest.raises(ConfigurationError, match="retries"):
        DescopeClient("P1", retries=given)
