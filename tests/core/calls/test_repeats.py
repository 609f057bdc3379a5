"""Which calls are repeated after which failures, counted by a server that fails as told."""

from __future__ import annotations

import asyncio
import json
from contextlib import AsyncExitStack
from itertools import product
from typing import Any

import pytest

from descope_async import (
    ApiError,
    BadRequest,
    ConfigurationError,
    Conflict,
    ConnectionFailed,
    DescopeClient,
    DescopeError,
    Forbidden,
    KeySetUnavailable,
    NotFound,
    OutcomeUnknown,
    RequestFailed,
    Unauthorized,
    UnexpectedResponse,
)
from tests.core.calls.badly_served import (
    _HEAD,
    ALL,
    KEY,
    ONCE,
    REPEATABLE,
    SECRET,
    UNKNOWN,
    Fault,
    client_of,
    requests,
    sent,
    status,
    well,
)
from tests.quick_time import QuickTime
from tests.servers import Servers

#: By what the service's behaviour proves, as docs/explanation/retries.md has it.
NOT_PROCESSED: dict[str, Fault] = {
    "429": status("429 Slow", "Retry-After: 1"),
    "E130429": status("400 Bad", "Retry-After: 1", body=b'{"errorCode": "E130429"}'),
    **{code: status(f"{code} Down") for code in ("421", "425", "521", "523", "525", "526", "530")},
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
    assert not error.is_interrupted
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
        assert not caught.value.may_be_done
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
        assert error.may_be_done
    else:
        assert isinstance(error, ApiError)
        assert error.may_be_done == (fault == "502")


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
    assert caught.value.may_be_done
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
            assert caught.value.may_be_done
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
    assert not caught.value.may_be_done
    assert caught.value.attempts == 2


async def test_a_look_that_fails_leaves_the_refusal(servers: type[Servers]) -> None:
    async with client_of(servers, UNKNOWN["502"], status("409 No"), status("401 No")) as found:
        client, _, _ = found
        with pytest.raises(Conflict):
            await client.mgmt.access_key.activate("AK1")


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
