"""Spans and metrics of a client, by OpenTelemetry's API (``descope-async[otel]``)."""

from __future__ import annotations

from contextvars import Token
from typing import Any, Final

from descope_async import __version__
from descope_async.events import (
    AccessKeyChecked,
    AttemptEnded,
    Call,
    CallEnded,
    CallHeld,
    CallStarted,
    Event,
    GateClosed,
    KeySetFetched,
    RetryPlanned,
    SessionChecked,
    StaleTokenServed,
    TokenRenewed,
)

try:
    from opentelemetry import context, metrics, trace
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import Span, SpanKind, StatusCode, TracerProvider
except ModuleNotFoundError as _error:
    _problem = "this needs an extra: pip install 'descope-async[otel]'"
    raise ModuleNotFoundError(_problem, name=_error.name) from None

__all__ = ["OpenTelemetry"]

_SCOPE: Final = "descope_async"
_SPANS: Final = {
    "exchange_access_key": "descope.access_key.exchange",
    "key_set": "descope.jwks.fetch",
}
#: Seconds, as the semantic conventions have them for requests.
_REQUESTS: Final = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)
_CALLS: Final = (*_REQUESTS, 30, 60)
#: Checking a token takes microseconds, unless keys must be fetched.
_CHECKS: Final = (0.00001, 0.00005, 0.0001, 0.0005, 0.001, 0.01, 0.1, 1, 5)
_AGES: Final = (60, 300, 600, 1800, 3600, 21_600, 86_400, 604_800, 2_419_200)

Attributes = dict[str, str | int | float | bool]


class OpenTelemetry:
    """A hook that makes spans and metrics.

    A call is one span, however many requests it takes, and it is the current one while they are
    sent: what instruments aiohttp makes children of it. A token source's exchange, and a fetch of
    signing keys, belong to the call that set them off.

    Args:
        tracer_provider: Where spans go; None for the process's.
        meter_provider: Where metrics go; None for the process's.
    """

    def __init__(
        self,
        tracer_provider: TracerProvider | None = None,
        meter_provider: MeterProvider | None = None,
    ) -> None:
        self._tracer = trace.get_tracer(_SCOPE, __version__, tracer_provider)
        self._instruments = _Instruments(meter_provider)
        self._open: dict[Call, tuple[Span, Token[Any]]] = {}

    def __call__(self, event: Event) -> None:
        """Take note of an event."""
        match event:
            case CallStarted():
                self._start(event.call)
            case AttemptEnded() if event.error_type is not None:
                self._add("descope.attempt", event.call, _failed_attempt(event))
            case RetryPlanned():
                self._add(
                    "descope.retry",
                    event.call,
                    {"descope.delay": event.delay, "descope.reason": event.reason},
                )
            case GateClosed():
                self._add("descope.gate.closed", event.call, {"descope.delay": event.seconds})
            case CallHeld():
                self._add("descope.gate.held", event.call, {"descope.delay": event.delay})
            case _:
                pass
        self._instruments.record(event)  # within the span, so that metrics can point to it
        if isinstance(event, CallEnded):
            self._end(event)

    def _start(self, call: Call) -> None:
        span = self._tracer.start_span(
            _SPANS.get(call.operation, f"descope.{call.operation}"),
            kind=SpanKind.CLIENT,
            attributes={"descope.project_id": call.project_id, **_request(call)},
        )
        self._open[call] = span, context.attach(trace.set_span_in_context(span))

    def _add(self, name: str, call: Call, attributes: Attributes) -> None:
        if call in self._open:
            self._open[call][0].add_event(name, attributes)

    def _end(self, event: CallEnded) -> None:
        span, token = self._open.pop(event.call, (None, None))
        if span is None or token is None:
            return
        span.set_attributes(
            _known(
                {
                    "http.response.status_code": event.status_code,
                    "http.request.resend_count": event.resends or None,
                    "error.type": event.error_type,
                    "descope.outcome": event.outcome,
                    "descope.attempts": event.attempts,
                    "descope.error_code": event.error_code,
                    "descope.request_id": event.request_id,
                }
            )
        )
        if event.outcome in {"error", "unknown"}:
            span.set_status(StatusCode.ERROR, event.error_type)
        span.end()
        # A call that is thrown away with its loop ends in another context.
        if trace.get_current_span() is span:
            context.detach(token)


class _Instruments:
    def __init__(self, provider: MeterProvider | None) -> None:
        meter = metrics.get_meter(_SCOPE, __version__, provider)
        counter, gauge = meter.create_counter, meter.create_gauge

        def histogram(name: str, what: str, bounds: tuple[float, ...]) -> metrics.Histogram:
            return meter.create_histogram(
                name, "s", what, explicit_bucket_boundaries_advisory=bounds
            )

        self._request = histogram(
            "http.client.request.duration", "Duration of HTTP client requests.", _REQUESTS
        )
        self._call = histogram("descope.call.duration", "Calls, repeats included.", _CALLS)
        self._retry = counter("descope.retry", "{retry}", "Repeats of calls.")
        self._quota = gauge("descope.quota.available", "{unit}", "What is left for repeats.")
        self._refresh = counter("descope.token.refresh", "{refresh}", "Renewals of tokens.")
        self._token_age = histogram("descope.token.age", "Tokens, when renewed.", _AGES)
        self._serve = counter("descope.token.serve", "{token}", "Tokens served past their time.")
        self._fetch = counter("descope.jwks.fetch", "{fetch}", "Fetches of the key set.")
        self._keys_age = histogram("descope.jwks.age", "Key sets, when fetched again.", _AGES)
        self._verify = counter("descope.verify", "{check}", "Checks of tokens and presented keys.")
        self._verify_time = histogram("descope.verify.duration", "Such checks.", _CHECKS)

    def record(self, event: Event) -> None:
        match event:
            case AttemptEnded():
                self._request.record(event.duration, _request(event.call) | _result(event))
            case RetryPlanned():
                self._retry.add(
                    1, {"descope.op": event.call.operation, "descope.reason": event.reason}
                )
                self._quota.set(event.quota_left)
            case CallEnded():
                said = {"descope.op": event.call.operation, "descope.outcome": event.outcome}
                self._call.record(event.duration, _known({**said, "error.type": event.error_type}))
                self._quota.set(event.quota_left)
            case TokenRenewed():
                said = {"descope.outcome": event.outcome, "descope.trigger": event.trigger}
                self._refresh.add(1, _known({**said, "error.type": event.error_type}))
                _record_age(self._token_age, event.age)
            case StaleTokenServed():
                self._serve.add(1, {"descope.state": "stale"})
            case KeySetFetched():
                said = {"descope.outcome": event.outcome, "descope.reason": event.reason}
                self._fetch.add(1, _known({**said, "error.type": event.error_type}))
                _record_age(self._keys_age, event.age)
            case SessionChecked():
                self._check("session", event.error_type or "valid", event.duration)
            case AccessKeyChecked():
                self._check("access_key", event.reason, event.duration)
            case _:
                pass

    def _check(self, kind: str, outcome: str, duration: float | None) -> None:
        said = {"descope.kind": kind, "descope.outcome": outcome}
        self._verify.add(1, said)
        if duration is not None:
            self._verify_time.record(duration, said)


def _record_age(ages: metrics.Histogram, age: float | None) -> None:
    if age is not None:
        ages.record(age)


def _request(call: Call) -> Attributes:
    return {
        "descope.op": call.operation,
        "http.request.method": call.method,
        "server.address": call.server_address,
        "server.port": call.server_port,
        "url.template": call.path,
    }


def _result(event: AttemptEnded) -> Attributes:
    return _known({"http.response.status_code": event.status_code, "error.type": event.error_type})


def _failed_attempt(event: AttemptEnded) -> Attributes:
    more = _known({"descope.error_code": event.error_code, "descope.request_id": event.request_id})
    sent: Attributes = {"descope.attempt": event.number, "descope.sent": event.is_sent}
    return sent | _result(event) | more


def _known(attributes: dict[str, str | int | float | None]) -> Attributes:
    """Without those that are None, which OpenTelemetry would warn of."""
    return {name: value for name, value in attributes.items() if value is not None}
