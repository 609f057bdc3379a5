from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jose import jwt

from descope_async.emulator import Emulator
from descope_async.emulator._networks import network

Answer = tuple[int, dict[str, Any]]
Ask = Callable[..., Awaitable[Answer]]
Do = Callable[..., Awaitable[dict[str, Any]]]
Create = Callable[..., Awaitable[tuple[dict[str, Any], str]]]
Claims = Callable[..., Awaitable[dict[str, Any]]]

EXCHANGE = "/v1/auth/accesskey/exchange"


async def test_the_token_says_who_and_until_when(
    emulator: Emulator, create: Create, exchange: Ask, claims: Claims
) -> None:
    key, cleartext = await create()
    status, answer = await exchange(cleartext)
    assert status == 200
    assert answer.keys() == {"keyId", "sessionJwt", "expiration"}
    assert answer["keyId"] == key["id"]
    header = jwt.get_unverified_header(answer["sessionJwt"])
    assert header["alg"] == "RS256"
    assert header["typ"] == "JWT"
    assert header["kid"].startswith("SK")
    found = await claims(cleartext)
    assert found == {
        "iss": f"{emulator.base_url}/{emulator.project_id}",
        "sub": key["id"],
        "drn": "DS",
        "iat": found["iat"],
        "exp": found["iat"] + 600,
    }
    assert type(found["iat"]) is int


async def test_the_issuer_follows_the_host_that_the_client_uses(
    emulator: Emulator, create: Create, ask: Ask
) -> None:
    _, cleartext = await create()
    host = emulator.base_url.replace("http://127.0.0.1", "localhost")
    credentials = f"{emulator.project_id}:{cleartext}"
    _, answer = await ask("POST", EXCHANGE, credentials, json={}, headers={"Host": host})
    found = jwt.get_unverified_claims(answer["sessionJwt"])
    assert found["iss"] == f"http://{host}/{emulator.project_id}"


async def test_claims_of_the_key_are_on_top_and_those_of_the_caller_under_nsec(
    create: Create, claims: Claims
) -> None:
    _, cleartext = await create(customClaims={"k1": "v1", "deep": {"n": [1]}})
    found = await claims(cleartext, {"customClaims": {"k1": "mine", "sub": "me"}})
    assert found["k1"] == "v1"
    assert found["deep"] == {"n": [1]}
    assert found["nsec"] == {"k1": "mine", "sub": "me"}


async def test_claims_of_the_key_cannot_change_what_the_token_means(
    create: Create, claims: Claims
) -> None:
    names = ("iss", "sub", "exp", "iat", "nbf", "drn", "dct", "roles", "permissions", "tenants")
    key, cleartext = await create(customClaims=dict.fromkeys(names, "forged"))
    found = await claims(cleartext)
    assert "forged" not in found.values()
    assert found["sub"] == key["id"]


async def test_roles_bring_their_permissions(
    emulator: Emulator, create: Create, claims: Claims
) -> None:
    await emulator.create_role("Reader", ["read"])
    await emulator.create_role("Editor", ["read", "write"])
    _, cleartext = await create(roleNames=["Reader", "Editor", "Unknown"])
    found = await claims(cleartext)
    assert found["roles"] == ["Reader", "Editor", "Unknown"]
    assert found["permissions"] == ["read", "write"]
    assert "tenants" not in found


async def test_tenant_roles_win_over_project_roles(
    emulator: Emulator, create: Create, claims: Claims
) -> None:
    await emulator.create_tenant("t1")
    await emulator.create_role("Reader", ["read"])
    await emulator.create_role("Local", ["manage"], tenant_id="t1")
    await emulator.create_role("Reader", ["read-here"], tenant_id="t1")
    tenants = [
        {"tenantId": "t1", "roleNames": ["Reader", "Local"]},
        {"tenantId": "t2", "roleNames": ["Reader", "Local"]},
        {"tenantId": "t3"},
    ]
    _, cleartext = await create(roleNames=["Reader"], keyTenants=tenants)
    found = await claims(cleartext)
    assert "roles" not in found
    assert "permissions" not in found
    assert found["tenants"] == {
        "t1": {"roles": ["Reader", "Local"], "permissions": ["read-here", "manage"]},
        "t2": {"roles": ["Reader", "Local"], "permissions": ["read"]},
        "t3": {"roles": [], "permissions": []},
    }


async def test_a_tenant_of_the_key_can_be_selected(
    create: Create, exchange: Ask, claims: Claims
) -> None:
    _, cleartext = await create(keyTenants=[{"tenantId": "t1"}, {"tenantId": "t2"}])
    found = await claims(cleartext, {"selectedTenant": "t2"})
    assert found["dct"] == "t2"
    assert found["tenants"].keys() == {"t1", "t2"}
    status, answer = await exchange(cleartext, {"selectedTenant": "t3"})
    assert status == 403
    assert answer["errorMessage"] == "The access key does not belong to the selected tenant"


async def test_a_bound_key_is_its_user(
    emulator: Emulator, create: Create, claims: Claims, exchange: Ask
) -> None:
    await emulator.create_role("Reader", ["read"])
    user_id = await emulator.create_user("u@x.test", role_names=["Reader"])
    ignored = {"roleNames": ["Admin"], "keyTenants": [{"tenantId": "t1"}]}
    key, cleartext = await create(userId=user_id, **ignored)
    assert (key["boundUserId"], key["roleNames"], key["keyTenants"]) == (user_id, [], [])
    found = await claims(cleartext)
    assert (found["roles"], found["permissions"]) == (["Reader"], ["read"])
    assert "tenants" not in found
    await emulator.set_user_status(user_id, "disabled")
    status, answer = await exchange(cleartext)
    assert (status, answer["errorMessage"]) == (401, "The user of the access key cannot sign in")
    await emulator.set_user_status(user_id, "enabled")
    assert (await exchange(cleartext))[0] == 200
    await emulator.delete_user(user_id)
    assert (await exchange(cleartext))[0] == 401


async def test_a_bound_key_has_its_users_tenants(
    emulator: Emulator, create: Create, claims: Claims
) -> None:
    user_id = await emulator.create_user("u@x.test", tenants={"t1": ["Admin"]})
    _, cleartext = await create(userId=user_id)
    found = await claims(cleartext, {"selectedTenant": "t1"})
    assert found["tenants"] == {"t1": {"roles": ["Admin"], "permissions": []}}
    assert found["dct"] == "t1"


async def test_a_key_bound_to_nobody_can_be_made_but_not_used(
    create: Create, exchange: Ask
) -> None:
    _, cleartext = await create(userId="yyyy")
    assert (await exchange(cleartext))[0] == 401


async def test_an_expired_key_is_refused(create: Create, exchange: Ask) -> None:
    _, cleartext = await create(expireTime=1)
    status, answer = await exchange(cleartext)
    assert (status, answer["errorMessage"]) == (401, "The access key has expired")


@pytest.mark.parametrize(
    ("permitted", "status"),
    [
        ([], 200),
        (["127.0.0.1"], 200),
        (["127.0.0.0/8", "10.0.0.1"], 200),
        (["127.9.9.9/8"], 200),
        (["::/0", "0.0.0.0/0"], 200),
        (["10.0.0.1"], 401),
        (["::1"], 401),
        (["::/0"], 401),
    ],
)
async def test_permitted_addresses(
    create: Create, exchange: Ask, permitted: list[str], status: int
) -> None:
    _, cleartext = await create(permittedIps=permitted)
    assert (await exchange(cleartext))[0] == status


@pytest.mark.parametrize(("permitted", "status"), [("::1", 200), ("fe80::/10", 401)])
async def test_permitted_addresses_of_ipv6(permitted: str, status: int) -> None:
    async with (
        Emulator(host="::1") as emulator,
        aiohttp.ClientSession(emulator.base_url) as session,
    ):
        project = emulator.project_id
        managed = {"Authorization": f"Bearer {project}:{emulator.management_key}"}
        body = {"name": "k", "permittedIps": [permitted]}
        async with session.post(
            "/v1/mgmt/accesskey/create", json=body, headers=managed
        ) as response:
            cleartext = (await response.json())["cleartext"]
        bearer = {"Authorization": f"Bearer {project}:{cleartext}"}
        async with session.post(EXCHANGE, json={}, headers=bearer) as response:
            assert response.status == status


@given(st.text(max_size=50))
def test_an_address_is_read_or_refused_but_never_a_crash(text: str) -> None:
    try:
        network(text)
    except ValueError:
        return


@given(st.ip_addresses(), st.integers(0, 128))
def test_a_range_holds_the_address_that_it_was_made_of(address: Any, prefix: int) -> None:
    prefix = min(prefix, address.max_prefixlen)
    assert address in network(f"{address}/{prefix}")
    assert address in network(str(address))


async def test_the_header_may_have_a_management_key_behind_the_access_key(
    emulator: Emulator, create: Create, ask: Ask
) -> None:
    _, cleartext = await create()
    two = f"{emulator.project_id}:{cleartext}"
    assert (await ask("POST", EXCHANGE, f"{two}:{emulator.management_key}"))[0] == 200
    assert (await ask("POST", EXCHANGE, f"{two}:wrong"))[0] == 401
    assert (await ask("POST", EXCHANGE, f"{two}:{emulator.management_key}:more"))[0] == 401
    assert (await ask("POST", EXCHANGE, two, data=b""))[0] == 200, "an empty body is no options"


@pytest.mark.parametrize("secret", ["wrong", "é", "0" * 5000, "K" * 64])
async def test_an_unknown_key_is_refused(exchange: Ask, secret: str) -> None:
    status, answer = await exchange(secret)
    assert (status, answer["errorCode"]) == (401, "E111119")


async def test_a_management_key_is_no_access_key_nor_the_reverse(
    emulator: Emulator, create: Create, exchange: Ask, ask: Ask
) -> None:
    _, cleartext = await create()
    assert (await exchange(emulator.management_key))[0] == 401
    credentials = f"{emulator.project_id}:{cleartext}"
    assert (await ask("POST", "/v1/mgmt/accesskey/search", credentials))[0] == 401


@pytest.mark.parametrize(
    "options",
    [{"customClaims": "x"}, {"customClaims": [1]}, {"selectedTenant": 5}, "x", [1], 7],
)
async def test_malformed_login_options_are_refused(
    create: Create, exchange: Ask, options: Any
) -> None:
    _, cleartext = await create()
    status, answer = await exchange(cleartext, options)
    assert (status, answer["errorCode"]) == (400, "E011001")


async def test_keys_are_published_to_everybody(emulator: Emulator, ask: Ask) -> None:
    path = f"/v2/keys/{emulator.project_id}"
    status, answer = await ask("GET", path)
    assert status == 200
    (key,) = answer["keys"]
    assert key.keys() == {"kty", "n", "e", "kid", "alg", "use"}
    assert (key["kty"], key["alg"], key["use"], key["e"]) == ("RSA", "RS256", "sig", "AQAB")
    assert await ask("GET", path, "nonsense:at:all:whatever") == (200, answer)
    assert (await ask("GET", "/v2/keys/P404"))[0] == 404
    assert (await ask("GET", "/v2/keys/"))[0] == 404
    assert (await ask("POST", path))[0] == 405


@pytest.mark.parametrize(
    ("algorithm", "curve"), [("ES256", "P-256"), ("ES384", "P-384"), ("RS256", None)]
)
async def test_algorithm_and_lifetime_can_be_chosen(algorithm: Any, curve: str | None) -> None:
    emulator = Emulator(signing_algorithm=algorithm, token_lifetime=7)
    async with emulator, aiohttp.ClientSession(emulator.base_url) as session:
        project = emulator.project_id
        managed = {"Authorization": f"Bearer {project}:{emulator.management_key}"}
        async with session.post(
            "/v1/mgmt/accesskey/create", json={"name": "k"}, headers=managed
        ) as response:
            cleartext = (await response.json())["cleartext"]
        bearer = {"Authorization": f"Bearer {project}:{cleartext}"}
        async with session.post(EXCHANGE, json={}, headers=bearer) as response:
            answer = await response.json()
        async with session.get(f"/v2/keys/{project}") as response:
            key_set = await response.json()
    assert key_set["keys"][0].get("crv") == curve
    claims = jwt.decode(answer["sessionJwt"], key_set, algorithms=[algorithm])
    assert claims["exp"] - claims["iat"] == 7
    assert claims["exp"] == answer["expiration"]


async def test_projects_share_neither_keys_nor_signatures(
    emulator: Emulator, create: Create, ask: Ask
) -> None:
    _, cleartext = await create()
    other = await emulator.create_project()
    status, answer = await ask("POST", EXCHANGE, f"{other.project_id}:{cleartext}")
    assert (status, answer["errorMessage"]) == (401, "The access key is not valid")
    _, ours = await ask("GET", f"/v2/keys/{emulator.project_id}")
    _, theirs = await ask("GET", f"/v2/keys/{other.project_id}")
    assert ours["keys"][0]["kid"] != theirs["keys"][0]["kid"]
    assert (await ask("POST", EXCHANGE, f"P404:{cleartext}")) == (
        404,
        {
            "errorCode": "E011008",
            "errorDescription": "Project not found",
            "errorMessage": "The project does not exist",
        },
    )
