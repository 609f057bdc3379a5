from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from threading import Thread
from typing import Any

import aiohttp
import pytest

from descope_async import DescopeClient
from descope_async.emulator import Emulator, EmulatorError, RecordedRequest, RequestLog

Answer = tuple[int, dict[str, Any]]
Ask = Callable[..., Awaitable[Answer]]
Create = Callable[..., Awaitable[tuple[dict[str, Any], str]]]


def recorded(**values: Any) -> RecordedRequest:
    return RecordedRequest(
        **{
            "operation": "exchange",
            "method": "POST",
            "path": "/v1/auth/accesskey/exchange",
            "project_id": "P1",
            "status": 200,
            "time": 0.0,
            "request_id": "",
            **values,
        }
    )


async def test_a_request_is_named_dated_and_counted(
    emulator: Emulator, create: Create, exchange: Ask, ask: Ask
) -> None:
    emulator.clock.freeze()
    _, cleartext = await create()
    emulator.clock.advance(5)
    await exchange(cleartext)
    await exchange("Kwrong")
    async with aiohttp.ClientSession(emulator.base_url) as session:
        path = f"/v2/keys/{emulator.project_id}"
        async with session.get(path) as response:
            request_id = response.headers["x-request-id"]
    await ask("GET", "/v2/keys/P404")
    requests = list(emulator.requests)
    now = emulator.clock.now()
    assert [(each.operation, each.status, each.time) for each in requests] == [
        ("access_key.create", 200, now - 5),
        ("exchange", 200, now),
        ("exchange", 401, now),
        ("key_set", 200, now),
        ("key_set", 404, now),
    ]
    assert [each.project_id for each in requests] == [emulator.project_id] * 4 + [""]
    assert requests[3] == RecordedRequest(
        operation="key_set",
        method="GET",
        path="/v2/keys/{project}",
        project_id=emulator.project_id,
        status=200,
        time=now,
        request_id=request_id,
    )
    count = emulator.requests.count
    assert (count(), count("exchange"), count("key_set")) == (5, 2, 2)
    assert count("exchange", status=401) == count("key_set", project_id=emulator.project_id) == 1
    assert count("exchange", project_id="P404") == count("license") == 0
    assert emulator.requests.matching("exchange", status=401) == [requests[2]]
    emulator.requests.clear()
    assert (count(), list(emulator.requests)) == (0, [])


async def test_a_reason_quotes_nothing_that_a_caller_has_made_up(
    emulator: Emulator, ask: Ask
) -> None:
    bearer = f"{emulator.project_id}:{emulator.management_key}"
    entity = {"entity": "access_key", "data": {"name": "k", "roleNames": ["CANARY"]}}
    _, refused = await ask("POST", "/v1/mgmt/infra", bearer, json=entity)
    await ask("POST", "/v1/mgmt/audit/search", bearer)
    await ask("GET", "/scim/v2/CANARY", bearer)
    assert "CANARY" in refused["errorMessage"]
    assert [each.reason for each in emulator.requests] == [
        f"Role … does not exist in project {emulator.project_id}",
        "The local Descope does not emulate POST /v1/mgmt/audit/search",
        "The local Descope does not emulate GET /scim/v2…",
    ]


async def test_operations_have_the_names_that_the_clients_errors_have(emulator: Emulator) -> None:
    async with DescopeClient(
        emulator.project_id, emulator.management_key, base_url=emulator.base_url
    ) as client:
        keys = client.mgmt.access_key
        created = await keys.create("k")
        await keys.load(created.key.id)
        await keys.search_all_access_keys()
        await keys.update(created.key.id, "k")
        await keys.deactivate(created.key.id)
        await keys.activate(created.key.id)
        rotated = await keys.rotate(created.key.id)
        await client.exchange_access_key(rotated.cleartext)
        await keys.deactivate_batch([created.key.id])
        await keys.activate_batch([created.key.id])
        await keys.delete(created.key.id)
        created = await keys.create("k")
        await keys.delete_batch([created.key.id])
    found = dict.fromkeys(each.operation for each in emulator.requests)
    found.pop("license", None)  # asked for in the background
    assert list(found) == [
        "access_key.create",
        "access_key.load",
        "access_key.search",
        "access_key.update",
        "access_key.deactivate",
        "access_key.activate",
        "access_key.rotate",
        "exchange",
        "key_set",
        "access_key.deactivate_batch",
        "access_key.activate_batch",
        "access_key.delete",
        "access_key.delete_batch",
    ]


async def test_every_kind_of_answer_is_recorded(emulator: Emulator, manage: Ask, ask: Ask) -> None:
    assert (await manage("accesskey/create", method="PUT"))[0] == 405
    assert (await ask("GET", "/v1/nothing"))[0] == 404
    assert (await ask("POST", "/v2/keys/P1"))[0] == 405
    assert (await ask("GET", "/v1/mgmt/license", headers={"Host": "evil.test"}))[0] == 403
    assert (await manage("accesskey/create", data=b"{"))[0] == 400
    assert (await ask("PROPFIND", "/v1/mgmt/license"))[0] == 405
    found = [(each.operation, each.method, each.path, each.status) for each in emulator.requests]
    assert found == [
        ("unknown", "PUT", "/v1/mgmt/accesskey/create", 405),
        ("unknown", "GET", "", 404),
        ("unknown", "POST", "/v2/keys/{project}", 405),
        ("license", "GET", "/v1/mgmt/license", 403),
        ("access_key.create", "POST", "/v1/mgmt/accesskey/create", 400),
        ("unknown", "", "/v1/mgmt/license", 405),
    ]


async def test_no_secret_is_recorded_wherever_it_was_put(
    emulator: Emulator, create: Create, ask: Ask
) -> None:
    secret = "KCANARY"
    _, cleartext = await create(cleartext=secret, name=secret)
    places: list[tuple[str, str, str, dict[str, Any]]] = [
        ("GET", f"/{secret}", "", {}),
        ("GET", f"/v2/keys/{secret}", "", {}),
        ("GET", f"/v1/mgmt/accesskey?id={secret}", f"{emulator.project_id}:{secret}", {}),
        ("POST", "/v1/auth/accesskey/exchange", secret, {"json": {secret: secret}}),
        ("POST", "/v1/auth/accesskey/exchange", f"{secret}:{cleartext}", {"json": {}}),
        ("POST", "/v1/auth/accesskey/exchange", f"{emulator.project_id}:{cleartext}", {}),
        ("GET", "/v1/mgmt/license", "", {"headers": {"x-request-id": secret}}),
    ]
    for method, path, bearer, more in places:
        await ask(method, path, bearer, **more)
    assert emulator.requests.count() == 1 + len(places)
    shown = repr(list(emulator.requests)) + repr(emulator.requests)
    for hidden in (secret, cleartext, emulator.management_key):
        assert hidden not in shown


@pytest.mark.parametrize(
    "operation", ["exchanges", "", "Exchange", "/v1/mgmt/license", 5, b"exchange"]
)
def test_a_misspelt_operation_is_no_zero(operation: Any) -> None:
    for ask in (RequestLog().count, RequestLog().matching):
        with pytest.raises(EmulatorError, match="operation must be one of access_key"):
            ask(operation)


def test_the_count_goes_on_when_the_oldest_are_forgotten() -> None:
    log = RequestLog()
    for number in range(10_010):
        log.add(recorded(time=number))
    assert log.count() == 10_010
    kept = list(log)
    assert len(kept) == 10_000
    assert (kept[0].time, kept[-1].time) == (10, 10_009)


def test_threads_may_read_while_requests_come() -> None:
    log = RequestLog()

    def fill() -> None:
        for number in range(2000):
            log.add(recorded(status=number))

    threads = [Thread(target=fill) for _ in range(4)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        assert log.count() <= 8000
        assert len(list(log)) <= 8000
    assert log.count() == 8000
    assert log.count("exchange", status=7) == 4


async def test_many_at_once_are_all_counted(
    emulator: Emulator, create: Create, exchange: Ask
) -> None:
    _, cleartext = await create()
    await asyncio.gather(*(exchange(cleartext) for _ in range(100)))
    assert emulator.requests.count("exchange", status=200) == 100


async def test_it_can_be_read_after_the_end() -> None:
    async with (
        Emulator() as emulator,
        aiohttp.ClientSession(emulator.base_url) as session,
        session.get("/v1/mgmt/license") as response,
    ):
        assert response.status == 401
    assert emulator.requests.count("license", status=401) == 1
