"""What hooks and the log are told, in which order, and that telling hurts nobody."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import attrs
import pytest

import descope_sync.emulator
from descope_async import (
    ConfigurationError,
    DescopeClient,
    DescopeError,
    KeySetUnavailable,
    NotFound,
    OutcomeUnknown,
    RateLimited,
    ServerError,
    TokenMalformed,
    Unauthorized,
    UnknownKey,
    events,
)
from descope_async.emulator import Emulator, Fault
from descope_async.events import (
    AccessKeyChecked,
    AttemptEnded,
    Call,
    CallEnded,
    CallEvent,
    CallHeld,
    CallStarted,
    Event,
    GateClosed,
    Hook,
    KeySetFetched,
    RetryPlanned,
    SessionChecked,
    StaleTokenServed,
    TokenRenewed,
)
from descope_async.testing import EmulatorClock
from tests.quick_time import QuickTime
from tests.servers import Servers

KEY = {"id": "AK1", "name": "n", "status": "active"}
GOOD = ("200 OK", json.dumps({"key": KEY, "cleartext": "the secret"}).encode())
_PLAIN = (str, int, float, bool, type(None))


def short(event: CallEvent) -> Any:
    """What matters of an event in an order of events."""
    found: Any = type(event).__name__
    match event:
        case AttemptEnded():
            found = ("attempt", event.number, event.status_code, event.error_type)
        case RetryPlanned():
            found = ("retry", event.number, event.reason)
        case GateClosed():
            found = ("gate", event.extended)
        case CallEnded():
            found = ("ended", event.outcome, event.attempts, event.error_type)
    return found


class Told:
    """A hook that keeps what it is told."""

    def __init__(self) -> None:
        self.events = list[Event]()

    def __call__(self, event: Event) -> None:
        self.events.append(event)

    def of(self, operation: str) -> list[Any]:
        return [
            short(event)
            for event in self.events
            if isinstance(event, CallEvent) and event.call.operation == operation
        ]

    def all(self, kind: type[Any]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]


async def until(is_so: Callable[[], bool]) -> None:
    while not is_so():  # noqa: ASYNC110 - nothing tells
        await asyncio.sleep(0.01)


@pytest.fixture
def told() -> Told:
    return Told()


def client_of(server: Any, *hooks: Hook, **settings: Any) -> DescopeClient:
    impatient = {"timeouts": {"read": 0.3, "secret": 0.3}}
    return DescopeClient(
        "P1", "K1", base_url=server.base_url, hooks=hooks, **{**impatient, **settings}
    )


def local_client(emulator: Emulator, *hooks: Hook, **settings: Any) -> DescopeClient:
    return DescopeClient(
        emulator.project_id,
        emulator.management_key,
        base_url=emulator.base_url,
        hooks=hooks,
        **settings,
    )


LOAD, CREATE = "access_key.load", "access_key.create"
BUSY = ("503 Busy", b"<html>")
SLOW = ("429 Slow", b"", "Retry-After: 1")
DONE = ("ended", "done", 1, None)


@pytest.mark.parametrize(
    ("answers", "operation", "expected"),
    [
        ([GOOD], LOAD, ["CallStarted", ("attempt", 1, 200, None), DONE]),
        (
            [BUSY, GOOD],
            LOAD,
            [
                "CallStarted",
                ("attempt", 1, 503, "ServerError"),
                ("retry", 2, "failed"),
                ("attempt", 2, 200, None),
                ("ended", "done", 2, None),
            ],
        ),
        (
            [BUSY],
            LOAD,
            [
                "CallStarted",
                ("attempt", 1, 503, "ServerError"),
                ("retry", 2, "failed"),
                ("attempt", 2, 503, "ServerError"),
                ("retry", 3, "failed"),
                ("attempt", 3, 503, "ServerError"),
                ("ended", "error", 3, "ServerError"),
            ],
        ),
        (
            [SLOW, GOOD],
            LOAD,
            [
                "CallStarted",
                ("attempt", 1, 429, "RateLimited"),
                ("gate", False),
                ("retry", 2, "throttled"),
                ("attempt", 2, 200, None),
                ("ended", "done", 2, None),
            ],
        ),
        (
            [("429 Slow", b"", "Retry-After: 600")],
            LOAD,
            [
                "CallStarted",
                ("attempt", 1, 429, "RateLimited"),
                ("gate", False),
                ("ended", "error", 1, "RateLimited"),
            ],
        ),
        (
            [("404 None", b"")],
            LOAD,
            ["CallStarted", ("attempt", 1, 404, "NotFound"), ("ended", "error", 1, "NotFound")],
        ),
        (
            [None],
            CREATE,
            [
                "CallStarted",
                ("attempt", 1, None, "ConnectionFailed"),
                ("ended", "unknown", 1, "OutcomeUnknown"),
            ],
        ),
        (
            [BUSY],
            CREATE,
            [
                "CallStarted",
                ("attempt", 1, 503, "ServerError"),
                ("ended", "unknown", 1, "OutcomeUnknown"),
            ],
        ),
    ],
    ids=["done", "retry", "exhausted", "gate", "long gate", "error", "cut", "unknown"],
)
async def test_the_order_of_a_calls_events(
    servers: type[Servers], told: Told, answers: list[Any], operation: str, expected: list[Any]
) -> None:
    behaviours = [servers.raw(b"") if each is None else servers.answer(*each) for each in answers]
    async with (
        servers.running(servers.in_turn(*behaviours), license=servers.licensed) as server,
        client_of(server, told, clock=QuickTime()) as client,
    ):
        with suppress(DescopeError):
            if operation == LOAD:
                await client.mgmt.access_key.load("AK1")
            else:
                await client.mgmt.access_key.create("n")
    assert told.of(operation) == expected
    (call,) = {event.call for event in told.all(CallEvent) if event.call.operation == operation}
    assert isinstance(call, Call)
    assert (call.server_address, call.project_id) == ("127.0.0.1", "P1")
    assert server.base_url.endswith(f":{call.server_port}")
    assert (call.method, call.path) == (
        ("GET", "/v1/mgmt/accesskey")
        if operation == LOAD
        else ("POST", "/v1/mgmt/accesskey/create")
    )


async def test_what_an_event_says(servers: type[Servers], told: Told) -> None:
    body = b'{"errorCode": "E011", "errorDescription": "no"}'
    first = servers.answer("503 Busy", body, "Retry-After: 2", "x-request-id: R1")
    last = servers.answer("200 OK", GOOD[1], "cf-ray: R2")
    async with (
        servers.running(servers.in_turn(first, last), license=servers.licensed) as server,
        client_of(server, told, clock=(clock := QuickTime())) as client,
    ):
        before = time.monotonic()
        await client.mgmt.access_key.load("AK1")
        took = time.monotonic() - before
    failed, good = [event for event in told.all(AttemptEnded) if event.call.operation == LOAD]
    (retry,) = told.all(RetryPlanned)
    (ended,) = [event for event in told.all(CallEnded) if event.call.operation == LOAD]
    assert (failed.request_id, failed.error_code, failed.sent, failed.reused) == (
        "R1",
        "E011",
        True,
        False,
    )
    assert (good.request_id, good.error_code, good.sent) == ("R2", None, True)
    assert (ended.request_id, ended.resends, ended.status_code) == ("R2", 1, 200)
    assert (retry.error_type, retry.status_code) == ("ServerError", 503)
    assert [retry.delay] == clock.slept
    assert retry.delay >= 2
    assert retry.quota_left == 495
    assert ended.quota_left == 500
    assert 0 < failed.duration <= took
    assert retry.delay < ended.duration <= took + retry.delay


async def test_nothing_was_sent(told: Told, unused_port: int) -> None:
    client = DescopeClient(
        "P1",
        "K1",
        base_url=f"http://127.0.0.1:{unused_port}",
        hooks=[told],
        retries={"attempts": 1},
    )
    async with client:
        with pytest.raises(DescopeError):
            await client.mgmt.access_key.create("n")
    (attempt,) = [each for each in told.all(AttemptEnded) if each.call.operation == CREATE]
    assert (attempt.sent, attempt.status_code, attempt.request_id) == (False, None, None)
    assert told.of(CREATE)[-1] == ("ended", "error", 1, "ConnectionFailed")


async def test_a_closed_gate(servers: type[Servers], told: Told) -> None:
    slow, good = servers.answer(*SLOW), servers.answer(*GOOD)
    async with (
        servers.running(servers.in_turn(slow, good), license=servers.licensed) as server,
        client_of(server, told, retries={"attempts": 1}, clock=(clock := QuickTime())) as client,
    ):
        with pytest.raises(RateLimited):
            await client.mgmt.access_key.load("AK1")
        (gate,) = told.all(GateClosed)
        assert gate.seconds == 1
        assert gate.until - clock.now() == pytest.approx(1, abs=0.9)
        told.events.clear()
        await client.mgmt.access_key.load("AK1")
    assert told.of(LOAD) == ["CallStarted", "CallHeld", ("attempt", 1, 200, None), DONE]
    (held,) = told.all(CallHeld)
    assert 0 < held.delay <= 1.1
    assert clock.slept == [held.delay]


async def test_a_call_that_the_gate_refuses(servers: type[Servers], told: Told) -> None:
    slow = servers.answer("429 Slow", b"", "Retry-After: 600")
    async with (
        servers.running(slow, license=servers.licensed) as server,
        client_of(server, told) as client,
    ):
        for _ in range(2):
            with pytest.raises(RateLimited):
                await client.mgmt.access_key.load("AK1")
    assert told.of(LOAD)[-2:] == ["CallStarted", ("ended", "error", 0, "RateLimited")]
    assert told.all(CallEnded)[-1].status_code is None


async def test_a_gate_that_is_closed_further(servers: type[Servers], told: Told) -> None:
    async with (
        servers.running(servers.answer(*SLOW), license=servers.licensed) as server,
        client_of(server, told, retries={"attempts": 1}) as client,
    ):
        calls = [client.mgmt.access_key.load("AK1") for _ in range(4)]
        assert {type(each) for each in await asyncio.gather(*calls, return_exceptions=True)} == {
            RateLimited
        }
    closed = told.all(GateClosed)
    assert [event.extended for event in closed] == [False] + [True] * (len(closed) - 1)


async def test_a_connection_that_was_closed_while_idle(told: Told) -> None:
    async with Emulator() as emulator, local_client(emulator, told) as client:
        created = await client.mgmt.access_key.create("n")
        await client.mgmt.access_key.load(created.key.id)
        told.events.clear()
        emulator.faults.add(Fault("reset", LOAD, reused=True, times=1))
        await client.mgmt.access_key.load(created.key.id)
    assert told.of(LOAD) == [
        "CallStarted",
        ("attempt", 1, None, "ConnectionFailed"),
        ("retry", 1, "stale_connection"),
        ("attempt", 1, 200, None),
        DONE,
    ]
    assert [event.reused for event in told.all(AttemptEnded)] == [True, False]
    assert told.all(CallEnded)[-1].resends == 1


async def test_a_cancelled_call(servers: type[Servers], told: Told) -> None:
    async with (
        servers.running(servers.silence, license=servers.licensed) as server,
        client_of(server, told, timeouts={}) as client,
    ):
        task = asyncio.ensure_future(client.mgmt.access_key.load("AK1"))
        await until(lambda: any(b" /v1/mgmt/accesskey?" in each for each in server.received))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert told.of(LOAD) == [
        "CallStarted",
        ("attempt", 1, None, "CancelledError"),
        ("ended", "interrupted", 1, "CancelledError"),
    ]
    assert [event.sent for event in told.all(AttemptEnded) if event.call.operation == LOAD] == [
        True
    ]


async def test_a_cancelled_create_that_was_done(told: Told) -> None:
    async with Emulator() as emulator, local_client(emulator, told) as client:
        await client.mgmt.access_key.search_all_access_keys()
        emulator.faults.add(Fault("delay", CREATE, seconds=1))
        task = asyncio.ensure_future(client.mgmt.access_key.create("n"))
        await until(lambda: bool(emulator.requests.count(CREATE)))
        task.cancel()
        with pytest.raises(OutcomeUnknown) as caught:
            await task
    assert caught.value.result is not None
    assert told.of(CREATE)[-1] == ("ended", "unknown", 1, "OutcomeUnknown")


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


def records_of(caplog: pytest.LogCaptureFixture, event: str, operation: str = "") -> list[Any]:
    found = [record for record in caplog.records if getattr(record, "descope_event", None) == event]
    assert {record.name for record in found} <= {"descope_async"}
    return [
        each for each in found if not operation or each.__dict__["descope_operation"] == operation
    ]


async def test_levels(servers: type[Servers], caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "descope_async")
    answers: list[tuple[Any, ...]] = [SLOW, BUSY, GOOD, BUSY, ("404 None", b"")]
    behaviour = servers.in_turn(*(servers.answer(*each) for each in answers))
    async with (
        servers.running(behaviour, license=servers.licensed) as server,
        client_of(server, clock=QuickTime()) as client,
    ):
        await client.mgmt.access_key.load("AK1")
        with pytest.raises(OutcomeUnknown):
            await client.mgmt.access_key.create("n")
        with pytest.raises(NotFound):
            await client.mgmt.access_key.load("AK1")

    def levels(event: str, operation: str) -> list[int]:
        return [record.levelno for record in records_of(caplog, event, operation)]

    assert levels("CallStarted", LOAD) == [logging.DEBUG] * 2
    assert levels("AttemptEnded", LOAD) == [logging.DEBUG] * 4
    assert levels("RetryPlanned", LOAD) == [logging.INFO] * 2
    assert levels("GateClosed", LOAD) == [logging.WARNING]
    assert levels("CallEnded", LOAD) == [logging.DEBUG, logging.INFO]
    assert levels("CallEnded", CREATE) == [logging.WARNING]
    (record,) = records_of(caplog, "CallEnded", CREATE)
    assert record.getMessage().startswith("access_key.create of 'n' ends after ")
    assert record.getMessage().endswith(": 503 OutcomeUnknown, which says what to do")
    assert record.__dict__["descope_outcome"] == "unknown"
    assert record.__dict__["descope_server_address"] == "127.0.0.1"


async def test_what_is_usual_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "descope_async")
    async with Emulator() as emulator, local_client(emulator) as client:
        created = await client.mgmt.access_key.create("n")
        session = await client.exchange_access_key(created.cleartext)
        await client.validate_session(session.jwt)
        assert await client.token_source(created.cleartext).token()
    assert [each for each in caplog.records if each.name == "descope_async"] == []


async def test_a_record_holds_plain_values(caplog: pytest.LogCaptureFixture) -> None:
    """A record that is kept keeps nothing else alive, least of all frames."""
    caplog.set_level(logging.DEBUG, "descope_async")
    told = Told()
    async with Emulator() as emulator, local_client(emulator, told) as client:
        created = await client.mgmt.access_key.create("n")
        source, verifier = client.token_source(created.cleartext), client.access_key_verifier()
        await client.validate_session((await client.exchange_access_key(created.cleartext)).jwt)
        assert await source.token()
        assert await verifier.verify(created.cleartext)
        assert not await verifier.verify("K" * 30)
        with pytest.raises(TokenMalformed):
            await client.validate_session("no token")
        with pytest.raises(Unauthorized):
            await client.exchange_access_key("K" * 30)
    kinds = {type(event) for event in told.events}
    assert {CallStarted, AttemptEnded, CallEnded, SessionChecked, TokenRenewed} < kinds
    for record in caplog.records:
        if record.name == "descope_async":
            assert record.exc_info is None
            said = {key: value for key, value in vars(record).items() if "descope_" in key}
            assert said
            assert {type(value) for value in said.values()} <= set(_PLAIN)
    for event in told.events:
        assert all(isinstance(value, _PLAIN) for value in event.to_dict().values())
        assert str(event)


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


# Tokens, key sets, presented keys


async def test_a_token_sources_life(told: Told) -> None:
    async with (
        Emulator(token_lifetime=600) as emulator,
        local_client(
            emulator, told, retries={"attempts": 1}, clock=EmulatorClock(emulator.clock)
        ) as client,
    ):
        created = await client.mgmt.access_key.create("n")
        source = client.token_source(created.cleartext)
        first = await source.token()
        source.invalidate(first)
        await source.token()
        emulator.clock.advance(596)
        emulator.faults.add(Fault("status", "exchange", status=500, times=1))
        assert await source.token()
        emulator.clock.advance(1000)
        assert await source.token()
        emulator.faults.add(Fault("status", "exchange", status=500, times=1))
        emulator.clock.advance(1000)
        with pytest.raises(ServerError):
            await source.token()
    renewals = told.all(TokenRenewed)
    assert [(each.outcome, each.trigger, each.error_type) for each in renewals] == [
        ("done", "first", None),
        ("done", "invalidated", None),
        ("error", "due", "ServerError"),
        ("done", "expired", None),
        ("error", "expired", "ServerError"),
    ]
    assert [each.age is None for each in renewals] == [True, True, False, False, False]
    assert renewals[2].age == pytest.approx(596, abs=4)
    assert renewals[2].usable_for == pytest.approx(4, abs=4)
    assert renewals[2].is_first_failure
    assert renewals[4].usable_for is None
    (stale,) = told.all(StaleTokenServed)
    assert 0 < stale.usable_for <= 4


async def test_key_sets(told: Told) -> None:
    async with Emulator() as emulator, local_client(emulator, told) as client:
        created = await client.mgmt.access_key.create("n")
        session = await client.exchange_access_key(created.cleartext)
        await client.refresh_key_set()
        await emulator.rotate_signing_keys()
        await client.exchange_access_key(created.cleartext)
        header = session.jwt.split(".")
        with pytest.raises(UnknownKey):
            await client.validate_session(_with_kid(header, "another"))
        emulator.faults.add(Fault("status", "key_set", status=400))
        with pytest.raises(KeySetUnavailable):
            await client.refresh_key_set()
    fetched = told.all(KeySetFetched)
    assert [each.reason for each in fetched] == [
        "first",
        "asked",
        "unknown_key",
        "unknown_key",
        "asked",
    ]
    assert [each.outcome for each in fetched] == ["done"] * 4 + ["error"]
    assert fetched[0].age is fetched[0].usable_for is None
    assert fetched[0].keys >= 1
    assert fetched[1].age >= 0
    assert (fetched[4].error_type, fetched[4].keys) == ("BadRequest", None)
    assert fetched[4].usable_for > 0
    paths = {each.call.path for each in told.all(CallStarted) if each.call.operation == "key_set"}
    assert paths == {"/v2/keys/{project_id}"}
    checks = told.all(SessionChecked)
    assert [each.error_type for each in checks] == [None, None, "UnknownKey"]
    assert {each.operation for each in checks} == {"exchange_access_key", "validate_session"}


def _with_kid(parts: list[str], kid: str) -> str:
    header = base64.urlsafe_b64encode(json.dumps({"alg": "RS256", "kid": kid}).encode())
    return ".".join([header.rstrip(b"=").decode(), *parts[1:]])


async def test_presented_keys(told: Told, caplog: pytest.LogCaptureFixture) -> None:
    async with (
        Emulator() as emulator,
        local_client(emulator, told, retries={"attempts": 1}) as client,
    ):
        created = await client.mgmt.access_key.create("n")
        verifier = client.access_key_verifier()
        for _ in range(3):
            assert await verifier.verify(created.cleartext)
        assert not await verifier.verify("K" * 30)
        assert not await verifier.verify("short")
        emulator.faults.add(Fault("status", "exchange", status=500))
        for key in ("L" * 30, "M" * 30):
            assert (await verifier.verify(key)).reason == "unavailable"
    checks = told.all(AccessKeyChecked)
    assert [(each.reason, each.is_outage) for each in checks] == [
        ("valid", False),
        ("refused", False),
        ("unavailable", True),
        ("unavailable", False),
    ]
    assert len(records_of(caplog, "AccessKeyChecked")) == 1
    assert "500" in records_of(caplog, "AccessKeyChecked")[0].getMessage()


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
