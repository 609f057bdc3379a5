"""Hooks that note what they are told, and clients that have them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from descope_async import (
    DescopeClient,
)
from descope_async.emulator import Emulator
from descope_async.events import (
    AttemptEnded,
    CallEnded,
    CallEvent,
    Event,
    GateClosed,
    Hook,
    RetryPlanned,
)

KEY = {"id": "AK1", "name": "n", "status": "active"}
GOOD = ("200 OK", json.dumps({"key": KEY, "cleartext": "the secret"}).encode())


def short(event: CallEvent) -> Any:
    """What matters of an event in an order of events."""
    found: Any = type(event).__name__
    match event:
        case AttemptEnded():
            found = ("attempt", event.number, event.status_code, event.error_type)
        case RetryPlanned():
            found = ("retry", event.number, event.reason)
        case GateClosed():
            found = ("gate", event.is_extended)
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


def records_of(caplog: pytest.LogCaptureFixture, event: str, operation: str = "") -> list[Any]:
    found = [record for record in caplog.records if getattr(record, "descope_event", None) == event]
    assert {record.name for record in found} <= {"descope_async"}
    return [
        each for each in found if not operation or each.__dict__["descope_operation"] == operation
    ]
