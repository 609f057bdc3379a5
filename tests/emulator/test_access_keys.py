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

REQUIRED = "Request is invalid"


async def test_create_shows_every_field_with_its_zero_value(create: Create) -> None:
    key, cleartext = await create(name="ci")
    assert key.pop("id").startswith("K")
    assert key.pop("clientId")
    assert key.pop("createdBy")
    assert key.pop("createdTime") > 1_700_000_000
    assert len(cleartext) >= 40
    assert cleartext.isalnum()
    assert key == {
        "name": "ci",
        "roleNames": [],
        "keyTenants": [],
        "status": "active",
        "expireTime": 0,
        "boundUserId": "",
        "customClaims": {},
        "description": "",
        "permittedIps": [],
        "editable": True,
        "customAttributes": {},
    }


async def test_create_keeps_what_is_given(create: Create, load: Load, do: Do) -> None:
    await do("tenant/create", {"id": "t1", "name": "One"})
    given = {
        "name": "naïve \u2028 \x00 \U0001f511",
        "expireTime": "2102444800",
        "roleNames": ["Backend"],
        "keyTenants": [{"tenantId": "t1", "roleNames": ["Admin"]}, {"tenantId": "made-up"}],
        "customClaims": {"k": [1, {"n": None}]},
        "description": "for tests",
        "permittedIps": ["10.0.0.1", "192.168.1.7/24", "2001:db8::/32"],
        "customAttributes": {"team": "a"},
        "somethingNew": 1,
    }
    key, _ = await create(**given)
    assert key == await load(key["id"])
    assert key["expireTime"] == 2102444800
    assert key["keyTenants"] == [
        {"tenantId": "t1", "tenantName": "One", "roleNames": ["Admin"]},
        {"tenantId": "made-up", "tenantName": "", "roleNames": []},
    ]
    for name in ("name", "roleNames", "customClaims", "description", "permittedIps"):
        assert key[name] == given[name]


@pytest.mark.parametrize(
    "absent",
    [
        {"userId": None, "customClaims": None, "description": None, "permittedIps": None},
        {"roleNames": None, "keyTenants": None, "customAttributes": None, "expireTime": None},
        {"customClaims": [], "permittedIps": [], "roleNames": [], "keyTenants": []},
        {"userId": "", "description": ""},
    ],
)
async def test_null_empty_and_absent_are_the_same_on_create(
    create: Create, absent: dict[str, Any]
) -> None:
    key, _ = await create(**absent)
    plain, _ = await create()
    for name in ("id", "clientId", "createdTime"):
        del key[name], plain[name]
    assert key == plain


@pytest.mark.parametrize("number", [7, 7.0, "07"])
async def test_integers_come_in_several_forms(create: Create, number: Any) -> None:
    key, _ = await create(expireTime=number)
    assert key["expireTime"] == 7
    assert type(key["expireTime"]) is int


async def test_names_are_not_unique(create: Create, do: Do) -> None:
    (first, secret), (second, other) = await create(name="twin"), await create(name="twin")
    assert first["id"] != second["id"]
    assert secret != other
    found = await do("accesskey/search", {"text": "twin"})
    assert [key["id"] for key in found["keys"]] == [first["id"], second["id"]]


@pytest.mark.parametrize(
    ("path", "body", "message"),
    [
        ("create", {"name": ""}, "The name field is required"),
        ("create", {}, "The name field is required"),
        ("create", {"name": None}, "The name field is required"),
        ("create", {"name": "k", "keyTenants": [{}]}, "The keyTenants[0].tenantId field is req"),
        ("update", {"id": "", "name": "n"}, "The id field is required"),
        ("update", {"id": "K1", "name": ""}, "The name field is required"),
        ("activate", {"id": ""}, "The id field is required"),
        ("deactivate", {}, "The id field is required"),
        ("delete", {"id": None}, "The id field is required"),
        ("rotate", {"id": ""}, "The id field is required"),
        ("activate/batch", {"ids": []}, "The ids field is required"),
        ("deactivate/batch", {}, "The ids field is required"),
        ("delete/batch", {"ids": None}, "The ids field is required"),
    ],
)
async def test_missing_fields_are_named(
    manage: Ask, path: str, body: dict[str, Any], message: str
) -> None:
    status, answer = await manage(f"accesskey/{path}", body)
    assert status == 400
    assert answer["errorCode"] == "E011003"
    assert answer["errorDescription"] == REQUIRED
    assert answer["errorMessage"].startswith(message)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"name": 1}, "The name field must be a string"),
        ({"expireTime": True}, "The expireTime field must be an integer"),
        ({"expireTime": 1.5}, "The expireTime field must be an integer"),
        ({"expireTime": "soon"}, "The expireTime field must be an integer"),
        ({"expireTime": "٣"}, "The expireTime field must be an integer"),
        ({"expireTime": 2**63}, "The expireTime field must be an integer"),
        ({"expireTime": -1}, "The expireTime field must be zero or more"),
        ({"roleNames": "Admin"}, "The roleNames field must be a list of strings"),
        ({"roleNames": [1]}, "The roleNames field must be a list of non-empty strings"),
        ({"roleNames": [""]}, "The roleNames field must be a list of non-empty strings"),
        ({"keyTenants": {"t1": []}}, "The keyTenants field must be a list of objects"),
        ({"keyTenants": ["t1"]}, "The keyTenants field must be a list of objects"),
        ({"keyTenants": [{"tenantId": 7}]}, "The keyTenants[0].tenantId field must be a string"),
        ({"customClaims": [1]}, "The customClaims field must be an object"),
        ({"customClaims": "x"}, "The customClaims field must be an object"),
        ({"permittedIps": [["::1"]]}, "The permittedIps field must be a list of non-empty strings"),
        ({"permittedIps": ["10.0.0.256"]}, "The permittedIps field must hold IP addresses"),
        ({"permittedIps": ["fe80::1%eth0"]}, "The permittedIps field must hold IP addresses"),
        ({"permittedIps": ["10.0.0.0/33"]}, "The permittedIps field must hold IP addresses"),
        ({"permittedIps": ["localhost"]}, "The permittedIps field must hold IP addresses"),
    ],
)
async def test_wrong_types_are_named(manage: Ask, fields: dict[str, Any], message: str) -> None:
    status, answer = await manage("accesskey/create", {"name": "k", **fields})
    assert status == 400
    assert answer["errorMessage"].startswith(message)


async def test_update_keeps_what_is_absent_or_null_and_clears_what_is_empty(
    create: Create, load: Load, do: Do
) -> None:
    full = {
        "description": "d",
        "roleNames": ["r"],
        "keyTenants": [{"tenantId": "t", "roleNames": []}],
        "customClaims": {"c": 1},
        "customAttributes": {"a": 1},
        "permittedIps": ["10.0.0.1"],
    }
    key, _ = await create(**full)
    renamed = await do("accesskey/update", {"id": key["id"], "name": "new"})
    assert renamed["key"] == {**key, "name": "new"}
    nulls = dict.fromkeys(full)
    same = await do("accesskey/update", {"id": key["id"], "name": "new", **nulls})
    assert same["key"] == renamed["key"]
    empties = {name: type(value)() for name, value in full.items()}
    cleared = await do("accesskey/update", {"id": key["id"], "name": "new", **empties})
    for name, empty in empties.items():
        assert cleared["key"][name] == empty
    assert await load(key["id"]) == cleared["key"]


async def test_update_changes_neither_expiry_nor_binding_nor_status(create: Create, do: Do) -> None:
    key, _ = await create(expireTime=2102444800, userId="U1")
    immutable = {"expireTime": 1, "userId": "U2", "boundUserId": "U2", "status": "inactive"}
    answer = await do("accesskey/update", {"id": key["id"], "name": "key", **immutable})
    assert answer["key"] == key


async def test_update_that_is_refused_changes_nothing(
    create: Create, load: Load, manage: Ask
) -> None:
    key, _ = await create()
    body = {"id": key["id"], "name": "new", "description": "new", "permittedIps": ["nonsense"]}
    assert (await manage("accesskey/update", body))[0] == 400
    assert await load(key["id"]) == key


@pytest.mark.parametrize("path", ["update", "activate", "deactivate", "delete", "rotate"])
async def test_an_unknown_id_is_not_found(manage: Ask, path: str) -> None:
    status, answer = await manage(f"accesskey/{path}", {"id": "K404", "name": "n"})
    assert (status, answer["errorMessage"]) == (404, "The access key does not exist")


async def test_load_needs_a_known_id(manage: Ask) -> None:
    assert (await manage("accesskey?id=", method="GET"))[0] == 400
    assert (await manage("accesskey", method="GET"))[0] == 400
    assert (await manage("accesskey?id=K404", method="GET"))[0] == 404


async def test_deactivated_keys_are_refused_until_activated(
    create: Create, load: Load, do: Do, exchange: Ask
) -> None:
    key, cleartext = await create()
    for _ in range(2):
        assert await do("accesskey/deactivate", {"id": key["id"]}) == {}
        assert (await load(key["id"]))["status"] == "inactive"
        status, answer = await exchange(cleartext)
        assert (status, answer["errorMessage"]) == (401, "The access key is not active")
    for _ in range(2):
        assert await do("accesskey/activate", {"id": key["id"]}) == {}
        assert (await load(key["id"])) == key
        assert (await exchange(cleartext))[0] == 200


async def test_deletion_is_final(create: Create, do: Do, manage: Ask, exchange: Ask) -> None:
    key, cleartext = await create()
    assert await do("accesskey/delete", {"id": key["id"]}) == {}
    for path in ("activate", "delete", "rotate"):
        assert (await manage(f"accesskey/{path}", {"id": key["id"]}))[0] == 404
    status, answer = await exchange(cleartext)
    assert (status, answer["errorMessage"]) == (401, "The access key is not valid")
    assert await do("accesskey/search") == {"keys": []}


async def test_rotation_kills_the_old_secret_at_once(create: Create, do: Do, exchange: Ask) -> None:
    key, old = await create(roleNames=["r"])
    answer = await do("accesskey/rotate", {"id": key["id"]})
    assert answer["key"] == key
    assert (await exchange(old))[0] == 401
    status, session = await exchange(answer["cleartext"])
    assert (status, session["keyId"]) == (200, key["id"])


async def test_rotation_needs_an_active_unexpired_key(
    create: Create, do: Do, manage: Ask, exchange: Ask
) -> None:
    key, cleartext = await create()
    await do("accesskey/deactivate", {"id": key["id"]})
    status, answer = await manage("accesskey/rotate", {"id": key["id"]})
    assert (status, answer["errorMessage"]) == (400, "Only an active access key can be rotated")
    await do("accesskey/activate", {"id": key["id"]})
    assert (await exchange(cleartext))[0] == 200, "a refused rotation leaves the secret alone"
    expired, _ = await create(expireTime=1)
    status, answer = await manage("accesskey/rotate", {"id": expired["id"]})
    assert (status, answer["errorMessage"]) == (400, "An expired access key cannot be rotated")


async def test_batches_take_effect_together_or_not_at_all(
    create: Create, do: Do, manage: Ask
) -> None:
    ids = [(await create())[0]["id"] for _ in range(3)]

    async def statuses() -> list[str]:
        return [key["status"] for key in (await do("accesskey/search"))["keys"]]

    assert (await manage("accesskey/deactivate/batch", {"ids": [*ids, "K404"]}))[0] == 404
    assert await statuses() == ["active"] * 3
    assert await do("accesskey/deactivate/batch", {"ids": [ids[0], ids[0], ids[2]]}) == {}
    assert await statuses() == ["inactive", "active", "inactive"]
    assert await do("accesskey/activate/batch", {"ids": ids}) == {}
    assert await statuses() == ["active"] * 3
    assert (await manage("accesskey/delete/batch", {"ids": [ids[0], "K404"]}))[0] == 404
    assert await do("accesskey/delete/batch", {"ids": ids[:2]}) == {}
    assert [key["id"] for key in (await do("accesskey/search"))["keys"]] == ids[2:]


async def test_search_filters(emulator: Emulator, create: Create, do: Do) -> None:
    user_id = await emulator.create_user("u@x.test", tenants={"t2": []})
    await create(name="one", keyTenants=[{"tenantId": "t1"}], customAttributes={"team": "a"})
    await create(name="two", userId=user_id, description="of ONE user")
    await create(name="three", customAttributes={"team": "b", "n": 1})

    async def found(**criteria: Any) -> list[str]:
        answer = await do("accesskey/search", criteria)
        return [key["name"] for key in answer["keys"]]

    everything = ["one", "two", "three"]
    author = (await do("accesskey/search"))["keys"][0]["createdBy"]
    assert await found() == everything
    assert await found(tenantIds=[], boundUserId=None, customAttributes=None) == everything
    assert await found(tenantIds=["t1"]) == ["one"]
    assert await found(tenantIds=["t1", "t2"]) == ["one", "two"], "a bound key is where its user is"
    assert await found(boundUserId=user_id) == ["two"]
    assert await found(creatingUser=author) == everything
    assert await found(creatingUser="somebody") == []
    assert await found(customAttributes={"team": "b"}) == ["three"]
    assert await found(customAttributes={"team": "b", "n": 2}) == []
    assert await found(customAttributes={"n": 1.0}) == ["three"]
    assert await found(customAttributes={"n": True}) == [], "true is not 1"
    assert await found(customAttributes={"team": ["a", "c"]}) == ["one"]
    assert await found(text="oNe") == ["one", "two"]
    assert await found(text="one", tenantIds=["t1"], boundUserId=user_id) == []
    await emulator.delete_user(user_id)
    assert await found(tenantIds=["t1", "t2"]) == ["one"]
    assert await found(boundUserId=user_id) == ["two"]


async def test_search_sorts_and_pages(create: Create, do: Do, manage: Ask) -> None:
    for name, expiry in (("b", 5), ("a", 5), ("c", 9)):
        await create(name=name, expireTime=expiry, keyTenants=[{"tenantId": name}])

    async def found(**criteria: Any) -> list[str]:
        answer = await do("accesskey/search", criteria)
        return [key["name"] for key in answer["keys"]]

    by_expiry = {"field": "expireTime", "desc": True}
    assert await found(sort=[{"field": "name"}]) == ["a", "b", "c"]
    assert await found(sort=[{"field": "name", "desc": True}]) == ["c", "b", "a"]
    assert await found(sort=[by_expiry, {"field": "name"}]) == ["c", "a", "b"]
    assert await found(sort=[by_expiry]) == ["c", "b", "a"]
    assert await found(sort=[{"field": "keyTenants"}]) == ["a", "b", "c"]
    assert await found(limit=2) == ["b", "a"]
    assert await found(limit=2, page=1) == ["c"]
    assert await found(limit=2, page=2) == []
    assert await found(limit=0, page=0) == ["b", "a", "c"]
    assert (await manage("accesskey/search", {"sort": [{"field": "secret"}]}))[0] == 400
    assert (await manage("accesskey/search", {"sort": [{"desc": True}]}))[0] == 400
    assert (await manage("accesskey/search", {"limit": -1}))[0] == 400


async def test_search_without_a_body_shows_all(create: Create, manage: Ask) -> None:
    key, _ = await create()
    assert await manage("accesskey/search", data=b"") == (200, {"keys": [key]})
