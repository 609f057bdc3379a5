"""Mocks that are made of the clients know what the clients can do."""

from __future__ import annotations

from typing import Any
from unittest import mock

import pytest

import descope_async
import descope_sync

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
