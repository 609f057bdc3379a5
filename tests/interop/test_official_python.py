"""The official SDK from PyPI, sync and async, does everything with access keys on the emulator."""

from __future__ import annotations

import pytest
from descope import AccessKeyLoginOptions, AssociatedTenant, AuthException

from descope_async.emulator import Emulator
from tests.interop.official_python import Official


async def test_every_operation_on_a_key(official: Official) -> None:
    created = await official(
        "mgmt.access_key.create",
        name="AK1",
        custom_claims={"k1": "v1"},
        description="hey",
        permitted_ips=["127.0.0.1", "192.168.1.0/24"],
        custom_attributes={"team": "a"},
    )
    key, cleartext = created["key"], created["cleartext"]
    assert key["permittedIps"] == ["127.0.0.1", "192.168.1.0/24"]
    assert (await official("mgmt.access_key.load", key["id"]))["key"] == key

    found = await official("mgmt.access_key.search_all_access_keys")
    assert found["keys"] == [key]
    found = await official(
        "mgmt.access_key.search_all_access_keys", custom_attributes={"team": "b"}
    )
    assert found["keys"] == []

    await official("mgmt.access_key.update", id=key["id"], name="AK2")
    renamed = (await official("mgmt.access_key.load", key["id"]))["key"]
    assert renamed == {**key, "name": "AK2"}

    session = await official(
        "exchange_access_key",
        cleartext,
        login_options=AccessKeyLoginOptions(custom_claims={"nsec-k1": "nsec-v1"}),
    )
    assert session["keyId"] == key["id"]
    token = session["sessionToken"]
    assert (token["k1"], token["nsec"]) == ("v1", {"nsec-k1": "nsec-v1"})
    validated = await official("validate_session", token["jwt"])
    assert validated["projectId"] == session["projectId"]

    await official("mgmt.access_key.deactivate", key["id"])
    with pytest.raises(AuthException) as caught:
        await official("exchange_access_key", cleartext)
    assert caught.value.status_code == 401
    await official("mgmt.access_key.activate", key["id"])

    rotated = await official("mgmt.access_key.rotate", key["id"])
    with pytest.raises(AuthException):
        await official("exchange_access_key", cleartext)
    fresh = await official("exchange_access_key", rotated["cleartext"])
    assert fresh["keyId"] == key["id"]

    await official("mgmt.access_key.delete", key["id"])
    with pytest.raises(AuthException) as caught:
        await official("mgmt.access_key.load", key["id"])
    assert caught.value.status_code == 404


async def test_batches(official: Official) -> None:
    ids = [(await official("mgmt.access_key.create", name=f"k{n}"))["key"]["id"] for n in range(3)]

    async def statuses() -> list[str]:
        answer = await official("mgmt.access_key.search_all_access_keys")
        return [key["status"] for key in answer["keys"]]

    await official("mgmt.access_key.deactivate_batch", ids)
    assert await statuses() == ["inactive"] * 3
    await official("mgmt.access_key.activate_batch", ids[:2])
    assert await statuses() == ["active", "active", "inactive"]
    await official("mgmt.access_key.delete_batch", ids)
    assert await statuses() == []


async def test_tenants_roles_and_permissions(emulator: Emulator, official: Official) -> None:
    await official("mgmt.permission.create", name="read")
    await official("mgmt.role.create", name="Reader", permission_names=["read"])
    tenant_id = (await official("mgmt.tenant.create", name="One"))["id"]
    await official("mgmt.tenant.create", name="Two", id="two")
    created = await official(
        "mgmt.access_key.create",
        name="k",
        key_tenants=[AssociatedTenant(tenant_id, ["Reader"]), AssociatedTenant("two")],
    )
    assert created["key"]["keyTenants"][0]["tenantName"] == "One"
    session = await official(
        "exchange_access_key",
        created["cleartext"],
        login_options=AccessKeyLoginOptions(selected_tenant=tenant_id),
    )
    token = session["sessionToken"]
    assert token["dct"] == tenant_id
    assert token["iss"] == f"{emulator.base_url}/{emulator.project_id}"
    allowed = await official("validate_tenant_permissions", session, tenant_id, ["read"])
    assert allowed is True
    assert await official("validate_tenant_permissions", session, "two", ["read"]) is False

    found = await official("mgmt.access_key.search_all_access_keys", tenant_ids=["two"])
    assert [key["id"] for key in found["keys"]] == [created["key"]["id"]]
    await official("mgmt.tenant.delete", "two", cascade=True)
    await official("mgmt.tenant.delete", tenant_id, cascade=True)
    assert (await official("mgmt.access_key.search_all_access_keys"))["keys"] == []


async def test_a_key_bound_to_a_user(official: Official) -> None:
    await official("mgmt.permission.create", name="read")
    await official("mgmt.role.create", name="Reader", permission_names=["read"])
    user = (await official("mgmt.user.create", "u@x.test", role_names=["Reader"]))["user"]
    created = await official("mgmt.access_key.create", name="k", user_id=user["userId"])
    session = await official("exchange_access_key", created["cleartext"])
    assert await official("validate_permissions", session, ["read"]) is True
    assert await official("get_matched_roles", session, ["Reader", "Admin"]) == ["Reader"]

    await official("mgmt.user.deactivate", "u@x.test")
    with pytest.raises(AuthException):
        await official("exchange_access_key", created["cleartext"])
    await official("mgmt.user.activate", "u@x.test")
    await official("exchange_access_key", created["cleartext"])
    found = await official("mgmt.access_key.search_all_access_keys", bound_user_id=user["userId"])
    assert len(found["keys"]) == 1
    await official("mgmt.user.delete", "u@x.test")
    with pytest.raises(AuthException):
        await official("exchange_access_key", created["cleartext"])


async def test_a_test_user_signs_in(official: Official) -> None:
    from descope import DeliveryMethod, UserObj

    with pytest.raises(AuthException):
        await official(
            "mgmt.user.generate_otp_for_test_user", method=DeliveryMethod.EMAIL, login_id="t"
        )
    user = (await official("mgmt.user.create_test_user", login_id="t", email="t@x.test"))["user"]
    generated = await official(
        "mgmt.user.generate_otp_for_test_user", method=DeliveryMethod.EMAIL, login_id="t"
    )
    signed_in = await official(
        "otp.verify_code", method=DeliveryMethod.EMAIL, login_id="t", code=generated["code"]
    )
    assert signed_in["user"]["userId"] == user["userId"]
    assert signed_in["sessionToken"]["drn"] == "DS"
    assert signed_in["refreshSessionToken"]["drn"] == "DSR"
    found = await official("mgmt.user.search_all", test_users_only=True)
    assert [each["userId"] for each in found["users"]] == [user["userId"]]
    invited = await official("mgmt.user.invite_batch", [UserObj("a@x.test"), UserObj("b@x.test")])
    assert [each["status"] for each in invited["createdUsers"]] == ["invited", "invited"]
    await official("mgmt.user.delete_all_test_users")
    with pytest.raises(AuthException):
        await official("mgmt.user.load_by_user_id", user["userId"])


async def test_the_services_words_for_a_missing_field(official: Official) -> None:
    with pytest.raises(AuthException, match="The name field is required"):
        await official("mgmt.access_key.create", name="")
    with pytest.raises(AuthException, match="The id field is required"):
        await official("mgmt.access_key.delete", "")
