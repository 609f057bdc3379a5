"""The official SDK from npm does what it can around access keys on ``descope-keys emulator``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from jose import jwt

from tests.interop.official_node import FOLDER, NEEDED, Seen, data, refusal

pytestmark = NEEDED


@pytest.fixture(scope="module")
def seen(run_program: Callable[[Sequence[str], Path], Seen]) -> Seen:
    """What the SDK got, by step."""
    return run_program(["node", "neighbours.mjs"], FOLDER)


def names(found: list[dict[str, Any]]) -> list[str]:
    return [each["name"] for each in found]


def test_batches_of_roles_and_permissions(seen: Seen) -> None:
    assert names(data(seen, "permissions")["permissions"]) == ["read", "write"]
    assert names(data(seen, "permissions renamed")["permissions"]) == ["edit"]
    reader, editor = data(seen, "roles")
    assert (reader["name"], editor["permissionNames"]) == ("Reader", ["read", "edit"])
    assert refusal(seen, "roles again") == (409, "E011004", "A role of this name exists")
    assert names(data(seen, "roles renamed")) == ["Writer"]
    assert data(seen, "role by id") == reader | {"description": "reads"}
    assert names(data(seen, "roles found")) == ["Reader"]
    assert data(seen, "roles deleted") == data(seen, "permissions deleted") == {}
    assert names(data(seen, "roles left")) == ["Tenant Admin", "Reader"]


def test_tenants(seen: Seen) -> None:
    settings = data(seen, "settings")
    assert (settings["enabled"], settings["sessionTokenExpiration"]) == (True, 7)
    assert (settings["domains"], settings["selfProvisioningDomains"]) == (
        ["one.test"],
        ["join.test"],
    )
    loaded = data(seen, "tenant loaded")
    assert loaded["id"] == data(seen, "tenant")["id"] == "t1"
    assert (loaded["defaultRoles"], loaded["customAttributes"]) == (["Reader"], {"a": 1})
    assert data(seen, "default roles") == data(seen, "configured") == {}


def test_batches_of_users(seen: Seen) -> None:
    created = data(seen, "users")
    first, second = created["createdUsers"]
    assert (first["loginIds"], first["roleNames"]) == (["a@x.test"], ["Reader"])
    assert [each["failure"] for each in created["failedUsers"]] == [
        "A user of this login id exists"
    ]
    (patched,) = data(seen, "users patched")["patchedUsers"]
    assert patched["name"] == "A"
    assert data(seen, "users loaded") == [patched, second]
    assert data(seen, "users deleted") == {}
    assert data(seen, "users left") == {"users": [], "total": 0}


def test_jwt_templates(seen: Seen) -> None:
    made = data(seen, "template")
    assert (made["name"], made["type"], made["authSchema"]) == ("keys", "key", "none")
    assert (made["template"], made["addJti"], made["overrideSubject"]) == (
        {"env": "test"},
        True,
        False,
    )
    changed = made | {"overrideSubject": True}
    assert data(seen, "template changed") == data(seen, "template loaded") == changed
    assert data(seen, "templates") == [changed]
    assert refusal(seen, "template library")[0] == 501
    assert data(seen, "template deleted") == {}
    assert refusal(seen, "template gone")[0] == 404


def test_management_keys(seen: Seen) -> None:
    made = data(seen, "manager")
    key = made["key"]
    assert made["cleartext"]
    assert (key["name"], key["description"], key["status"]) == ("m", "for tests", "active")
    assert (key["expireTime"] - key["createdTime"], key["permittedIps"]) == (3600, ["127.0.0.1"])
    changed = data(seen, "manager changed")
    assert (changed["name"], changed["status"]) == ("n", "inactive")
    assert data(seen, "manager loaded") == changed
    assert changed in data(seen, "managers")
    assert data(seen, "manager deleted") == {"total": 1}
    assert refusal(seen, "manager gone")[0] == 404


def test_the_session_of_a_user(seen: Seen) -> None:
    user = data(seen, "test user")
    assert data(seen, "sign in")["user"]["userId"] == user["userId"]
    refreshed = jwt.get_unverified_claims(data(seen, "refresh")["sessionJwt"])
    assert (refreshed["sub"], "dct" in refreshed) == (user["userId"], False)
    assert jwt.get_unverified_claims(data(seen, "selected")["sessionJwt"])["dct"] == "t1"
    assert data(seen, "me") == user | {"status": "enabled"}
    assert names(data(seen, "my tenants")["tenants"]) == ["One"]
    assert data(seen, "logout") == {}
    assert refusal(seen, "refresh after logout")[:2] == (401, "E064001")


def test_a_client_assertion(seen: Seen) -> None:
    claims = jwt.get_unverified_claims(data(seen, "assertion")["jwt"])
    assert (claims["iss"], claims["sub"], claims["aud"]) == ("me", "me", "https://x.test")
