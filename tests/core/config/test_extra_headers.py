"""What a program wants every request to say."""

from __future__ import annotations

import asyncio
import json
import logging
import traceback
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

import pytest

from descope_async import ConfigurationError, DescopeClient, DescopeError
from tests.servers import RawServer, Servers

KEY = json.dumps({"key": {"id": "AK1", "name": "n"}, "cleartext": "K2new"}).encode()


def fields(head: bytes) -> dict[str, str]:
    lines = head.decode().split("\r\n")[1:]
    return {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}


def heads(server: RawServer) -> list[dict[str, str]]:
    return [fields(each) for each in server.received if b" HTTP/1.1\r\n" in each]


async def test_they_go_with_every_request(servers: type[Servers]) -> None:
    async with servers.running(servers.answer("200 OK", KEY)) as server:
        async with DescopeClient(
            "P1",
            "K1",
            base_url=server.base_url,
            headers={"CF-Access-Client-Secret": "s3cret", "X-Team": "billing team"},
            user_agent="billing/2.1 (EU)",
            retries={"attempts": 1},
        ) as client:
            await client.mgmt.access_key.load("AK1")
            await client.mgmt.access_key.create("n")
            for call in (client.refresh_key_set(), client.exchange_access_key("K2")):
                with pytest.raises(DescopeError):
                    await call
        found = heads(server)
    assert len(found) == 5  # with the one for the license
    for head in found:
        assert head["cf-access-client-secret"] == "s3cret"
        assert head["x-team"] == "billing team"
        assert head["user-agent"].startswith("descope-async/")
        assert head["user-agent"].endswith(" billing/2.1 (EU)")


RID: ContextVar[str] = ContextVar("RID")


def failing() -> str:
    raise LookupError("canary")


def cancelled() -> str:
    raise asyncio.CancelledError("canary")


def saying(value: Any) -> Callable[[], Any]:
    return lambda: value


SOURCES: dict[str, tuple[Any, str | None]] = {
    "a variable": (RID, "req-7"),
    "a method": (RID.get, "req-7"),
    "none": (saying(None), None),
    "a number": (saying(7), None),
    "empty": (saying(""), None),
    "a space": (saying("a b"), None),
    "a line end": (saying("x\r\nInjected: y"), None),
    "outside ASCII": (saying("é"), None),
    "too long": (saying("x" * 129), None),
    "as long as may be": (saying("x" * 128), "x" * 128),
    "failing": (failing, None),
    "cancelled": (cancelled, None),
}


@pytest.mark.parametrize(("source", "sent"), SOURCES.values(), ids=SOURCES)
async def test_the_id_of_the_caller_s_request(
    servers: type[Servers],
    source: Any,
    sent: str | None,
    caplog: pytest.LogCaptureFixture,
) -> None:
    RID.set("req-7")
    async with servers.running(servers.answer("200 OK", KEY), license=servers.licensed) as server:
        async with DescopeClient(
            "P1", "K1", base_url=server.base_url, external_request_id=source
        ) as client:
            await client.mgmt.access_key.load("AK1")
            await client.mgmt.access_key.create("n")
        assert [head.get("x-external-rid") for head in heads(server)] == [sent] * 2
    warned = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert bool(warned) is (source in (failing, cancelled))
    assert "canary" not in caplog.text


async def test_each_task_has_its_own_id(servers: type[Servers]) -> None:
    async with servers.running(servers.answer("200 OK", KEY), license=servers.licensed) as server:
        async with DescopeClient(
            "P1", "K1", base_url=server.base_url, external_request_id=RID
        ) as client:

            async def call(number: int) -> None:
                if number:
                    RID.set(f"req-{number}")
                await client.mgmt.access_key.load(f"AK{number}")

            await asyncio.gather(*(call(number) for number in range(5)))
        lines = [head.split(b" ")[1] for head in server.received]
        found = [head.get("x-external-rid") for head in heads(server)]
    assert dict(zip(lines, found, strict=True)) == {
        b"/v1/mgmt/accesskey?id=AK0": None,
        **{f"/v1/mgmt/accesskey?id=AK{n}".encode(): f"req-{n}" for n in range(1, 5)},
    }


def test_a_blocking_call_has_the_id_of_its_thread() -> None:
    import descope_sync
    from descope_sync.emulator import Emulator

    seen: list[object] = []

    def noting() -> str | None:
        seen.append(RID.get(None))
        return None

    RID.set("req-blocking")
    with (
        Emulator() as emulator,
        descope_sync.DescopeClient(
            emulator.project_id,
            emulator.management_key,
            base_url=emulator.base_url,
            external_request_id=noting,
        ) as client,
    ):
        client.mgmt.access_key.search_all_access_keys()
    assert set(seen) == {"req-blocking"}


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ("canary", "mapping"),
        ([("X", "canary")], "mapping"),
        ({"": "canary"}, "no name of a header"),
        ({"X Y": "canary"}, "no name of a header"),
        ({"X:": "canary"}, "no name of a header"),
        ({"X\r\nY": "canary"}, "no name of a header"),
        ({b"X": "canary"}, "no name of a header"),
        ({"X": "canary\r\nY: z"}, "line end"),
        ({"X": "canary\n"}, "line end"),
        ({"X": "canary\x00"}, "printable"),
        ({"X": "canaryé"}, "printable"),
        ({"X": " canary"}, "spaces around"),
        ({"X": ""}, "not empty"),
        ({"X": b"canary"}, "string"),
        ({"X": 7}, "string"),
        ({"X": "canary" * 2000}, "printable"),
        ({"X": "canary", "x": "canary"}, "more than once"),
        ({f"X{n}": "canary" for n in range(51)}, "more than 50"),
        ({"authorization": "Bearer canary"}, "the client's own"),
        ({"Host": "canary"}, "the client's own"),
        ({"Content-Length": "1"}, "the client's own"),
        ({"Transfer-Encoding": "chunked"}, "the client's own"),
        ({"X-Descope-Project-Id": "canary"}, "the client's own"),
        ({"x-external-rid": "canary"}, "the client's own"),
        ({"Proxy-Authorization": "canary"}, "the client's own"),
        ({"User-Agent": "canary"}, "pass user_agent"),
    ],
)
def test_headers_that_cannot_be_are_refused_and_not_quoted(given: Any, why: str) -> None:
    with pytest.raises(ConfigurationError, match=why) as caught:
        DescopeClient("P1", headers=given)
    assert "canary" not in str(caught.value)
    error, below = caught.value, caught.tb.tb_next  # without the frame of this test
    shown = traceback.TracebackException(type(error), error, below, capture_locals=True)
    assert "canary" not in "".join(shown.format())


def test_headers_are_in_no_repr() -> None:
    client = DescopeClient("P1", headers={"X": "canary"})
    assert "canary" not in repr(client) + repr(vars(client))


@pytest.mark.parametrize("given", [" x", "x\r\nY: z", "é", "x" * 201, 7, b"x"])
def test_a_user_agent_that_cannot_be(given: Any) -> None:
    with pytest.raises(ConfigurationError, match="user_agent"):
        DescopeClient("P1", user_agent=given)


async def awaited() -> str:
    return "x"


class Awaited:
    async def __call__(self) -> str:
        return "x"


@pytest.mark.parametrize("given", ["req-7", 7, awaited, Awaited()])
def test_a_source_of_ids_that_cannot_be(given: Any) -> None:
    with pytest.raises(ConfigurationError, match="external_request_id"):
        DescopeClient("P1", external_request_id=given)


@pytest.mark.parametrize(
    "given",
    [
        5,
        {"max": 5},
        {"connections": 0},
        {"connections": 1.5},
        {"connections": True},
        {"keepalive": -1},
    ],
)
def test_limits_that_cannot_be(given: Any) -> None:
    with pytest.raises(ConfigurationError, match="limits"):
        DescopeClient("P1", limits=given)


async def test_a_limit_of_connections(servers: type[Servers]) -> None:
    open_now, most = 0, 0

    def counting(answer: Callable[..., Any]) -> Callable[..., Any]:
        async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal open_now, most
            open_now += 1
            most = max(most, open_now)
            await asyncio.sleep(0.02)
            open_now -= 1
            await answer(reader, writer)

        return behave

    async with (
        servers.running(
            counting(servers.answer("200 OK", KEY)), license=servers.licensed
        ) as server,
        DescopeClient("P1", "K1", base_url=server.base_url, limits={"connections": 2}) as client,
    ):
        await asyncio.gather(*(client.mgmt.access_key.load("AK1") for _ in range(10)))
    assert most <= 2
