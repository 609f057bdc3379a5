"""Calls of every method of the blocking emulator."""

from __future__ import annotations

import socket

import pytest

from descope_sync import (
    DescopeClient,
    DescopeError,
    TokenExpired,
    Unauthorized,
    UnknownKey,
)
from descope_sync.emulator import (
    Emulator,
    EmulatorError,
    Fault,
    ProjectCredentials,
    TokenShape,
)


def start_and_close(_: DescopeClient, emulator: Emulator) -> None:
    with pytest.raises(EmulatorError, match="running already"):
        emulator.start()
    another = Emulator()
    another.start()
    assert another.base_url != emulator.base_url
    another.close()
    another.close()
    with pytest.raises(EmulatorError, match="not running"):
        assert another.base_url


def create_project(_: DescopeClient, emulator: Emulator) -> None:
    made = emulator.create_project()
    assert isinstance(made, ProjectCredentials)
    with DescopeClient(made.project_id, made.management_key, base_url=emulator.base_url) as client:
        assert client.mgmt.access_key.search_all_access_keys() == []


def create_management_key(_: DescopeClient, emulator: Emulator) -> None:
    key = emulator.create_management_key()
    with DescopeClient(emulator.project_id, key, base_url=emulator.base_url) as client:
        assert client.mgmt.access_key.search_all_access_keys() == []


def set_up(client: DescopeClient, emulator: Emulator) -> None:
    emulator.create_tenant("t1", "Tenant")
    emulator.create_role("Reader", ["read"])
    user_id = emulator.create_user("u@example.com", role_names=["Reader"])
    created = client.mgmt.access_key.create("n", user_id=user_id)
    assert client.exchange_access_key(created.cleartext).validate_permissions(["read"])
    emulator.set_user_status(user_id, "disabled")
    with pytest.raises(Unauthorized):
        client.exchange_access_key(created.cleartext)
    emulator.delete_user(user_id)
    held = emulator.snapshot()
    assert [tenant["name"] for tenant in held["tenants"]] == ["Tenant"]
    assert held["users"] == []


def steer(client: DescopeClient, emulator: Emulator) -> None:
    emulator.clock.freeze()
    emulator.set_token_lifetime(60)
    key = client.mgmt.access_key.create("n")
    emulator.rotate_signing_keys()
    session = client.exchange_access_key(key.cleartext)
    assert session.claims["exp"] - session.claims["iat"] == 60
    assert emulator.requests.count("exchange") == 1
    emulator.set_token_shape(TokenShape(add_jti=True))
    assert client.exchange_access_key(key.cleartext).claims["jti"]
    with pytest.raises(TokenExpired):
        client.validate_session(emulator.expired_token())
    emulator.set_rate_limits(True)
    emulator.set_cache_control("max-age=60")
    emulator.set_wrong_kid(True)
    with pytest.raises(UnknownKey):
        client.exchange_access_key(key.cleartext)
    emulator.reset()
    assert emulator.clock.rate == 1
    emulator.rotate_and_revoke_signing_keys()
    assert client.exchange_access_key(key.cleartext).claims["exp"]
    with pytest.raises(UnknownKey):
        client.validate_session(session.jwt)
    assert emulator.environment["DESCOPE_EMULATOR_TOKEN"] == emulator.control_token


def misbehave(client: DescopeClient, emulator: Emulator) -> None:
    emulator.faults.add(Fault("close", "access_key.create", commit=True, times=1))
    with pytest.raises(DescopeError):
        client.mgmt.access_key.create("n")
    assert [each.struck for each in emulator.faults] == [1]
    assert [each["name"] for each in emulator.snapshot()["accessKeys"]] == ["n"]
    address = ("127.0.0.1", int(emulator.base_url.rpartition(":")[2]))
    with emulator.refusing_connections(), pytest.raises(ConnectionRefusedError):
        socket.create_connection(address)
    socket.create_connection(address).close()
    with pytest.raises(EmulatorError, match="construct it with tls"):
        emulator.certificate.encode()
