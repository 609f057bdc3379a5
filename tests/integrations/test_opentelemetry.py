"""Spans and metrics, as OpenTelemetry's SDK exports them."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.instrumentation.aiohttp_client import AioHttpClientInstrumentor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

import descope_sync
from descope_async import (
    DescopeClient,
    NotFound,
    OutcomeUnknown,
    ServerError,
    TokenMalformed,
    Unauthorized,
)
from descope_async.emulator import Emulator, Fault
from descope_async.integrations.opentelemetry import OpenTelemetry

LOAD, CREATE, EXCHANGE = (
    "descope.access_key.load",
    "descope.access_key.create",
    "descope.access_key.exchange",
)


class Observed:
    """What was exported, and the hook that it comes from."""

    def __init__(self) -> None:
        self._spans = InMemorySpanExporter()
        self._reader = InMemoryMetricReader()
        self.tracers = TracerProvider()
        self.tracers.add_span_processor(SimpleSpanProcessor(self._spans))
        self.tracer = self.tracers.get_tracer("the application")
        self.hook = OpenTelemetry(self.tracers, MeterProvider([self._reader]))

    def spans(self, name: str) -> list[ReadableSpan]:
        return [span for span in self._spans.get_finished_spans() if span.name == name]

    def span(self, name: str) -> ReadableSpan:
        (found,) = self.spans(name)
        return found

    def metrics(self) -> dict[str, list[Any]]:
        """The data points by the names of the metrics."""
        found = self._reader.get_metrics_data()
        assert found is not None
        return {
            metric.name: list(metric.data.data_points)
            for resource in found.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
        }

    def everything(self) -> str:
        spans = [span.to_json() or "" for span in self._spans.get_finished_spans()]
        return "\n".join([*spans, repr(self.metrics())])


@pytest.fixture
def observed() -> Observed:
    return Observed()


@pytest.fixture
async def emulator() -> AsyncIterator[Emulator]:
    async with Emulator() as emulator:
        yield emulator


@pytest.fixture
async def client(emulator: Emulator, observed: Observed) -> AsyncIterator[DescopeClient]:
    async with DescopeClient(
        emulator.project_id,
        emulator.management_key,
        base_url=emulator.base_url,
        hooks=[observed.hook],
    ) as client:
        yield client


@contextmanager
def instrumented(observed: Observed) -> Iterator[None]:
    """Aiohttp's own instrumentation, as users have it."""
    instrumentor = AioHttpClientInstrumentor()
    instrumentor.instrument(tracer_provider=observed.tracers)
    try:
        yield
    finally:
        instrumentor.uninstrument()


async def test_a_call_is_a_span(
    client: DescopeClient, emulator: Emulator, observed: Observed
) -> None:
    await client.mgmt.access_key.create("n")
    span = observed.span(CREATE)
    assert span.kind is SpanKind.CLIENT
    assert span.status.status_code is StatusCode.UNSET
    assert span.parent is None
    assert span.events == ()
    attributes = dict(span.attributes or {})
    assert attributes.pop("server.port") == int(emulator.base_url.rsplit(":", 1)[1])
    assert attributes == {
        "descope.op": "access_key.create",
        "descope.project_id": emulator.project_id,
        "http.request.method": "POST",
        "url.template": "/v1/mgmt/accesskey/create",
        "server.address": "127.0.0.1",
        "http.response.status_code": 200,
        "descope.outcome": "done",
        "descope.attempts": 1,
    } | ({"descope.request_id": attributes["descope.request_id"]})
    assert span.instrumentation_scope is not None
    assert span.instrumentation_scope.name == "descope_async"


async def test_all_attempts_are_one_span(
    client: DescopeClient, emulator: Emulator, observed: Observed
) -> None:
    created = await client.mgmt.access_key.create("n")
    emulator.faults.add(Fault("status", "access_key.load", status=502, times=2))
    with instrumented(observed):
        async with DescopeClient(
            emulator.project_id,
            emulator.management_key,
            base_url=emulator.base_url,
            hooks=[observed.hook],
        ) as other:
            await other.mgmt.access_key.load(created.key.id)
    span = observed.span(LOAD)
    assert span.attributes is not None
    assert span.attributes["http.request.resend_count"] == 2
    assert span.attributes["http.response.status_code"] == 200
    assert span.attributes["descope.attempts"] == 3
    assert [event.name for event in span.events] == ["descope.attempt", "descope.retry"] * 2
    said = span.events[0].attributes or {}
    assert said["http.response.status_code"] == 502
    assert said["error.type"] == "ServerError"
    assert said["descope.sent"] is True
    assert (span.events[1].attributes or {})["descope.reason"] == "failed"
    # And what instruments aiohttp finds our span current while each request is sent.
    requests = [
        each
        for each in observed.spans("GET")
        if each.parent is not None and each.parent.span_id == span.context.span_id
    ]
    assert len(requests) == 3


async def test_failures(client: DescopeClient, emulator: Emulator, observed: Observed) -> None:
    with pytest.raises(NotFound):
        await client.mgmt.access_key.load("AK9")
    emulator.faults.add(Fault("close", "access_key.create", commit=True))
    with pytest.raises(OutcomeUnknown):
        await client.mgmt.access_key.create("n")
    emulator.faults.clear()
    emulator.faults.add(Fault("stall", "exchange"))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.5):
            await client.exchange_access_key("K" * 40)
    failed, unknown = observed.span(LOAD), observed.span(CREATE)
    interrupted = observed.span(EXCHANGE)
    assert [
        (span.attributes or {})["descope.outcome"] for span in (failed, unknown, interrupted)
    ] == [
        "error",
        "unknown",
        "interrupted",
    ]
    assert [(span.attributes or {})["error.type"] for span in (failed, unknown, interrupted)] == [
        "NotFound",
        "OutcomeUnknown",
        "CancelledError",
    ]
    assert [span.status.status_code for span in (failed, unknown, interrupted)] == [
        StatusCode.ERROR,
        StatusCode.ERROR,
        StatusCode.UNSET,
    ]
    assert (failed.attributes or {})["http.response.status_code"] == 404
    assert "http.response.status_code" not in (unknown.attributes or {})
    assert trace.get_current_span() is trace.INVALID_SPAN


async def test_a_rate_limit(client: DescopeClient, emulator: Emulator, observed: Observed) -> None:
    created = await client.mgmt.access_key.create("n")
    emulator.faults.add(Fault("rate_limit", "access_key.load", retry_after=1, times=1))
    await client.mgmt.access_key.load(created.key.id)
    assert [event.name for event in observed.span(LOAD).events] == [
        "descope.attempt",
        "descope.gate.closed",
        "descope.retry",
    ]


async def test_calls_belong_to_who_makes_them(client: DescopeClient, observed: Observed) -> None:
    created = await client.mgmt.access_key.create("n")

    async def ask(number: int) -> int:
        with observed.tracer.start_as_current_span(f"request {number}") as parent:
            await client.exchange_access_key(created.cleartext)
            assert trace.get_current_span() is parent
            return parent.get_span_context().span_id

    parents = await asyncio.gather(*(ask(number) for number in range(20)))
    found = [span.parent.span_id for span in observed.spans(EXCHANGE) if span.parent]
    assert sorted(found) == sorted(parents)
    # The keys were fetched once, for one of them.
    fetch = observed.span("descope.jwks.fetch")
    assert fetch.parent is not None
    assert fetch.parent.span_id in parents
    assert (fetch.attributes or {})["url.template"] == "/v2/keys/{project_id}"


async def test_blocking_calls_belong_to_who_makes_them(
    emulator: Emulator, observed: Observed
) -> None:
    def work() -> int:
        with (
            observed.tracer.start_as_current_span("view") as parent,
            descope_sync.DescopeClient(
                emulator.project_id,
                emulator.management_key,
                base_url=emulator.base_url,
                hooks=[observed.hook],
            ) as client,
        ):
            client.mgmt.access_key.create("n")
            assert trace.get_current_span() is parent
            return parent.get_span_context().span_id

    parent_id = await asyncio.to_thread(work)
    parent = observed.span(CREATE).parent
    assert parent is not None
    assert parent.span_id == parent_id


def test_a_call_that_is_thrown_away_with_its_loop(
    observed: Observed, caplog: pytest.LogCaptureFixture
) -> None:
    async def throw_away() -> None:
        async with (
            Emulator() as emulator,
            DescopeClient(
                emulator.project_id, base_url=emulator.base_url, hooks=[observed.hook]
            ) as client,  # which imports here all that the call needs
        ):
            emulator.faults.add(Fault("stall"))
            coroutine = client.exchange_access_key("K" * 40)
            task = asyncio.ensure_future(asyncio.sleep(0.2))
            # Driven by hand for a while, then closed from another context.
            there = contextvars.copy_context()
            there.run(coroutine.send, None)
            await task
            coroutine.close()

    asyncio.run(throw_away())
    (span,) = observed.spans(EXCHANGE)
    assert (span.attributes or {})["error.type"] == "GeneratorExit"
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


async def test_metrics(client: DescopeClient, emulator: Emulator, observed: Observed) -> None:
    created = await client.mgmt.access_key.create("n")
    emulator.faults.add(Fault("status", "exchange", status=503, times=1))
    source, verifier = client.token_source(created.cleartext), client.access_key_verifier()
    token = await source.token()
    await client.validate_session(token)
    with pytest.raises(TokenMalformed):
        await client.validate_session("nothing")
    assert await verifier.verify(created.cleartext)
    await client.refresh_key_set()
    found = observed.metrics()
    assert set(found) == {
        "http.client.request.duration",
        "descope.call.duration",
        "descope.retry",
        "descope.quota.available",
        "descope.token.refresh",
        "descope.jwks.fetch",
        "descope.jwks.age",
        "descope.verify",
        "descope.verify.duration",
    }

    def values(name: str, **attributes: Any) -> list[Any]:
        wanted = {key.replace("__", "."): value for key, value in attributes.items()}
        points = [
            point for point in found[name] if wanted.items() <= dict(point.attributes).items()
        ]
        return [getattr(point, "value", getattr(point, "count", None)) for point in points]

    exchange = {"descope__op": "exchange_access_key"}
    request = "http.client.request.duration"
    assert values(request, **exchange, http__response__status_code=200) == [2]
    assert values(request, **exchange, http__response__status_code=503) == [1]
    assert values("descope.call.duration", **exchange) == [2]
    assert values("descope.retry", **exchange, descope__reason="failed") == [1]
    assert values("descope.quota.available") == [500]
    assert values("descope.token.refresh") == [1]
    assert values("descope.jwks.fetch", descope__reason="first") == [1]
    assert values("descope.jwks.fetch", descope__reason="asked") == [1]
    assert values("descope.jwks.age") == [1]
    kinds = {
        (point.attributes["descope.kind"], point.attributes["descope.outcome"]): point.value
        for point in found["descope.verify"]
    }
    assert kinds == {
        ("session", "valid"): 2,
        ("session", "TokenMalformed"): 1,
        ("access_key", "valid"): 1,
    }


async def test_checks_make_no_spans(client: DescopeClient, observed: Observed) -> None:
    created = await client.mgmt.access_key.create("n")
    session = await client.exchange_access_key(created.cleartext)
    before = observed.everything().count('"span_id"')
    for _ in range(5):
        await client.validate_session(session.jwt)
    assert observed.everything().count('"span_id"') == before


async def test_no_secret_is_exported(
    client: DescopeClient, emulator: Emulator, observed: Observed
) -> None:
    created = await client.mgmt.access_key.create("NameOfAnAccessKey")
    session = await client.exchange_access_key(created.cleartext)
    assert await client.token_source(created.cleartext).token()
    assert await client.access_key_verifier().verify(created.cleartext)
    with pytest.raises(Unauthorized):
        await client.exchange_access_key("Kwrong" * 8)
    rotated = await client.mgmt.access_key.rotate(created.key.id)
    emulator.faults.add(Fault("close", "access_key.create"))
    with pytest.raises(OutcomeUnknown):
        await client.mgmt.access_key.create("NameOfAnAccessKey")
    emulator.faults.add(Fault("status", "access_key.load", status=500))
    with pytest.raises(ServerError):
        await client.mgmt.access_key.load(created.key.id)
    text = observed.everything()
    assert EXCHANGE in text
    secrets = [created.cleartext, rotated.cleartext, emulator.management_key, "Kwrong"]
    for secret in [*secrets, *session.jwt.split("."), "NameOfAnAccessKey"]:
        assert secret not in text


async def test_without_an_sdk(emulator: Emulator) -> None:
    """Only the API is installed, or nobody has set a provider."""
    async with DescopeClient(
        emulator.project_id,
        emulator.management_key,
        base_url=emulator.base_url,
        hooks=[OpenTelemetry()],
    ) as client:
        assert (await client.mgmt.access_key.create("n")).cleartext
        assert trace.get_current_span() is trace.INVALID_SPAN


def test_nobody_loads_it_who_does_not_ask() -> None:
    script = """
import sys
import descope_async, descope_sync
descope_async.DescopeClient("P1", hooks=[print])
print(*[name for name in sys.modules if name.startswith("opentelemetry")])
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.split() == []


def test_what_to_install() -> None:
    script = """
import sys
sys.modules["opentelemetry"] = None
try:
    import descope_async.integrations.opentelemetry
except ModuleNotFoundError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip().endswith("pip install 'descope-async[otel]'")
