"""Mocks that are made of the clients know what the clients can do."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any
from unittest import mock

import pytest

import descope_async
import descope_async.emulator
import descope_sync
import descope_sync.emulator
from descope_async import ConfigurationError, NotConfigured
from descope_async.emulator import EmulatorError

# What is tested here is how the clients look to `unittest.mock`, which users' own tests use.


def spec_of(client: type[Any]) -> Any:
    return mock.create_autospec(client, instance=True)


async def test_a_mock_of_the_client_is_awaited_where_the_client_is() -> None:
    client = spec_of(descope_async.DescopeClient)
    # `inspect.iscoroutinefunction` says so of every mock of a function.
    assert isinstance(client.mgmt.access_key.create, mock.AsyncMock)
    client.mgmt.access_key.create.return_value = "made"
    assert await client.mgmt.access_key.create("ci", expire_time=5) == "made"
    client.mgmt.access_key.create.assert_awaited_once_with("ci", expire_time=5)


def test_a_mock_of_the_blocking_client_is_called() -> None:
    client = spec_of(descope_sync.DescopeClient)
    assert not isinstance(client.mgmt.access_key.load, mock.AsyncMock)
    client.mgmt.access_key.load.return_value = "key"
    assert client.mgmt.access_key.load("K2a") == "key"


@pytest.mark.parametrize("package", [descope_async, descope_sync])
def test_a_mock_refuses_what_the_client_does_not_have(package: Any) -> None:
    client = spec_of(package.DescopeClient)
    for owner, misspelt in (
        (client, "mgnt"),
        (client.mgmt, "accesskey"),
        (client.mgmt.access_key, "creat"),
    ):
        with pytest.raises(AttributeError):
            getattr(owner, misspelt)
    with pytest.raises(TypeError):
        client.mgmt.access_key.load()
    with pytest.raises(TypeError):
        client.mgmt.access_key.create("ci", expires=5)


@pytest.mark.parametrize("package", [descope_async, descope_sync])
def test_an_object_has_its_own_parts(package: Any) -> None:
    client = package.DescopeClient("P1")
    assert isinstance(client.mgmt, package.DescopeClient.mgmt)
    assert isinstance(client.mgmt.access_key, type(client.mgmt).access_key)
    with pytest.raises(AttributeError):
        _ = package.DescopeClient.__new__(package.DescopeClient).mgmt


#: What a module makes where there may be no settings yet.
MADE_WITHOUT_SETTINGS: dict[str, Callable[[Any], Any]] = {
    "client": lambda package: package.DescopeClient(),
    "access keys": lambda package: package.DescopeClient().mgmt.access_key,
    "source": lambda package: package.DescopeClient().token_source("K2a"),
    "verifier": lambda package: package.DescopeClient().access_key_verifier(),
    "emulator": lambda package: package.emulator.Emulator(),
    "emulator with a data file": lambda package: package.emulator.Emulator(data="unread"),
}


@pytest.mark.parametrize("what", MADE_WITHOUT_SETTINGS)
@pytest.mark.parametrize("package", [descope_async, descope_sync])
def test_what_was_made_without_settings_can_be_looked_at_and_mocked(
    package: Any, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DESCOPE_PROJECT_ID", raising=False)
    app = SimpleNamespace(part=MADE_WITHOUT_SETTINGS[what](package))
    assert "__init__" in dict(inspect.getmembers(app.part))
    with mock.patch.object(app, "part", autospec=True) as mocked:
        assert isinstance(mocked, type(app.part)), "the mock takes its class"
        with pytest.raises(AttributeError):
            _ = mocked.misspelt


@pytest.mark.parametrize("package", [descope_async, descope_sync])
def test_a_property_without_a_value_says_what_is_missing(
    package: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DESCOPE_PROJECT_ID", raising=False)
    client, emulator = package.DescopeClient(), package.emulator.Emulator()
    assert not hasattr(client, "project_id")
    with pytest.raises(NotConfigured, match="DESCOPE_PROJECT_ID") as missing:
        _ = client.project_id
    assert isinstance(missing.value, ConfigurationError)
    for name in ("base_url", "certificate", "environment"):
        assert not hasattr(emulator, name)
        with pytest.raises(EmulatorError, match="start"):
            getattr(emulator, name)


async def test_a_mock_of_a_client_without_settings_is_called_like_the_client(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("DESCOPE_PROJECT_ID", raising=False)
    app = SimpleNamespace(client=descope_async.DescopeClient())
    with mock.patch.object(app, "client", autospec=True):
        app.client.project_id = "P1"
        app.client.exchange_access_key.return_value = "session"
        assert await app.client.exchange_access_key("K2a") == "session"
        assert isinstance(app.client.mgmt.access_key.load, mock.AsyncMock)
        with pytest.raises(TypeError):
            await app.client.exchange_access_key()
