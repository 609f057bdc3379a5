"""The official SDK from npm does everything with access keys on ``descope-keys emulator``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.interop.official_node import FOLDER, NEEDED, Seen, data, refusal

pytestmark = NEEDED


@pytest.fixture(scope="module")
def seen(run_program: Callable[[Sequence[str], Path], Seen]) -> Seen:
    """What the SDK got, by step."""
    return run_program(["node", "access_keys.mjs"], FOLDER)


def test_create(seen: Seen) -> None:
    created = data(seen, "create")
    key = created["key"]
    assert created["cleartext"]
    assert key["keyTenants"] == [{"tenantId": "t1", "tenantName": "One", "roleNames": ["Reader"]}]
    assert key["permittedIps"] == ["127.0.0.0/8", "::1"]
    assert key["customClaims"] == {"plan": "gold"}
    assert key["customAttributes"] == {"team": "a"}
    assert (key["name"], key["description"], key["status"]) == ("n1", "first", "active")
    assert key["expireTime"] - key["createdTime"] in range(3590, 3601)
    assert data(seen, "create bare")["key"]["expireTime"] == 0
    assert refusal(seen, "create without a name") == (400, "E011003", "The name field is required")


def test_load(seen: Seen) -> None:
    assert data(seen, "load") == data(seen, "create")["key"]
    assert refusal(seen, "load unknown")[0] == 404


def test_search(seen: Seen) -> None:
    first, second = data(seen, "create")["key"], data(seen, "create bare")["key"]
    assert data(seen, "search") == [first, second]
    assert data(seen, "search tenant") == [first]
    assert data(seen, "search attribute") == []
    assert [key["name"] for key in data(seen, "search bound")] == ["n4"]
    assert [key["name"] for key in data(seen, "search creator")] == ["renamed", "n3", "n4"]


def test_update(seen: Seen) -> None:
    assert data(seen, "update name") == data(seen, "create")["key"] | {"name": "renamed"}
    bare = data(seen, "create bare")["key"]
    assert data(seen, "update all") == bare | {
        "name": "n3",
        "description": "second",
        "roleNames": ["Reader"],
        "customClaims": {"plan": "free"},
        "permittedIps": ["127.0.0.1"],
        "customAttributes": {"team": "b"},
    }
    assert data(seen, "update clears") == bare | {"name": "n3"}


def test_exchange_and_validation(seen: Seen) -> None:
    session = data(seen, "exchange")
    key_id = data(seen, "create")["key"]["id"]
    token = session["token"]
    assert (token["sub"], token["plan"], token["dct"]) == (key_id, "gold", "t1")
    assert token["nsec"] == {"job": "nightly"}
    assert data(seen, "exchange, as it is sent")["keyId"] == key_id
    assert data(seen, "validate") == session
    assert "signature verification failed" in seen["validate forged"]["message"]
    assert "aud" in seen["validate for an audience"]["message"]
    assert seen["authorization"] == {
        "tenantPermissions": True,
        "tenantRoles": False,
        "matchedTenantRoles": ["Reader"],
        "otherTenantPermissions": False,
        "permissions": True,
        "roles": False,
        "matchedRoles": ["Reader"],
    }


def test_what_lets_nobody_in(seen: Seen) -> None:
    for step in ("unknown", "inactive", "the old secret", "bound to inactive"):
        answer = seen[f"exchange {step}"]
        assert not answer["ok"]
        assert "could not exchange access key" in answer["message"]
    for step in ("active", "the new secret", "bound"):
        assert data(seen, f"exchange {step}")["jwt"]


def test_switching_and_rotation(seen: Seen) -> None:
    assert data(seen, "deactivate") == data(seen, "activate") == {}
    assert data(seen, "load inactive") == data(seen, "update name") | {"status": "inactive"}
    assert refusal(seen, "rotate inactive")[0] == 400
    rotated = data(seen, "rotate")
    assert rotated["key"] == data(seen, "update name")
    assert rotated["cleartext"] not in {"", data(seen, "create")["cleartext"]}


def test_batches_and_deletion(seen: Seen) -> None:
    for step in ("deactivate batch", "activate batch", "delete", "delete batch"):
        assert data(seen, step) == {}
    assert [key["status"] for key in data(seen, "search inactive")] == ["inactive"] * 2
    assert [key["status"] for key in data(seen, "search active")] == ["active"] * 2
    assert data(seen, "search empty") == []
