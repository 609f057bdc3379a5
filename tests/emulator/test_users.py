"""Users, as the live suites of the service's SDKs use them."""

from __future__ import annotations

from typing import Any

from descope_async.emulator import Emulator
from tests.emulator.fixture_types import Ask, Do


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


async def test_a_search_of_users_finds_a_hundred_unless_it_says_how_many(do: Do) -> None:
    await do("user/create/batch", {"users": [{"loginId": f"u{n}"} for n in range(130)]})
    for criteria, count in (({}, 100), ({"page": 1}, 30), ({"limit": 120}, 120)):
        answer = await do("user/search", criteria)
        assert (len(answer["users"]), answer["total"]) == (count, 130)


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
