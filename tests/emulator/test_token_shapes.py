from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from descope_async import DescopeClient, TokenExpired, TokenMalformed
from descope_async.emulator import Emulator, EmulatorError, TokenShape

Create = Callable[..., Awaitable[tuple[dict[str, Any], str]]]
Claims = Callable[..., Awaitable[dict[str, Any]]]
Do = Callable[..., Awaitable[dict[str, Any]]]
Ask = Callable[..., Awaitable[tuple[int, dict[str, Any]]]]
THUMBPRINT = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"


@pytest.fixture
async def key(emulator: Emulator, create: Create) -> tuple[str, str]:
    """The id and secret of a key with a tenant of its own."""
    await emulator.create_tenant("t1", "One")
    await emulator.create_role("Reader", ["read"])
    made, cleartext = await create(
        keyTenants=[{"tenantId": "t1", "roleNames": ["Reader"]}],
        customClaims={"plan": "gold", "sub": "machine-1"},
    )
    return made["id"], cleartext


async def test_where_grants_stand(emulator: Emulator, key: tuple[str, str], claims: Claims) -> None:
    _, cleartext = key
    tenant = {"roles": ["Reader"], "permissions": ["read"]}
    found = await claims(cleartext)
    assert found["tenants"] == {"t1": tenant}
    await emulator.set_token_shape(TokenShape(auth_schema="tenantOnly"))
    found = await claims(cleartext, {"selectedTenant": "t1"})
    assert {name: found[name] for name in ("dct", *tenant)} == {"dct": "t1", **tenant}
    assert "tenants" not in found
    await emulator.set_token_shape(TokenShape(auth_schema="tenantOnly", auto_tenant=True))
    assert (await claims(cleartext))["dct"] == "t1"
    await emulator.set_token_shape(TokenShape(auth_schema="none", auto_tenant=True))
    found = await claims(cleartext)
    assert not {"dct", "tenants", "roles", "permissions"} & set(found)
    await emulator.set_token_shape(TokenShape(exclude_permissions=True))
    assert (await claims(cleartext))["tenants"] == {"t1": {"roles": ["Reader"]}}
    await emulator.set_token_shape(None)
    assert (await claims(cleartext))["tenants"] == {"t1": tenant}


async def test_claims_that_a_shape_adds(
    emulator: Emulator, key: tuple[str, str], claims: Claims
) -> None:
    key_id, cleartext = key
    await emulator.set_token_shape(
        TokenShape(
            override_subject=True,
            add_jti=True,
            claims={"env": "test"},
            lifetime=77,
            thumbprint=THUMBPRINT,
        )
    )
    found, again = await claims(cleartext), await claims(cleartext)
    assert (found["sub"], found["dsub"], found["env"]) == ("machine-1", key_id, "test")
    assert found["exp"] - found["iat"] == 77
    assert found["cnf"] == {"jkt": THUMBPRINT}
    assert found["jti"] != again["jti"]


@pytest.mark.parametrize("subject", [7, None, "", {"a": 1}, ["x"]])
async def test_only_a_string_can_be_a_subject(
    emulator: Emulator, create: Create, claims: Claims, subject: Any
) -> None:
    made, cleartext = await create(name="k", customClaims={"sub": subject})
    await emulator.set_token_shape(TokenShape(override_subject=True))
    found = await claims(cleartext)
    assert found["sub"] == found["dsub"] == made["id"]


async def test_a_key_has_its_own_shape_before_its_projects(
    emulator: Emulator, key: tuple[str, str], create: Create, claims: Claims
) -> None:
    key_id, cleartext = key
    _, other = await create()
    await emulator.set_token_shape(TokenShape(claims={"of": "project"}))
    await emulator.set_token_shape(TokenShape(claims={"of": "key"}), key_id=key_id)
    assert (await claims(cleartext))["of"] == "key"
    assert (await claims(other))["of"] == "project"
    await emulator.reset()
    assert "of" not in await claims(cleartext)
    assert "of" not in await claims(other)


async def test_an_encrypted_token_is_refused_by_clients(
    emulator: Emulator, key: tuple[str, str]
) -> None:
    await emulator.set_token_shape(TokenShape(encrypted=True))
    async with DescopeClient(emulator.project_id, base_url=emulator.base_url) as client:
        session = await client.exchange_access_key(key[1])
        assert session.jwt.count(".") == 4
        with pytest.raises(TokenMalformed):
            await client.validate_session(session.jwt)


async def test_an_expired_token_takes_one_line(emulator: Emulator) -> None:
    async with DescopeClient(emulator.project_id, base_url=emulator.base_url) as client:
        with pytest.raises(TokenExpired):
            await client.validate_session(await emulator.expired_token())


async def test_a_jwt_template_gives_a_shape(
    emulator: Emulator, key: tuple[str, str], do: Do, claims: Claims
) -> None:
    template = {
        "name": "keys",
        "type": "key",
        "authSchema": "none",
        "addJti": True,
        "template": {"env": "test"},
    }
    made = (await do("jwt/templates/create", {"template": template}))["template"]
    await emulator.set_token_shape(made["id"])
    found = await claims(key[1])
    assert found["jti"]
    assert (found["env"], "tenants" in found) == ("test", False)
    assert [each["id"] for each in (await do("jwt/templates/list", {}))["templates"]] == [
        made["id"]
    ]
    changed = {"id": made["id"], "name": "users", "type": "user"}
    assert (await do("jwt/templates/update", {"template": changed}))["template"]["addJti"]
    with pytest.raises(EmulatorError, match="for users"):
        await emulator.set_token_shape(made["id"])
    await do("jwt/templates/delete", {"id": made["id"]})
    with pytest.raises(EmulatorError, match="does not exist"):
        await emulator.set_token_shape(made["id"])


async def test_shapes_from_a_seed_and_the_data_file(tmp_path: Path) -> None:
    seed = {
        "tokenShape": {"addJti": True},
        "accessKeys": [
            {
                "id": "K1",
                "name": "a",
                "cleartext": "K2aXb9Qm7LpZs4Tv1WcR8",
                "tokenShape": {"lifetime": 9},
            }
        ],
    }
    data = tmp_path / "emulator.db"
    for given in (seed, None):
        async with (
            Emulator("P1", data=data, seed=given) as emulator,
            DescopeClient("P1", base_url=emulator.base_url) as client,
        ):
            session = await client.exchange_access_key("K2aXb9Qm7LpZs4Tv1WcR8")
            assert session.claims["exp"] - session.claims["iat"] == 9
            assert "jti" not in session.claims
            await emulator.reset()  # what a seed says stays


async def test_the_control_door_sets_shapes(
    emulator: Emulator, key: tuple[str, str], ask: Ask, claims: Claims
) -> None:
    async def shape(body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        return await ask("POST", "/emulator/tokens/shape", emulator.control_token, json=body)

    assert (await shape({"claims": {"of": "key"}, "keyId": key[0]}))[0] == 200
    assert (await claims(key[1]))["of"] == "key"
    assert (await shape({"keyId": key[0]}))[0] == 200
    assert "of" not in await claims(key[1])
    for wrong in (
        {"authSchema": "other"},
        {"addJti": "yes"},
        {"lifetime": 0},
        {"thumbprint": "short"},
        {"claims": {"iss": "x"}},
        {"claims": {"sub": "x"}},
        {"keyId": "K404"},
        {"projectId": "P404"},
        {"templateId": "JT404"},
        {"templateId": "JT1", "addJti": True},
        {"more": 1},
    ):
        assert (await shape(wrong))[0] == 400, wrong


@pytest.mark.parametrize(
    "arguments",
    [
        {"auth_schema": "x"},
        {"add_jti": 1},
        {"encrypted": None},
        {"lifetime": 10**9},
        {"thumbprint": 5},
        {"claims": {"exp": 1}},
        {"claims": {"a": object()}},
        {"claims": [1]},
        {"claims": {"sub": 7}, "override_subject": True},
        {"claims": {"sub": ""}, "override_subject": True},
    ],
)
def test_shapes_that_make_no_sense(arguments: Any) -> None:
    with pytest.raises(EmulatorError):
        TokenShape(**arguments)
