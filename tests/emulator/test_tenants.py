"""Tenants, as the live suites of the service's SDKs use them."""

from __future__ import annotations

from typing import Any

from tests.emulator.fixture_types import Ask, Create, Do, Load


async def test_tenants_form_a_tree(do: Do) -> None:
    domains = ["parent.test"]
    parent = (await do("tenant/create", {"name": "P", "selfProvisioningDomains": domains}))["id"]
    child = (await do("tenant/create", {"name": "C", "parent": parent}))["id"]
    grandchild = (await do("tenant/create", {"name": "G", "parent": child}))["id"]
    loaded = await do(f"tenant?id={parent}", method="GET")
    assert loaded["name"] == "P"
    assert loaded["parent"] == ""
    assert loaded["successors"] == [child, grandchild]
    assert loaded["selfProvisioningDomains"] == domains
    found = (await do("tenant/search", {"tenantIds": [child]}))["tenants"]
    assert [(each["parent"], each["successors"]) for each in found] == [(parent, [grandchild])]
    assert (await do(f"tenant?id={grandchild}", method="GET"))["successors"] == []
    await do("tenant/delete", {"id": child})
    assert (await do(f"tenant?id={grandchild}", method="GET"))["parent"] == ""
    everything = (await do("tenant/all", method="GET"))["tenants"]
    assert [each["id"] for each in everything] == [parent, grandchild]


async def test_tenants_are_found_by_what_describes_them(do: Do) -> None:
    await do("tenant/create", {"id": "a", "name": "A", "customAttributes": {"size": 1}})
    await do("tenant/create", {"id": "b", "name": "B", "selfProvisioningDomains": ["b.test"]})

    async def found(**criteria: Any) -> list[str]:
        return [each["id"] for each in (await do("tenant/search", criteria))["tenants"]]

    assert await found() == ["a", "b"]
    assert await found(tenantNames=["B"]) == ["b"]
    assert await found(tenantSelfProvisioningDomains=["b.test", "x"]) == ["b"]
    assert await found(customAttributes={"size": 1}) == ["a"]
    await do("tenant/update", {"id": "a", "name": "New"})
    assert await found(tenantNames=["New"]) == ["a"]
    assert await found(customAttributes={"size": 1}) == [], "an update replaces everything"


async def test_a_deleted_tenant_leaves_keys_and_users(
    create: Create, load: Load, do: Do, exchange: Ask
) -> None:
    both = [{"tenantId": "t1", "roleNames": ["r"]}, {"tenantId": "t2"}]
    only = [{"tenantId": "t1"}]
    for each in ("t1", "t2"):
        await do("tenant/create", {"id": each, "name": each})
    shared, _ = await create(name="shared", keyTenants=both)
    own, cleartext = await create(name="own", keyTenants=only)
    await do("role/create", {"name": "local", "tenantId": "t1"})
    await do("user/create", {"loginId": "own", "userTenants": only})
    await do("user/create", {"loginId": "shared", "userTenants": both})
    await do("tenant/delete", {"id": "t1"})
    assert (await load(own["id"]))["keyTenants"] == []
    assert (await exchange(cleartext))[0] == 200
    kept = (await load(shared["id"]))["keyTenants"]
    assert kept == [{"tenantId": "t2", "tenantName": "t2", "roleNames": []}]
    roles = (await do("role/search", {"roleNames": ["local"]}))["roles"]
    assert roles == []
    users = (await do("/v2/mgmt/user/search", {"tenantIds": ["t1"]}))["users"]
    assert users == []


async def test_a_tenant_deleted_with_cascade_takes_its_own_keys_and_users(
    create: Create, do: Do, exchange: Ask
) -> None:
    await do("tenant/create", {"id": "t1", "name": "t1"})
    own, cleartext = await create(keyTenants=[{"tenantId": "t1"}])
    shared, _ = await create(keyTenants=[{"tenantId": "t1"}, {"tenantId": "t2"}])
    await do("user/create", {"loginId": "own", "userTenants": [{"tenantId": "t1"}]})
    await do("tenant/delete", {"id": "t1", "cascade": True})
    assert [key["id"] for key in (await do("accesskey/search"))["keys"]] == [shared["id"]]
    assert (await exchange(cleartext))[0] == 401
    assert own["id"] != shared["id"]
    assert (await do("/v2/mgmt/user/search", {}))["users"] == []
