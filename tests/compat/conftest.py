"""The official SDK and what stands in for it, side by side on one local Descope."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Iterator
from typing import Any

import descope
import pytest

from descope_sync.compat import DescopeClient, DescopeClientAsync
from descope_sync.emulator import Emulator


class Client:
    """A client of either kind; ``client("mgmt.access_key.load", id)``."""

    def __init__(self, client: Any, runner: asyncio.Runner | None = None) -> None:
        self._client = client
        self._runner = runner

    def __call__(self, name: str, /, *args: Any, **kwargs: Any) -> Any:
        method: Any = self._client
        for part in name.split("."):
            method = getattr(method, part)
        result = method(*args, **kwargs)
        if inspect.iscoroutine(result):
            assert self._runner
            return self._runner.run(result)
        return result

    def outcome(self, name: str, /, *args: Any, **kwargs: Any) -> Any:
        """What the call returns, or what it raises."""
        try:
            return self(name, *args, **kwargs)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is compared
            return error


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator() as emulator:
        emulator.create_role("Reader", ["read", "list"])
        emulator.create_role("Writer", ["write"])
        emulator.create_tenant("t1", "One")
        emulator.create_tenant("t2", "Two")
        yield emulator


@pytest.fixture
def settings(emulator: Emulator) -> dict[str, Any]:
    """What every constructor is given, by the official names."""
    return {
        "project_id": emulator.project_id,
        "management_key": emulator.management_key,
        "base_url": emulator.base_url,
        "skip_verify": True,  # as the official SDK's live tests do on this machine
    }


@pytest.fixture
def official(settings: dict[str, Any]) -> Client:
    return Client(descope.DescopeClient(**{**settings, "skip_verify": False}))


@pytest.fixture(params=["sync", "async"])
def ours(request: pytest.FixtureRequest, settings: dict[str, Any]) -> Iterator[Client]:
    if request.param == "sync":
        yield Client(DescopeClient(**settings))  # never closed, as the official one
        return
    with asyncio.Runner() as runner:
        client = DescopeClientAsync(**settings)
        yield Client(client, runner)
        runner.run(client.aclose())
