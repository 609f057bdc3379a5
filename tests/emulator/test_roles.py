"""Roles and permissions, as the live suites of the service's SDKs use them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from tests.emulator.fixture_types import Create, Do, Load

Claims = Callable[..., Awaitable[dict[str, Any]]]


async def test_roles_are_created_described_and_deleted(do: Do) -> None:
    await do("permission/create", {"name": "read", "description": "to read"})
    body = {"name": "Reader", "description": "d", "permissionNames": ["read"]}
    created = await do("role/create", body)
    assert created["id"].startswith("ROL")
    assert created in (await do("role/all", method="GET"))["roles"]
    await do("role/update", {"name": "Reader", "newName": "Viewer"})
    (found,) = (await do("role/search", {"roleNames": ["Viewer"]}))["roles"]
    assert (found["description"], found["permissionNames"]) == ("", [])
    assert (await do("role/search", {"roleNames": ["Reader"]}))["roles"] == []
    await do("role/delete", {"id": found["id"]})
    names = [role["name"] for role in (await do("role/all", method="GET"))["roles"]]
    assert names == ["Tenant Admin"]


async def test_roles_are_found_by_what_describes_them(do: Do) -> None:
    await do("role/create", {"name": "One", "permissionNames": ["a", "b"]})
    await do("role/create", {"name": "One", "tenantId": "t1", "permissionNames": ["a"]})

    async def found(**criteria: Any) -> list[tuple[str, str]]:
        answer = await do("role/search", criteria)
        return [(role["name"], role["tenantId"]) for role in answer["roles"]]

    project, tenant, system = ("One", ""), ("One", "t1"), ("Tenant Admin", "")
    assert await found() == [system, project, tenant]
    assert await found(tenantIds=["t1"]) == [tenant]
    assert await found(tenantIds=["t1"], includeProjectRoles=True) == [system, project, tenant]
    assert await found(permissionNames=["a", "b"]) == [project]
    assert await found(roleNameLike="oN") == [project, tenant]


async def test_holders_follow_a_renamed_role_and_lose_a_deleted_one(
    create: Create, load: Load, do: Do
) -> None:
    for body in ({"name": "Old"}, {"name": "Old", "tenantId": "own"}, {"name": "Kept"}):
        await do("role/create", body)
    tenants = [
        {"tenantId": "own", "roleNames": ["Old"]},
        {"tenantId": "other", "roleNames": ["Kept", "Old"]},
    ]
    key, _ = await create(roleNames=["Old", "Kept"], keyTenants=tenants)
    await do("user/create", {"loginId": "u", "roleNames": ["Old"], "userTenants": tenants})

    async def held() -> tuple[list[str], ...]:
        loaded = await load(key["id"])
        user = (await do("user?loginId=u", method="GET"))["user"]
        of_key = [tenant["roleNames"] for tenant in loaded["keyTenants"]]
        assert of_key == [tenant["roleNames"] for tenant in user["userTenants"]]
        return (loaded["roleNames"], user["roleNames"], *of_key)

    await do("role/update", {"name": "Old", "newName": "New"})
    assert await held() == (["New", "Kept"], ["New"], ["Old"], ["Kept", "New"])
    await do("role/delete", {"name": "New"})
    assert await held() == (["Kept"], [], ["Old"], ["Kept"])
    await do("role/delete", {"name": "Old", "tenantId": "own"})
    assert await held() == (["Kept"], [], [], ["Kept"])


async def test_a_tenants_role_and_the_projects_of_its_name_are_apart(
    create: Create, load: Load, do: Do
) -> None:
    await do("role/create", {"name": "X"})
    await do("role/create", {"name": "X", "tenantId": "own"})
    tenants = [{"tenantId": each, "roleNames": ["X"]} for each in ("own", "other")]
    key, _ = await create(roleNames=["X", "Ghost"], keyTenants=tenants)

    async def held() -> list[list[str]]:
        loaded = await load(key["id"])
        return [loaded["roleNames"], *(each["roleNames"] for each in loaded["keyTenants"])]

    await do("role/update", {"name": "X", "tenantId": "own", "newName": "Y"})
    assert await held() == [["X", "Ghost"], ["Y"], ["X"]], "not the project's X"
    await do("role/delete", {"name": "Y", "tenantId": "own"})
    assert await held() == [["X", "Ghost"], [], ["X"]]
    await do("role/create", {"name": "Ghost", "tenantId": "own"})
    await do("role/delete", {"name": "Ghost", "tenantId": "own"})
    assert await held() == [["X", "Ghost"], [], ["X"]]


async def test_roles_follow_their_permissions(do: Do, create: Create, claims: Claims) -> None:
    for name in ("read", "write"):
        await do("permission/create", {"name": name})
    await do("role/create", {"name": "Editor", "permissionNames": ["read", "write"]})
    _, cleartext = await create(roleNames=["Editor"])
    await do("permission/update", {"name": "read", "newName": "view", "description": "see"})
    assert (await claims(cleartext))["permissions"] == ["view", "write"]
    await do("permission/delete", {"name": "write"})
    assert (await claims(cleartext))["permissions"] == ["view"]
    everything = (await do("permission/all", method="GET"))["permissions"]
    own = [each for each in everything if not each["systemDefault"]]
    assert [(each["name"], each["description"]) for each in own] == [("view", "see")]
