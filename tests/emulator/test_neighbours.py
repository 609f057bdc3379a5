"""Tenants, roles, permissions and users, as the live suites of the service's SDKs use them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from descope_async.emulator import Emulator

Answer = tuple[int, dict[str, Any]]
Ask = Callable[..., Awaitable[Answer]]
Do = Callable[..., Awaitable[dict[str, Any]]]
Create = Callable[..., Awaitable[tuple[dict[str, Any], str]]]
Load = Callable[[str], Awaitable[dict[str, Any]]]
Claims = Callable[..., Awaitable[dict[str, Any]]]


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


@pytest.mark.parametrize(
    ("path", "body", "status", "message"),
    [
        ("tenant/create", {"name": ""}, 400, "The name field is required"),
        ("tenant/create", {"id": "t1", "name": "again"}, 409, "A tenant of this id exists"),
        ("tenant/create", {"name": "x", "parent": "t404"}, 404, "The tenant does not exist"),
        ("tenant/update", {"id": "", "name": ""}, 400, "The id field is required"),
        ("tenant/update", {"id": "someId", "name": ""}, 400, "The name field is required"),
        ("tenant/update", {"id": "t404", "name": "x"}, 404, "The tenant does not exist"),
        ("tenant/delete", {"id": ""}, 400, "The id field is required"),
        ("tenant/delete", {"id": "t404"}, 404, "The tenant does not exist"),
        ("role/create", {}, 400, "The name field is required"),
        ("role/create", {"name": "Tenant Admin"}, 409, "A role of this name exists"),
        ("role/update", {"name": "r404", "newName": "x"}, 404, "The role does not exist"),
        ("role/update", {"id": "ROL404", "newName": "x"}, 404, "The role does not exist"),
        ("role/update", {"name": "r1", "newName": "Tenant Admin"}, 409, "A role of this name"),
        ("role/delete", {"name": ""}, 400, "The name field is required"),
        ("permission/create", {"name": "SSO Admin"}, 409, "A permission of this name exists"),
        ("permission/update", {"name": "p404"}, 404, "The permission does not exist"),
        ("permission/update", {"name": "Impersonate", "newName": "SSO Admin"}, 409, "A permission"),
        ("permission/delete", {"id": "PER404"}, 404, "The permission does not exist"),
        ("user/create", {"email": "u@x.test"}, 400, "The loginId field is required"),
        ("user/create", {"loginId": "u1"}, 409, "A user of this login id exists"),
        ("user/create", {"loginId": "u2", "status": "gone"}, 400, "The status field must be"),
        ("user/update/status", {"loginId": "u1"}, 400, "The status field is required"),
        ("user/update/loginid", {"userId": "U1", "newLoginId": "n"}, 400, "The loginId field is"),
        ("user/update/status", {"loginId": "u1", "status": "x"}, 400, "The status field must be"),
        ("user/update/loginid", {"loginId": "u1", "newLoginId": ""}, 400, "A user needs a login"),
        ("user/update/tenant/add", {"loginId": "u1"}, 400, "The tenantId field is required"),
        ("user/delete", {}, 400, "The loginId field is required"),
        ("user/delete", {"loginId": "u404"}, 404, "The user does not exist"),
        ("user/delete", {"userId": "U404"}, 404, "The user does not exist"),
    ],
)
async def test_refusals(
    do: Do, manage: Ask, path: str, body: dict[str, Any], status: int, message: str
) -> None:
    await do("tenant/create", {"id": "t1", "name": "One"})
    await do("user/create", {"loginId": "u1"})
    await do("role/create", {"name": "r1"})
    found, answer = await manage(path, body)
    assert found == status
    assert answer["errorMessage"].startswith(message)


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


async def test_a_user_is_invited_by_an_address_that_counts_as_verified(do: Do) -> None:
    user = (await do("user/create", {"loginId": "u@x.test", "email": None, "invite": True}))["user"]
    assert user["userId"].startswith("U")
    assert user["loginIds"] == ["u@x.test"]
    assert (user["email"], user["verifiedEmail"]) == ("u@x.test", True)
    assert user["status"] == "invited"
    for query in ("loginId=u@x.test", f"userId={user['userId']}", "identifier=u@x.test"):
        assert (await do(f"user?{query}", method="GET"))["user"] == user


async def test_newer_names_of_user_fields_mean_the_same(do: Do) -> None:
    new = {
        "identifier": "u",
        "name": "U",
        "ssoAppIds": ["a"],
        "phone": "+1",
        "verifiedPhone": False,
    }
    user = (await do("user/create", new))["user"]
    assert (user["loginIds"], user["name"], user["ssoAppIds"]) == (["u"], "U", ["a"])
    assert (user["phone"], user["verifiedPhone"]) == ("+1", False)
    old = {"loginId": "v", "displayName": "V", "ssoAppIDs": ["a"]}
    user = (await do("user/create", old))["user"]
    assert (user["loginIds"], user["name"], user["ssoAppIds"]) == (["v"], "V", ["a"])
    assert (await do("user/delete", {"identifier": "u"})) == {}


async def test_patch_changes_and_update_replaces(do: Do) -> None:
    await do("user/create", {"loginId": "u", "email": "u@x.test", "customAttributes": {"a": 1}})
    patch = {"loginId": "u", "phone": "+1", "middleName": "M", "roleNames": ["r1", "r2"]}
    user = (await do("user/patch", patch, "PATCH"))["user"]
    assert (user["email"], user["phone"], user["verifiedPhone"]) == ("u@x.test", "+1", True)
    assert (user["middleName"], user["roleNames"]) == ("M", ["r1", "r2"])
    user = (await do("user/patch", {"loginId": "u", "roleNames": []}, "PATCH"))["user"]
    assert (user["phone"], user["roleNames"]) == ("+1", [])
    user = (await do("user/update", {"loginId": "u", "displayName": "U"}))["user"]
    assert (user["name"], user["email"], user["phone"]) == ("U", "", "")
    assert (user["loginIds"], user["customAttributes"]) == (["u"], {})


async def test_single_fields_of_a_user(do: Do) -> None:
    await do("user/create", {"loginId": "u"})
    body = {"loginId": "u", "email": "e@x.test", "verified": False}
    user = (await do("user/update/email", body))["user"]
    assert (user["email"], user["verifiedEmail"]) == ("e@x.test", False)
    user = (await do("user/update/phone", {"loginId": "u", "phone": "+1", "verified": True}))[
        "user"
    ]
    assert (user["phone"], user["verifiedPhone"]) == ("+1", True)
    user = (await do("user/update/name", {"loginId": "u", "displayName": "U"}))["user"]
    assert user["name"] == "U"
    user = (await do("user/update/picture", {"loginId": "u", "picture": "http://p"}))["user"]
    assert user["picture"] == "http://p"
    user = (await do("user/update/loginid", {"loginId": "u", "newLoginId": "v"}))["user"]
    assert user["loginIds"] == ["v"]
    assert (await do("user?loginId=v", method="GET"))["user"] == user


async def test_a_free_login_id_can_be_taken_again(do: Do, manage: Ask) -> None:
    await do("user/create", {"loginId": "u"})
    await do("user/update/loginid", {"loginId": "u", "newLoginId": "v"})
    await do("user/create", {"loginId": "u"})
    body = {"loginId": "u", "newLoginId": "v"}
    assert (await manage("user/update/loginid", body))[0] == 409


async def test_roles_and_tenants_of_a_user(do: Do) -> None:
    await do("user/create", {"loginId": "u"})

    async def change(what: str, **fields: Any) -> tuple[list[str], dict[str, list[str]]]:
        user = (await do(f"/v1/mgmt/user/update/{what}", {"loginId": "u", **fields}))["user"]
        tenants = {each["tenantId"]: each["roleNames"] for each in user["userTenants"]}
        return user["roleNames"], tenants

    assert await change("role/add", roleNames=["a", "b"]) == (["a", "b"], {})
    assert await change("role/add", roleNames=["b", "c"]) == (["a", "b", "c"], {})
    assert await change("role/remove", roleNames=["a", "x"]) == (["b", "c"], {})
    assert await change("role/set", roleNames=["z"]) == (["z"], {})
    assert await change("tenant/add", tenantId="t1") == (["z"], {"t1": []})
    assert await change("role/add", tenantId="t1", roleNames=["a"]) == (["z"], {"t1": ["a"]})
    assert await change("tenant/add", tenantId="t1") == (["z"], {"t1": ["a"]})
    assert await change("role/remove", tenantId="t1", roleNames=["a"]) == (["z"], {"t1": []})
    assert await change("tenant/remove", tenantId="t1") == (["z"], {})


async def test_users_are_found_by_what_describes_them(do: Do) -> None:
    tenants = [{"tenantId": "t1", "roleNames": ["local"]}]
    await do("user/create", {"loginId": "ann", "roleNames": ["r"], "customAttributes": {"a": 1}})
    await do("user/create", {"loginId": "bob", "userTenants": tenants, "status": "disabled"})
    await do("user/create/test", {"loginId": "tester"})

    async def found(path: str = "/v2/mgmt/user/search", **criteria: Any) -> list[str]:
        return [user["loginIds"][0] for user in (await do(path, criteria))["users"]]

    assert await found() == ["ann", "bob"]
    assert await found("/v1/mgmt/user/search") == ["ann", "bob"]
    assert await found(withTestUser=True) == ["ann", "bob", "tester"]
    assert await found(testUsersOnly=True) == ["tester"]
    assert await found("/v2/mgmt/user/search/test") == ["tester"]
    assert await found(text="ANN") == ["ann"]
    assert await found(tenantIds=["t1"]) == ["bob"]
    assert await found(roleNames=["r"]) == ["ann"]
    assert await found(roleNames=["local"], tenantIds=["t1"]) == ["bob"]
    assert await found(statuses=["disabled"]) == ["bob"]
    assert await found(loginIds=["ann", "nobody"]) == ["ann"]
    assert await found(customAttributes={"a": 1}) == ["ann"]
    assert await found(limit=1, page=1) == ["bob"]
    await do("user/test/delete/all", method="DELETE")
    assert await found(withTestUser=True) == ["ann", "bob"]


async def test_a_batch_says_who_could_not_be_created(do: Do) -> None:
    users = [
        {"loginId": "a@x.test"},
        {"loginId": "a@x.test"},
        {"loginId": "b", "status": "enabled"},
    ]
    answer = await do("user/create/batch", {"users": users, "invite": True})
    assert [user["status"] for user in answer["createdUsers"]] == ["invited", "enabled"]
    (failed,) = answer["failedUsers"]
    assert failed["failure"] == "A user of this login id exists"


async def test_a_test_user_signs_in_with_a_code_that_works_once(
    emulator: Emulator, do: Do, manage: Ask, ask: Ask
) -> None:
    user = (await do("user/create/test", {"loginId": "t", "phone": "+1"}))["user"]
    await do("user/create", {"loginId": "real"})
    assert (await manage("tests/generate/otp", {"loginId": "real"}))[0] == 400
    assert (await manage("tests/generate/otp", {"loginId": "nobody"}))[0] == 404
    generated = await do("tests/generate/otp", {"loginId": "t", "deliveryMethod": "sms"})
    assert generated["loginId"] == "t"
    path, body = "/v1/auth/otp/verify/sms", {"loginId": "t", "code": generated["code"]}
    wrong = {"loginId": "t", "code": "not it"}
    assert (await ask("POST", path, emulator.project_id, json=wrong))[0] == 401
    status, answer = await ask("POST", path, emulator.project_id, json=body)
    assert status == 200
    assert answer["user"] == {**user, "status": "enabled"}
    assert answer["sessionJwt"].count(".") == answer["refreshJwt"].count(".") == 2
    status, answer = await ask("POST", path, emulator.project_id, json=body)
    assert (status, answer["errorCode"]) == (401, "E061102")
