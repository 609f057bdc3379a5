"""What becomes of a create or a rotate without an answer, against a local Descope that is cut off."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from attrs import define, field

from descope_async import (
    DescopeClient,
    DescopeError,
    InvalidArgument,
    OutcomeUnknown,
    Unauthorized,
)
from descope_async.emulator import Emulator
from descope_async.testing import EmulatorClock
from tests.quick_time import QuickTime

Step = str | Callable[[], Awaitable[str]]


@define
class Line:
    """The way to a local Descope, which fails as told.

    Attributes:
        client: A client at this end of it.
        direct: A client without it.
        clock: The client's time.
        plan: By the end of a path, what happens to the next requests: "pass"; "lose" the answer;
            "drop" the request; "pause" before the answer; be "late", and carried out before the
            next request; be a "twin", and carried out before the next such request; "refuse" it; or
            find nothing where a text is looked for, because the service is "blind" there. A
            function is called first, and says which.
        passed: The ends of the paths of what has arrived at the service.
    """

    client: DescopeClient
    direct: DescopeClient
    clock: QuickTime
    plan: dict[str, list[Step]] = field(factory=dict[str, list[Step]])
    passed: list[str] = field(factory=list[str])

    async def works(self, secret: str) -> bool:
        try:
            await self.direct.exchange_access_key(secret)
        except Unauthorized:
            return False
        return True


Late = dict[str, Callable[[], Awaitable[object]]]


async def catch_up(late: Late, end: str) -> None:
    """Carry out what waited for a request to a path with this end."""
    if end != "license" and "late" in late:
        await late.pop("late")()
    if end == "create" and "twin" in late:
        await late.pop("twin")()


@pytest.fixture
async def line() -> AsyncIterator[Line]:
    late: Late = {}

    async def forward(request: web.BaseRequest) -> web.StreamResponse:
        body = await request.read()
        end = request.path.rsplit("/", 1)[1]
        step = (line.plan.get(end) or ["pass"]).pop(0)
        todo = step if isinstance(step, str) else await step()

        async def carry_out() -> web.Response:
            line.passed.append(end)
            url = emulator.base_url + request.path_qs
            async with session.request(
                request.method, url, data=body, headers=request.headers
            ) as answer:
                data = await answer.read()
                return web.Response(
                    status=answer.status, body=data, content_type=answer.content_type
                )

        if todo in {"late", "twin"}:
            late[todo] = carry_out
        elif todo == "refuse":
            return web.json_response({"errorCode": "E111119"}, status=401)
        elif todo == "blind" and json.loads(body).get("text"):
            return web.json_response({"keys": []})
        elif todo != "drop":
            await catch_up(late, end)
            answered = await carry_out()
            if todo == "pause":
                await asyncio.sleep(0.3)
            if todo in {"pass", "pause", "blind"}:
                return answered
        assert request.transport is not None
        request.transport.close()
        return web.Response()

    async with Emulator() as emulator, aiohttp.ClientSession() as session:
        runner = web.ServerRunner(web.Server(forward))
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        account = (emulator.project_id, emulator.management_key)
        async with (
            DescopeClient(
                *account,
                base_url=f"http://{host}:{port}",
                clock=(clock := QuickTime(emulator.clock)),
            ) as client,
            DescopeClient(
                *account, base_url=emulator.base_url, clock=EmulatorClock(emulator.clock)
            ) as direct,
        ):
            line = Line(client, direct, clock)
            try:
                yield line
            finally:
                await client.aclose()
                await runner.cleanup()


async def test_a_key_whose_answer_was_lost_gets_a_new_secret(line: Line) -> None:
    line.plan["create"] = ["lose"]
    created = await line.client.mgmt.access_key.create(
        "n", description="mine", on_unknown="reconcile"
    )
    assert await line.works(created.cleartext)
    (key,) = await line.direct.mgmt.access_key.search_all_access_keys()
    assert key.id == created.key.id
    assert key.description.startswith("mine op:")
    assert [path for path in line.passed if path != "license"] == [
        "create",
        "search",
        "rotate",
        "exchange",
    ]
    (slept,) = line.clock.slept
    assert 2 <= slept <= 2.2


async def test_a_key_that_was_not_made_is_made(line: Line) -> None:
    line.plan["create"] = ["drop"]
    created = await line.client.mgmt.access_key.create("n", on_unknown="reconcile")
    assert await line.works(created.cleartext)
    (key,) = await line.direct.mgmt.access_key.search_all_access_keys()
    assert key.id == created.key.id
    assert key.description.startswith("op:")
    assert len(line.clock.slept) == 3
    for slept, asked in zip(line.clock.slept, (2, 5, 10), strict=True):
        assert asked <= slept <= asked * 1.1


async def test_a_key_that_cannot_be_made_is_told_of(line: Line) -> None:
    line.plan["create"] = ["drop", "drop"]
    with pytest.raises(OutcomeUnknown) as caught:
        await line.client.mgmt.access_key.create("n", on_unknown="reconcile")
    assert caught.value.marker is not None
    assert caught.value.marker in str(caught.value)
    assert caught.value.result is None
    assert await line.direct.mgmt.access_key.search_all_access_keys() == []


async def test_twins_are_reported_and_kept(line: Line, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    line.plan["create"] = ["twin"]
    created = await line.client.mgmt.access_key.create("n", on_unknown="reconcile")
    keys = await line.direct.mgmt.access_key.search_all_access_keys()
    assert len(keys) == 2
    (twin,) = (key for key in keys if key.id != created.key.id)
    assert await line.works(created.cleartext)
    assert f"keep {created.key.id}, delete {twin.id}" in caplog.text


async def test_without_a_search_the_outcome_stays_unknown(line: Line) -> None:
    line.plan["create"] = ["lose"]
    line.plan["search"] = ["drop"] * 99
    with pytest.raises(OutcomeUnknown) as caught:
        await line.client.mgmt.access_key.create("n", on_unknown="reconcile")
    assert isinstance(caught.value.__cause__, DescopeError)
    assert line.passed.count("create") == 1


async def test_a_search_that_cannot_find_texts_is_not_trusted(line: Line) -> None:
    line.plan["create"] = ["lose"]
    line.plan["search"] = ["blind"] * 99
    await line.direct.mgmt.access_key.create("another", description="op:another")
    created = await line.client.mgmt.access_key.create("n", on_unknown="reconcile")
    assert await line.works(created.cleartext)
    assert len(await line.direct.mgmt.access_key.search_all_access_keys()) == 2


async def test_a_rotation_whose_answer_was_lost_is_repeated_and_proved(line: Line) -> None:
    created = await line.direct.mgmt.access_key.create("n")
    line.plan["rotate"] = ["lose", "lose"]
    fresh = await line.client.mgmt.access_key.rotate(created.key.id, on_unknown="reconcile")
    assert await line.works(fresh.cleartext)
    assert line.passed.count("rotate") == 3
    assert line.passed[-1] == "exchange"
    assert len(line.clock.slept) == 2
    assert all(60 <= slept <= 66 for slept in line.clock.slept)


async def test_a_secret_that_was_superseded_is_replaced(line: Line) -> None:
    """The first request is carried out between the second and its proof."""
    created = await line.direct.mgmt.access_key.create("n")
    line.plan["rotate"] = ["lose"]

    async def supersede() -> str:
        await line.direct.mgmt.access_key.rotate(created.key.id)
        return "pass"

    line.plan["exchange"] = [supersede]
    fresh = await line.client.mgmt.access_key.rotate(created.key.id, on_unknown="reconcile")
    assert await line.works(fresh.cleartext)
    assert line.passed.count("exchange") == 2


async def test_a_rotation_that_stays_unknown(line: Line) -> None:
    created = await line.direct.mgmt.access_key.create("n")
    line.plan["rotate"] = ["lose"] * 9
    with pytest.raises(OutcomeUnknown) as caught:
        await line.client.mgmt.access_key.rotate(created.key.id, on_unknown="reconcile")
    assert caught.value.key_id == created.key.id
    assert caught.value.result is None
    assert line.passed.count("rotate") == 4


async def test_a_secret_that_never_proves_is_handed_over(line: Line) -> None:
    created = await line.direct.mgmt.access_key.create("n")
    line.plan["rotate"] = ["lose"]
    line.plan["exchange"] = ["refuse"] * 9
    with pytest.raises(OutcomeUnknown) as caught:
        await line.client.mgmt.access_key.rotate(created.key.id, on_unknown="reconcile")
    assert caught.value.cleartext is not None
    assert await line.works(caught.value.cleartext)


async def test_a_key_for_other_addresses_needs_no_proof(line: Line) -> None:
    created = await line.direct.mgmt.access_key.create("n", permitted_ips=["192.0.2.0/24"])
    line.plan["rotate"] = ["lose"]
    fresh = await line.client.mgmt.access_key.rotate(created.key.id, on_unknown="reconcile")
    assert fresh.cleartext
    assert "exchange" not in line.passed


async def test_time_is_limited(line: Line) -> None:
    created = await line.direct.mgmt.access_key.create("n")

    async def take_long() -> str:
        line.clock.time.advance(200)
        return "lose"

    line.plan["rotate"] = [take_long]
    with pytest.raises(OutcomeUnknown):
        await line.client.mgmt.access_key.rotate(created.key.id, on_unknown="reconcile")
    assert line.clock.slept == []


@pytest.mark.parametrize("where", ["sleep", "search", "exchange"])
async def test_a_cancellation_tells_what_is_unknown(line: Line, where: str) -> None:
    reached, over = asyncio.Event(), asyncio.Event()

    async def hang(*_: object) -> str:
        reached.set()
        await over.wait()
        return "drop"

    if where == "sleep":
        line.clock.at_pause = hang
    else:
        line.plan[where] = [hang]
    line.plan["create"] = ["lose"]
    task = asyncio.create_task(line.client.mgmt.access_key.create("n", on_unknown="reconcile"))
    await reached.wait()
    task.cancel()
    with pytest.raises(OutcomeUnknown) as caught:
        await task
    over.set()
    assert caught.value.is_interrupted
    assert caught.value.marker
    if where == "exchange":
        assert caught.value.cleartext is not None
        assert await line.works(caught.value.cleartext)


@pytest.mark.parametrize("operation", ["create", "rotate"])
async def test_after_a_cancellation_nothing_more_is_begun(line: Line, operation: str) -> None:
    created = await line.direct.mgmt.access_key.create("n")
    line.plan[operation] = ["pause"]
    keys = line.client.mgmt.access_key
    task = asyncio.create_task(
        keys.create("n", on_unknown="reconcile")
        if operation == "create"
        else keys.rotate(created.key.id, on_unknown="reconcile")
    )
    while operation not in line.passed:  # noqa: ASYNC110 - a list tells nobody
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(OutcomeUnknown) as caught:
        await task
    assert caught.value.cleartext is not None
    assert await line.works(caught.value.cleartext)
    assert [path for path in line.passed if path != "license"] == [operation]


@pytest.mark.parametrize("given", ["retry", None, True, ""])
async def test_another_way_is_refused(line: Line, given: Any) -> None:
    with pytest.raises(InvalidArgument, match="on_unknown"):
        await line.client.mgmt.access_key.create("n", on_unknown=given)
    with pytest.raises(InvalidArgument, match="on_unknown"):
        await line.client.mgmt.access_key.rotate("AK1", on_unknown=given)
    assert line.passed == []


async def test_what_the_service_refuses_is_not_unknown(line: Line) -> None:
    with pytest.raises(DescopeError) as caught:
        await line.client.mgmt.access_key.rotate("AKnone", on_unknown="reconcile")
    assert not isinstance(caught.value, OutcomeUnknown)
    project, base_url = line.client.project_id, line.client.base_url
    async with DescopeClient(project, "Kwrong", base_url=base_url) as stranger:
        with pytest.raises(Unauthorized):
            await stranger.mgmt.access_key.create("n", on_unknown="reconcile")
    assert line.clock.slept == []
