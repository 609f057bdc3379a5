"""What hooks and the log are told, in which order, and that telling hurts nobody."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Iterator
from typing import Any

import attrs
import pytest

import descope_sync.emulator
from descope_async import (
    ConfigurationError,
    DescopeClient,
    NotFound,
    events,
)
from descope_async.emulator import Emulator
from descope_async.events import (
    AttemptEnded,
    Call,
    CallEvent,
    Event,
)
from tests.core.events.telling import CREATE, DONE, Told, local_client


@pytest.fixture
def told() -> Told:
    return Told()


async def test_a_failing_hook_hurts_nobody(told: Told, caplog: pytest.LogCaptureFixture) -> None:
    def broken(event: Event) -> None:
        if isinstance(event, AttemptEnded):
            raise asyncio.CancelledError
        raise RuntimeError("what the hook says")

    async with Emulator() as emulator, local_client(emulator, broken, told) as client:
        created = await client.mgmt.access_key.create("n")
        session = await client.exchange_access_key(created.cleartext)
        await client.validate_session(session.jwt)
        assert client.validate_session_nowait(session.jwt) == session
        with pytest.raises(NotFound):
            await client.mgmt.access_key.load("AK9")
        assert await client.token_source(created.cleartext).token()
        assert await client.access_key_verifier().verify(created.cleartext)
    assert told.of(CREATE) == ["CallStarted", ("attempt", 1, 200, None), DONE]
    (record,) = [each for each in caplog.records if each.levelno == logging.ERROR]
    assert record.name == "descope_async"
    assert "hooks[0] failed" in record.getMessage()
    assert "what the hook says" in record.getMessage()
    assert record.exc_info is None


async def test_a_slow_hook_only_takes_time(told: Told) -> None:
    def slow(event: Event) -> None:
        if isinstance(event, AttemptEnded):
            time.sleep(1)

    limits = {"deadline": 10}
    async with (
        Emulator() as emulator,
        local_client(emulator, slow, told, timeouts=limits) as client,
    ):
        created = await client.mgmt.access_key.create("n")
        assert created.cleartext
    assert told.of(CREATE)[-1] == DONE


async def test_a_failing_log_hurts_nobody(told: Told) -> None:
    class Broken(logging.Filter):
        def filter(self, record: logging.LogRecord) -> bool:
            raise RuntimeError(record.name)

    logger, broken = logging.getLogger("descope_async"), Broken()
    logger.setLevel(logging.DEBUG)
    logger.addFilter(broken)
    try:
        async with Emulator() as emulator, local_client(emulator, told) as client:
            assert (await client.mgmt.access_key.create("n")).cleartext
    finally:
        logger.removeFilter(broken)
        logger.setLevel(logging.NOTSET)
    assert told.of(CREATE)[-1] == DONE


async def _coroutine(_: Event) -> None: ...


class _Awaited:
    async def __call__(self, event: Event) -> None: ...


@pytest.mark.parametrize(
    ("hooks", "problem"),
    [
        (print, "hooks must be a list"),
        (5, "hooks must be a list"),
        ({print}, "hooks must be a list"),
        ([None], r"hooks\[0\] cannot be called: NoneType"),
        ("ab", r"hooks\[0\] cannot be called: str"),
        ([print, _coroutine], r"hooks\[1\] must be a plain function"),
        ([_Awaited()], r"hooks\[0\] must be a plain function"),
    ],
)
def test_what_is_no_hook(hooks: Any, problem: str) -> None:
    with pytest.raises(ConfigurationError, match=problem):
        DescopeClient("P1", hooks=hooks)


@pytest.mark.parametrize("hooks", [None, [], ()])
async def test_without_hooks(hooks: Any) -> None:
    async with Emulator() as emulator:
        settings: Any = {"base_url": emulator.base_url, "hooks": hooks}
        async with DescopeClient(
            emulator.project_id, emulator.management_key, **settings
        ) as client:
            assert await client.mgmt.access_key.search_all_access_keys() == []


def every_kind() -> Iterator[type[Event]]:
    for name in events.__all__:
        kind = getattr(events, name)
        if isinstance(kind, type) and issubclass(kind, Event) and kind not in {Event, CallEvent}:
            yield kind


@pytest.mark.parametrize("kind", list(every_kind()))
def test_an_event_can_hold_plain_values_only(kind: type[Event]) -> None:
    for attribute in attrs.fields(attrs.resolve_types(kind)):
        shown = str(attribute.type)
        assert (
            attribute.type in {Call, str, int, float, bool}
            or "Literal[" in shown
            or all(part in {"str", "int", "float", "None"} for part in shown.split(" | "))
        ), (attribute.name, shown)


def test_hooks_of_blocking_code(told: Told) -> None:
    threads = set[threading.Thread]()

    def where(_: Event) -> None:
        threads.add(threading.current_thread())

    with (
        descope_sync.emulator.Emulator() as emulator,
        descope_sync.DescopeClient(
            emulator.project_id,
            emulator.management_key,
            base_url=emulator.base_url,
            hooks=[where, told],
        ) as client,
    ):
        client.mgmt.access_key.create("n")
    assert told.of(CREATE) == ["CallStarted", ("attempt", 1, 200, None), DONE]
    assert threads
    assert threading.current_thread() not in threads
