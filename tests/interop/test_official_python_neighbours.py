"""The official SDK from PyPI, sync and async, does what it can around access keys on the emulator."""

from __future__ import annotations

from typing import Any

import pytest
from descope import AuthException, DeliveryMethod, UserObj
from descope.management.common import MgmtKeyReBac, MgmtKeyStatus

from tests.interop.official_python import Official


def names(found: list[dict[str, Any]]) -> list[str]:
    return [each["name"] for each in found]


async def test_batches_of_roles_and_permissions(official: Official) -> None:
    await official("mgmt.permission.create_batch", [{"name": "read"}, {"name": "write"}])
    await official("mgmt.permission.update_batch", [{"name": "write", "newName": "edit"}])
    roles = [{"name": "Reader", "permissionNames": ["read"]}, {"name": "Editor"}]
    await official("mgmt.role.create_batch", roles)
    with pytest.raises(AuthException) as caught:
        await official("mgmt.role.create_batch", [{"name": "Other"}, {"name": "Reader"}])
    assert caught.value.status_code == 409
    await official("mgmt.role.update_batch", [{"name": "Editor", "newName": "Writer"}])
    left = (await official("mgmt.role.load_all"))["roles"]
    assert names(left) == ["Tenant Admin", "Reader", "Writer"]
    await official("mgmt.role.delete_batch", ["Writer"])
    await official("mgmt.role.delete_batch_by_ids", [left[1]["id"]])
    assert names((await official("mgmt.role.load_all"))["roles"]) == ["Tenant Admin"]
    await official("mgmt.permission.delete_batch", ["edit"])
    permissions = (await official("mgmt.permission.load_all"))["permissions"]
    assert names(permissions)[-1] == "read"
    await official("mgmt.permission.delete_batch_by_ids", [permissions[-1]["id"]])
    assert "read" not in names((await official("mgmt.permission.load_all"))["permissions"])


async def test_settings_of_a_tenant(official: Official) -> None:
    await official("mgmt.tenant.create", "One", id="t1")
    await official("mgmt.tenant.patch_tenant", "t1", custom_attributes={"a": 1})
    await official("mgmt.tenant.update_default_roles", "t1", ["Tenant Admin"])
    await official(
        "mgmt.tenant.update_settings",
        id="t1",
        self_provisioning_domains=["join.test"],
        domains=["one.test"],
        session_settings_enabled=True,
        session_token_expiration=7,
        JITDisabled=True,
    )
    settings = await official("mgmt.tenant.load_settings", "t1")
    assert (settings["enabled"], settings["sessionTokenExpiration"]) == (True, 7)
    assert (settings["domains"], settings["JITDisabled"]) == (["one.test"], True)
    loaded = await official("mgmt.tenant.load", "t1")
    assert (loaded["name"], loaded["customAttributes"]) == ("One", {"a": 1})
    assert (loaded["defaultRoles"], loaded["selfProvisioningDomains"]) == (
        ["Tenant Admin"],
        ["join.test"],
    )


async def test_batches_of_users(official: Official) -> None:
    made = await official("mgmt.user.invite_batch", [UserObj("a@x.test"), UserObj("b@x.test")])
    ids = [each["userId"] for each in made["createdUsers"]]
    patched = await official("mgmt.user.patch_batch", [UserObj("a@x.test", display_name="A")])
    assert names(patched["patchedUsers"]) == ["A"]
    found = await official("mgmt.user.load_users", [*ids, "U404"])
    assert [each["userId"] for each in found["users"]] == ids
    await official("mgmt.user.delete_batch", ids)
    assert (await official("mgmt.user.search_all"))["users"] == []


async def test_management_keys(official: Official) -> None:
    everything = MgmtKeyReBac(company_roles=["Company Full Access"])
    made = await official("mgmt.management_key.create", "m", everything, "for tests", 3600)
    key = made["key"]
    assert made["cleartext"]
    assert (key["name"], key["expireTime"] - key["createdTime"]) == ("m", 3600)
    await official(
        "mgmt.management_key.update",
        key["id"],
        "n",
        "changed",
        ["127.0.0.1"],
        MgmtKeyStatus.INACTIVE,
    )
    loaded = (await official("mgmt.management_key.load", key["id"]))["key"]
    assert (loaded["name"], loaded["status"]) == ("n", "inactive")
    assert loaded in (await official("mgmt.management_key.search"))["keys"]
    assert (await official("mgmt.management_key.delete", [key["id"]]))["total"] == 1
    with pytest.raises(AuthException) as caught:
        await official("mgmt.management_key.load", key["id"])
    assert caught.value.status_code == 404


async def test_the_session_of_a_user(official: Official) -> None:
    await official("mgmt.tenant.create", "One", id="t1")
    await official("mgmt.user.create_test_user", login_id="t", email="t@x.test")
    await official("mgmt.user.add_tenant", "t", "t1")
    code = (
        await official(
            "mgmt.user.generate_otp_for_test_user", method=DeliveryMethod.EMAIL, login_id="t"
        )
    )["code"]
    session = await official(
        "otp.verify_code", method=DeliveryMethod.EMAIL, login_id="t", code=code
    )
    refresh = session["refreshSessionToken"]["jwt"]
    assert (await official("refresh_session", refresh))["sessionToken"]["drn"] == "DS"
    selected = await official("select_tenant", "t1", refresh)
    assert selected["sessionToken"]["dct"] == "t1"
    assert (await official("me", refresh))["loginIds"] == ["t"]
    assert names((await official("my_tenants", refresh, ids=["t1"]))["tenants"]) == ["One"]
    await official("logout", refresh)
    with pytest.raises(AuthException):
        await official("refresh_session", refresh)
    newer = selected["refreshSessionToken"]["jwt"]
    await official("mgmt.user.logout_user", "t")
    with pytest.raises(AuthException):
        await official("refresh_session", newer)
