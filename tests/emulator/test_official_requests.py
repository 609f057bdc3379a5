"""Requests as official clients send them: forms of the .NET, Ruby, Java, Go and Terraform sources."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import pytest

from descope_async.emulator import Emulator

Create = Callable[..., Awaitable[tuple[dict[str, Any], str]]]
Claims = Callable[..., Awaitable[dict[str, Any]]]
Do = Callable[..., Awaitable[dict[str, Any]]]
Ask = Callable[..., Awaitable[tuple[int, dict[str, Any]]]]


async def test_bodies_are_compact_and_characters_stay(
    emulator: Emulator, http: aiohttp.ClientSession
) -> None:
    bearer = {"Authorization": f"Bearer {emulator.project_id}:{emulator.management_key}"}
    async with http.get("/v1/mgmt/user?userid=é", headers=bearer) as response:
        assert '{"errorCode":"E011003",' in await response.text()
    body = {"name": "naïve"}
    async with http.post("/v1/mgmt/accesskey/create", json=body, headers=bearer) as response:
        assert '"name":"naïve"' in await response.text()


async def test_a_bound_key_has_all_grants_of_its_user(
    emulator: Emulator, create: Create, claims: Claims
) -> None:
    await emulator.create_tenant("t1")
    user_id = await emulator.create_user(
        "u", role_names=["Tenant Admin"], tenants={"t1": ["Tenant Admin"]}
    )
    _, cleartext = await create(userId=user_id)
    found = await claims(cleartext)
    assert found["roles"] == found["tenants"]["t1"]["roles"] == ["Tenant Admin"]
    assert "User Admin" in found["permissions"]


async def test_users_by_all_their_names(do: Do, manage: Ask) -> None:
    number = "+1-555-555-0100"
    body = {"loginId": number, "phone": number, "additionalIdentifiers": ["alias"]}
    user = (await do("user/create", body))["user"]
    assert (user["phone"], user["loginIds"]) == ("+15555550100", ["+15555550100", "alias"])
    assert (await do("/v2/mgmt/user/search", {"phones": [number]}))["total"] == 1
    patch = {"loginId": "+1 (555) 555-0100", "additionalLoginIds": ["other"]}
    patched = (await do("user/patch", patch, "PATCH"))["user"]
    assert patched["loginIds"] == ["+15555550100", "alias", "other"]
    assert (await manage("user/create", {"loginId": "other"}))[0] == 409
    found = await do("users/load", {"userIds": [user["userId"], "U404"]})
    assert [each["userId"] for each in found["users"]] == [user["userId"]]
    batch = {"users": [{"loginId": "alias", "name": "A"}, {"loginId": "nobody", "name": "B"}]}
    answer = await do("user/patch/batch", batch, "PATCH")
    assert [each["name"] for each in answer["patchedUsers"]] == ["A"]
    assert answer["failedUsers"][0]["user"] == {"loginIds": ["nobody"]}
    changed = {"loginId": "alias", "attributeKey": "team", "attributeValue": "a"}
    assert (await do("user/update/customAttribute", changed))["user"]["customAttributes"] == {
        "team": "a"
    }
    assert (await manage("user/delete/batch", {"userIds": [user["userId"], "U404"]}))[0] == 404
    await do("user/delete/batch", {"userIds": [user["userId"]]})
    assert (await do("/v2/mgmt/user/search", {}))["users"] == []


async def test_a_search_heeds_every_criterion_or_refuses_it(do: Do, manage: Ask) -> None:
    await do("tenant/create", {"id": "t1", "name": "One", "authType": "saml", "enforceSSO": True})
    await do("tenant/create", {"id": "t2", "name": "Two", "parent": "t1"})
    tenants = [{"tenantId": "t2", "roleNames": ["Tenant Admin"]}]
    await do("user/create", {"loginId": "a", "userTenants": tenants, "ssoAppIds": ["s1"]})
    await do("user/create", {"loginId": "b"})

    async def users(**criteria: Any) -> list[str]:
        found = await do("/v2/mgmt/user/search", criteria)
        return [each["loginIds"][0] for each in found["users"]]

    assert await users(toCreatedTime=1) == []
    assert await users(fromCreatedTime=1, fromModifiedTime=1) == ["a", "b"]
    assert await users(ssoAppIds=["s1"]) == ["a"]
    assert await users(tenantIds=["t1"]) == []
    assert await users(tenantIds=["t1"], includeSubTenants=True) == ["a"]
    assert await users(tenantRoleNames={"t2": {"values": ["Tenant Admin"], "and": True}}) == ["a"]
    assert await users(sort=[{"field": "loginIds", "desc": True}]) == ["b", "a"]
    assert await users(ssoOnly=False, familyIds=[], dependent=None) == ["a", "b"]
    for name, value in (
        ("ssoOnly", True),
        ("familyIds", ["f"]),
        ("lockReasons", ["password"]),
        *((name, True) for name in ("password", "totp", "webauthn", "scim")),
    ):
        status, answer = await manage("/v2/mgmt/user/search", {name: value})
        assert status == 501
        assert name in answer["errorMessage"]
    assert (await do("role/search", {"text": "zzzzzz"}))["roles"] == []
    found = await do("tenant/search", {"authType": "saml", "topLevelOnly": True})
    assert [(each["id"], each["enforceSSO"]) for each in found["tenants"]] == [("t1", True)]
    assert (await manage("tenant/search", {"tenantSSODomains": ["x"]}))[0] == 501


async def test_tenant_settings_come_back(do: Do, manage: Ask) -> None:
    await do("tenant/create", {"id": "t1", "name": "One"})
    settings = {
        "tenantId": "t1",
        "domains": ["x.test"],
        "sessionTokenExpiration": 5,
        "enabled": True,
    }
    await do("tenant/settings", settings)
    await do("tenant/updateDefaultRoles", {"id": "t1", "defaultRoles": ["Tenant Admin"]})
    found = await do("tenant/settings?id=t1", method="GET")
    assert {name: found[name] for name in settings} == settings
    assert (await do("tenant?id=t1", method="GET"))["defaultRoles"] == ["Tenant Admin"]
    for wrong in ({"tenantId": "t404"}, {}, {"tenantId": "t1", "enabled": "yes"}):
        assert (await manage("tenant/settings", wrong))[0] in {400, 404}


async def test_batches_of_roles_and_permissions_happen_as_a_whole(do: Do, manage: Ask) -> None:
    await do("permission/create/batch", {"permissions": [{"name": "read"}, {"name": "write"}]})
    roles = [{"name": "R", "permissionNames": ["read"]}, {"name": "W"}]
    assert len((await do("role/create/batch", {"roles": roles}))["roles"]) == 2
    before = await do("role/all", method="GET")
    assert (await manage("role/create/batch", {"roles": [{"name": "N"}, {"name": "R"}]}))[0] == 409
    renamed = [{"name": "R", "newName": "X"}, {"name": "nothing", "newName": "Y"}]
    assert (await manage("role/update/batch", {"roles": renamed}))[0] == 404
    assert (await manage("role/delete/batch", {"roleNames": ["R", "nothing"]}))[0] == 404
    assert await do("role/all", method="GET") == before
    await do("permission/update/batch", {"permissions": [{"name": "read", "newName": "see"}]})
    assert (await manage("permission/delete/batch", {"names": []}))[0] == 400
    await do("role/delete/batch", {"roleNames": ["R", "W"]})
    await do("permission/delete/batch", {"names": ["see", "write"]})
    names = [each["name"] for each in (await do("permission/all", method="GET"))["permissions"]]
    assert not {"read", "see", "write"} & set(names)


async def test_what_terraform_asks_for(do: Do, manage: Ask, ask: Ask, emulator: Emulator) -> None:
    data = {
        "name": "k",
        "description": "",
        "status": "active",
        "expireTime": 1924991999,
        "boundUserId": "",
        "roleNames": [],
        "keyTenants": [],
        "customClaims": {},
        "customAttributes": {},
        "permittedIps": ["10.0.0.0/8"],
    }
    made = await do("infra", {"entity": "access_key", "data": data})
    assert made["data"].pop("cleartext")
    query = f"infra?entity=access_key&id={made['id']}"
    assert await do(query, method="GET") == made
    changed = {"entity": "access_key", "id": made["id"], "data": data | {"status": "inactive"}}
    assert (await do("infra", changed, "PUT"))["data"]["status"] == "inactive"
    for wrong, sentence in (
        ({"keyTenants": [{"tenantId": "T2foo"}]}, "Tenant T2foo does not exist in project"),
        ({"roleNames": ["Quux"]}, "Role Quux does not exist in project"),
    ):
        status, answer = await manage("infra", {"entity": "access_key", "data": data | wrong})
        assert (status, answer["errorCode"]) == (400, "E113007")
        assert sentence in answer["errorMessage"]
    inactive = {"entity": "access_key", "data": {"name": "off", "status": "inactive"}}
    born = await do("infra", inactive)
    assert born["data"]["status"] == "inactive"
    exchange = "/v1/auth/accesskey/exchange"
    bearer = f"{emulator.project_id}:{born['data']['cleartext']}"
    assert (await ask("POST", exchange, bearer, json={}))[0] == 401
    odd = {"entity": "access_key", "data": {"name": "off", "status": "expired"}}
    assert (await manage("infra", odd))[0] == 400
    assert (await manage("infra", {"entity": "flow", "data": {}}))[0] == 501
    await do(query, method="DELETE")
    assert (await manage(query, method="GET"))[0] == 404


async def test_a_user_signs_in_and_out(emulator: Emulator, do: Do, ask: Ask) -> None:
    await emulator.create_tenant("t1", "One")
    await do("user/create/test", {"loginId": "u", "userTenants": [{"tenantId": "t1"}]})
    code = (await do("tests/generate/otp", {"loginId": "u"}))["code"]
    body = {"loginId": "u", "code": code}
    project = emulator.project_id
    _, session = await ask("POST", "/v1/auth/otp/verify/email", project, json=body)

    async def as_user(path: str, body: Any = None, method: str = "POST") -> tuple[int, Any]:
        bearer = f"{project}:{session['refreshJwt']}"
        return await ask(method, f"/v1/auth/{path}", bearer, json=body)

    assert (await as_user("refresh", {}))[1]["sessionJwt"]
    assert (await as_user("me", method="GET"))[1]["loginIds"] == ["u"]
    assert (await as_user("me/tenants", {"dct": False}))[1]["tenants"][0]["id"] == "t1"
    assert (await as_user("tenant/select", {"tenant": "t404"}))[0] == 403
    _, selected = await as_user("tenant/select", {"tenant": "t1"})
    assert selected["refreshJwt"] != session["refreshJwt"]
    assert (await as_user("logout", {}))[0] == 200
    assert (await as_user("refresh", {}))[0] == 401
    session = selected
    assert (await as_user("refresh", {}))[0] == 200
    await do("user/logout", {"loginId": "u"})
    assert (await as_user("refresh", {}))[0] == 401
    other = await emulator.create_project()
    assert (await ask("POST", "/v1/auth/refresh", f"{other.project_id}:x.y.z", json={}))[0] == 401


async def test_management_keys_manage_what_they_are_for(
    emulator: Emulator, do: Do, ask: Ask, manage: Ask
) -> None:
    other = await emulator.create_project()
    roles = {"projectRoles": [{"projectIds": [other.project_id], "roles": ["x"]}]}
    body = {"name": "m", "expiresIn": 60, "reBac": roles}
    made = await do("managementkey", body, "PUT")
    secret = made["cleartext"]
    path = "/v1/mgmt/accesskey/search"
    assert (await ask("POST", path, f"{other.project_id}:{secret}", json={}))[0] == 200
    assert (await ask("POST", path, f"{emulator.project_id}:{secret}", json={}))[0] == 401
    update = {"id": made["key"]["id"], "name": "m", "status": "inactive", "permittedIps": []}
    assert (await do("managementkey", update, "PATCH"))["key"]["status"] == "inactive"
    assert (await ask("POST", path, f"{other.project_id}:{secret}", json={}))[0] == 401
    found = await ask("GET", "/v1/mgmt/managementkey/search", emulator.management_key)
    assert made["key"]["id"] in {each["id"] for each in found[1]["keys"]}
    assert await do("managementkey/delete", {"ids": [made["key"]["id"]]}) == {"total": 1}
    for wrong in ({}, {"name": "m"}, {"name": "m", "reBac": []}, {"name": "m", "reBac": {"x": 1}}):
        assert (await manage("managementkey", wrong, "PUT"))[0] == 400, wrong
    assert (await manage("managementkey?id=K404", method="GET"))[0] == 404


async def test_a_client_assertion(do: Do, manage: Ask) -> None:
    body = {"issuer": "i", "subject": "s", "audience": ["a"], "expiresIn": 60}
    assert (await do("token/clientassertion", body))["jwt"].count(".") == 2
    wrongs: list[dict[str, Any]] = [
        {"issuer": ""},
        {"audience": []},
        {"expiresIn": 0},
        {"expiresIn": "x"},
    ]
    for wrong in wrongs:
        assert (await manage("token/clientassertion", body | wrong))[0] == 400
    assert (await manage("token/clientassertion", body | {"algorithm": "ES384"}))[0] == 501


@pytest.mark.parametrize(
    "path",
    [
        "/v1/mgmt/family/create",
        "/v1/auth/otp/signup/email",
        "/v1/mgmt/audit/search",
        "/scim/v2/Users",
        "/v1/flow/start",
        "/v1/auth/notp/whatsapp/signin",
        "/v1/auth/try-refresh",
        "/v1/apps/P1/.well-known/openid-configuration",
        "/.well-known/oauth-authorization-server/v1/apps/agentic/P1/M1",
        "/P1/.well-known/jwks.json",
    ],
)
async def test_what_is_not_emulated_says_so(emulator: Emulator, ask: Ask, path: str) -> None:
    status, answer = await ask("POST", path, emulator.project_id, json={})
    assert (status, answer["errorMessage"]) == (
        501,
        f"The local Descope does not emulate POST {path}",
    )
    assert (await ask("POST", "/v1/mgmt/role/other", emulator.project_id, json={}))[0] == 404


async def test_strict_refuses_what_does_not_exist() -> None:
    seed = {"tenants": [{"id": "t1", "name": "One"}], "accessKeyAttributes": ["team"]}
    async with Emulator(strict=True, seed=seed) as emulator:
        bearer = {"Authorization": f"Bearer {emulator.project_id}:{emulator.management_key}"}
        async with aiohttp.ClientSession(emulator.base_url, headers=bearer) as session:

            async def status(path: str, body: dict[str, Any]) -> int:
                async with session.post(f"/v1/mgmt/{path}", json=body) as response:
                    return response.status

            tenant = {"keyTenants": [{"tenantId": "t1", "roleNames": ["Tenant Admin"]}]}
            good = {"name": "k", **tenant, "customAttributes": {"team": "a"}}
            assert await status("accesskey/create", good) == 200
            for wrong in (
                {"roleNames": ["Quux"], "keyTenants": []},
                {"keyTenants": [{"tenantId": "T2foo"}]},
                {"customAttributes": {"undeclared": 1}},
                {"userId": "U404"},
            ):
                assert await status("accesskey/create", good | wrong) in {400, 404}, wrong
            assert await status("role/create", {"name": "r", "permissionNames": ["none"]}) == 400
            assert await status("role/create", {"name": "r", "tenantId": "t404"}) == 400
            assert await status("user/create", {"loginId": "u", "roleNames": ["Quux"]}) == 400


async def test_rate_limits_of_the_service() -> None:
    async with Emulator(rate_limits=True) as emulator, aiohttp.ClientSession() as session:
        emulator.clock.freeze()
        url = f"{emulator.base_url}/v2/keys/{emulator.project_id}"
        sdk = {"x-descope-sdk-name": "python", "x-descope-license": "tier1"}

        async def ask(headers: dict[str, str]) -> tuple[int, str | None]:
            async with session.get(url, headers=headers) as response:
                await response.read()
                return response.status, response.headers.get("Retry-After")

        assert [await ask({}) for _ in range(100)] == [(200, None)] * 100
        assert await ask({}) == (429, "60")
        assert await ask({}) == (429, "60")
        assert await ask(sdk) == (200, None)
        emulator.clock.advance(58.5)
        assert await ask({}) == (429, "2")
        emulator.clock.advance(0.5)
        assert await ask({}) == (429, "1")
        emulator.clock.advance(1)
        assert await ask({}) == (200, None)
        assert {await ask({}) for _ in range(100)} == {(200, None), (429, "60")}
        emulator.clock.move_to(emulator.clock.now() - 86_400, backwards=True)
        assert await ask({}) == (200, None), "what was refused is in the future now"
        await emulator.set_rate_limits(False)
        assert {await ask({}) for _ in range(150)} == {(200, None)}
