"""What each fault puts on the wire, and whether the request was carried out."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from typing import Any, get_args

import pytest

from descope_async.emulator import Emulator, Fault
from descope_async.emulator._faults.fault import Effect
from tests.emulator.sockets import FOREVER, connected, names, quick, request, sent, strikes, until

Answer = tuple[int, dict[str, Any]]
Ask = Callable[..., Awaitable[Answer]]
Do = Callable[..., Awaitable[dict[str, Any]]]


@pytest.mark.parametrize("effect", get_args(Effect))
async def test_a_refused_request_is_struck_too(emulator: Emulator, effect: Any) -> None:
    emulator.faults.add(quick(effect))
    said = b"POST /v1/mgmt/accesskey/create HTTP/1.1\r\nConnection: close\r\n"
    try:
        await sent(emulator, said + b"Host: localhost\r\nContent-Length: 1\r\n\r\n{")
    except ConnectionResetError:
        assert effect in {"reset", "outage"}
    assert await names(emulator) == []
    assert strikes(emulator) == [1]


async def test_a_client_that_goes_away_ends_a_stall(emulator: Emulator) -> None:
    emulator.faults.add(Fault("stall", seconds=FOREVER))
    before = asyncio.all_tasks()
    _, writer = await connected(emulator)
    writer.write(request(emulator))
    await until(lambda: strikes(emulator) == [1])
    writer.close()
    await until(lambda: asyncio.all_tasks() == before)


async def test_the_request_log_knows_what_was_not_answered(emulator: Emulator) -> None:
    for nth, fault in enumerate(
        [
            Fault("close", nth=1, commit=True),
            Fault("status", nth=2, status=522, commit=True),
            Fault("drip", nth=3, seconds=0),
        ],
        1,
    ):
        assert fault.nth == nth
        emulator.faults.add(fault)
    for _ in range(3):
        await sent(emulator, request(emulator).replace(b"Host:", b"Connection: close\r\nHost:"))
    found = [(each.operation, each.status) for each in emulator.requests]
    assert found == [("access_key.create", status) for status in (None, 522, 200)]


async def test_a_fault_leaks_no_secret_into_logs(
    emulator: Emulator, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    secrets = [emulator.management_key]
    for effect in get_args(Effect):
        emulator.faults.clear()
        emulator.faults.add(quick(effect))
        try:
            answer = await sent(
                emulator, request(emulator).replace(b"Host:", b"Connection: close\r\nHost:")
            )
        except ConnectionError:
            continue
        if effect == "delay":
            secrets.append(json.loads(answer.partition(b"\r\n\r\n")[2])["cleartext"])
    assert len(secrets) == 2
    assert "fault: delay" in caplog.text
    for secret in secrets:
        assert secret not in caplog.text + repr(emulator.faults) + repr(list(emulator.faults))
