"""Calls of every method of the blocking classes that have the official SDK's names."""

from __future__ import annotations

import pytest

import descope_sync
import descope_sync.compat.access_key
import descope_sync.compat.descope_client
import descope_sync.emulator
from descope_sync import (
    ClientClosed,
    DescopeClient,
)
from descope_sync.emulator import (
    Emulator,
)


def official(emulator: Emulator) -> descope_sync.compat.DescopeClient:
    return descope_sync.compat.DescopeClient(
        emulator.project_id, management_key=emulator.management_key, base_url=emulator.base_url
    )


def official_management(_: DescopeClient, emulator: Emulator) -> None:
    with official(emulator) as client:
        keys = client.mgmt.access_key
        created = keys.create("n", custom_claims={"k": "v"})
        key_id = created["key"]["id"]
        assert keys.load(key_id) == {"key": created["key"]}
        keys.update(key_id, "new", permitted_ips=["127.0.0.1"])
        (found,) = keys.search_all_access_keys()["keys"]
        assert (found["name"], found["permittedIps"]) == ("new", ["127.0.0.1"])
        rotated = keys.rotate(key_id)
        assert rotated["cleartext"] != created["cleartext"]
        for switch, status in [
            (keys.deactivate, "inactive"),
            (keys.activate, "active"),
        ]:
            switch(key_id)
            assert keys.load(key_id)["key"]["status"] == status
        keys.deactivate_batch([key_id])
        assert keys.load(key_id)["key"]["status"] == "inactive"
        keys.activate_batch([key_id])
        assert keys.load(key_id)["key"]["status"] == "active"
        keys.delete(key_id)
        another = keys.create("n")["key"]["id"]
        keys.delete_batch([another])
        assert keys.search_all_access_keys() == {"keys": []}


def official_sessions(_: DescopeClient, emulator: Emulator) -> None:
    emulator.create_role("Reader", ["read"])
    emulator.create_tenant("t1")
    client = official(emulator)
    free = client.mgmt.access_key.create("n", role_names=["Reader"])
    bound = client.mgmt.access_key.create(
        "n", key_tenants=[{"tenant_id": "t1", "role_names": ["Reader"]}]
    )
    session = client.exchange_access_key(free["cleartext"])
    token = session["sessionToken"]["jwt"]
    validated = client.validate_session(token)
    assert validated == client.validate_session_nowait(token)
    assert validated["sessionToken"] == session["sessionToken"]
    assert client.validate_permissions(session, ["read"])
    assert client.get_matched_permissions(session, ["read", "write"]) == ["read"]
    assert client.validate_roles(session, ["Reader"])
    assert client.get_matched_roles(session, ["Reader", "Admin"]) == ["Reader"]
    session = client.exchange_access_key(bound["cleartext"])
    assert client.validate_tenant_permissions(session, "t1", ["read"])
    assert client.get_matched_tenant_permissions(session, "t1", ["read", "x"]) == ["read"]
    assert client.validate_tenant_roles(session, "t1", ["Reader"])
    assert client.get_matched_tenant_roles(session, "t1", ["Reader", "x"]) == ["Reader"]
    assert not client.validate_tenant_roles(session, "t2", [])
    client.close()
    with pytest.raises(ClientClosed):
        client.exchange_access_key(free["cleartext"])
