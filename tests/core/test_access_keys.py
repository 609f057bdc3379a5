"""What an administrator and a machine do, against a local Descope."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from descope_async import (
    AccessKeyLoginOptions,
    ApiError,
    AssociatedTenant,
    AudienceMismatch,
    BadRequest,
    ConfigurationError,
    DescopeClient,
    DescopeError,
    InvalidArgument,
    NotFound,
    SessionToken,
    SignatureInvalid,
    TokenError,
    TokenMalformed,
    Unauthorized,
)
from descope_async.emulator import Emulator

pytestmark = pytest.mark.usefixtures("each_decoder")

SEED = {
    "tenants": [{"id": "t1", "name": "One"}, {"id": "t2", "name": "Two"}],
    "permissions": [{"name": "read"}, {"name": "write"}],
    "roles": [
        {"name": "Reader", "permissionNames": ["read"]},
        {"name": "Writer", "permissionNames": ["write"]},
    ],
    "users": [{"loginId": "dana", "roleNames": ["Reader"]}],
}


@pytest.fixture
async def emulator() -> AsyncIterator[Emulator]:
    async with Emulator(seed=SEED) as emulator:
        yield emulator


@pytest.fixture
async def client(emulator: Emulator) -> AsyncIterator[DescopeClient]:
    async with DescopeClient(
        emulator.project_id,
        emulator.management_key,
        base_url=emulator.base_url + "/",
        timeouts={"exchange": 60, "keys": 60},  # many exchanges share this loop with the service
    ) as client:
        yield client


async def test_the_life_of_a_key(client: DescopeClient) -> None:
    keys = client.mgmt.access_key
    created = await keys.create(
        "ci", role_names=["Reader"], description="d", custom_claims={"a": 1}
    )
    key = created.key
    assert created.cleartext
    assert (key.name, key.description, key.status) == ("ci", "d", "active")
    assert key.role_names == ("Reader",)
    assert key.is_active
    assert key.expires_at is None
    assert await keys.load(f" {key.id}\n") == key

    session = await client.exchange_access_key(f"{created.cleartext}\n")
    assert session.key_id == key.id
    assert session.claims["a"] == 1
    assert session.validate_permissions(["read"])
    assert not session.validate_permissions(["write"])
    assert await client.validate_session(session.jwt) == session

    await keys.deactivate(key.id)
    assert (await keys.load(key.id)).status == "inactive"
    with pytest.raises(Unauthorized):
        await client.exchange_access_key(created.cleartext)
    await keys.activate(key.id)
    await client.exchange_access_key(created.cleartext)

    fresh = await keys.rotate(key.id)
    assert fresh.key.id == key.id
    assert fresh.cleartext != created.cleartext
    with pytest.raises(Unauthorized):
        await client.exchange_access_key(created.cleartext)
    await client.exchange_access_key(fresh.cleartext)

    await keys.delete(key.id)
    with pytest.raises(NotFound):
        await keys.load(key.id)
    with pytest.raises(Unauthorized):
        await client.exchange_access_key(fresh.cleartext)
    assert await client.validate_session(session.jwt) == session  # offline, until it expires


async def test_update_keeps_none_and_clears_empty(client: DescopeClient) -> None:
    keys = client.mgmt.access_key
    before = (
        await keys.create(
            "n",
            key_tenants=[AssociatedTenant("t1", ["Reader"])],
            custom_claims={"a": 1},
            description="d",
            permitted_ips=["127.0.0.1", "10.0.0.0/8"],
        )
    ).key
    kept = await keys.update(before.id, "m")
    assert kept.name == "m"
    assert kept.to_dict() == {**before.to_dict(), "name": "m"}

    cleared = await keys.update(
        before.id, "m", description="", key_tenants=[], custom_claims={}, permitted_ips=[]
    )
    assert cleared.description == ""
    assert cleared.key_tenants == ()
    assert cleared.custom_claims == {}
    assert cleared.permitted_ips == ()

    roles = await keys.update(before.id, "m", role_names=["Writer"])
    assert roles.role_names == ("Writer",)
    tenants = await keys.update(before.id, "m", role_names=[], key_tenants=[{"tenant_id": "t2"}])
    assert [tenant.tenant_id for tenant in tenants.key_tenants] == ["t2"]
    assert await keys.load(before.id) == tenants


async def test_search_meets_all_criteria(client: DescopeClient) -> None:
    keys = client.mgmt.access_key
    one = (await keys.create("b-one", key_tenants=[{"tenant_id": "t1"}])).key
    two = (await keys.create("a-two", key_tenants=[{"tenant_id": "t2"}])).key
    both = (await keys.create("c", key_tenants=[{"tenant_id": "t1"}, {"tenant_id": "t2"}])).key

    def ids(found: list[Any]) -> set[str]:
        return {key.id for key in found}

    assert ids(await keys.search_all_access_keys()) == {one.id, two.id, both.id}
    assert ids(await keys.search_all_access_keys(["t1"])) == {one.id, both.id}
    assert ids(await keys.search_all_access_keys(text="two")) == {two.id}
    assert ids(await keys.search_all_access_keys(creating_user=one.created_by)) == {
        one.id,
        two.id,
        both.id,
    }
    assert await keys.search_all_access_keys(bound_user_id="nobody") == []
    ordered = await keys.search_all_access_keys(sort=[{"field": "name", "desc": True}])
    assert [key.name for key in ordered] == ["c", "b-one", "a-two"]


async def test_batches(client: DescopeClient) -> None:
    keys = client.mgmt.access_key
    ids = [(await keys.create(f"n{number}")).key.id for number in range(3)]
    await keys.deactivate_batch(ids)
    assert {key.status for key in await keys.search_all_access_keys()} == {"inactive"}
    await keys.activate_batch(set(ids))
    assert {key.status for key in await keys.search_all_access_keys()} == {"active"}
    await keys.delete_batch(tuple(ids[:2]))
    assert [key.id for key in await keys.search_all_access_keys()] == ids[2:]


async def test_login_options_choose_tenant_and_claims(client: DescopeClient) -> None:
    created = await client.mgmt.access_key.create(
        "n",
        role_names=["Writer"],
        key_tenants=[AssociatedTenant("t1", ["Reader"]), AssociatedTenant("t2")],
    )
    session = await client.exchange_access_key(
        created.cleartext,
        login_options=AccessKeyLoginOptions(custom_claims={"k": ["v"]}, selected_tenant="t1"),
    )
    assert session.current_tenant == "t1"
    assert session.client_claims == {"k": ("v",)}
    assert session.validate_tenant_permissions("t1", ["read"])
    assert session.validate_tenant_roles("t2", [])
    assert not session.validate_tenant_roles("t3", [])
    assert not session.validate_roles(["Writer"])  # the tenants' roles win
    with pytest.raises(ApiError):
        await client.exchange_access_key(
            created.cleartext, login_options={"selected_tenant": "elsewhere"}
        )


async def test_an_expired_key_is_refused(client: DescopeClient, emulator: Emulator) -> None:
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    created = await client.mgmt.access_key.create("n", expire_time=tomorrow)
    assert created.key.expire_time == int(tomorrow.timestamp())
    await client.exchange_access_key(created.cleartext)
    emulator.clock.advance(86_400)
    with pytest.raises(Unauthorized):
        await client.exchange_access_key(created.cleartext)


async def test_a_key_for_other_addresses_is_refused(client: DescopeClient) -> None:
    created = await client.mgmt.access_key.create("n", permitted_ips=["192.0.2.0/24"])
    with pytest.raises(ApiError):
        await client.exchange_access_key(created.cleartext)


async def test_audiences(client: DescopeClient) -> None:
    created = await client.mgmt.access_key.create("n")
    with pytest.raises(AudienceMismatch):
        await client.exchange_access_key(created.cleartext, "another-service")
    session = await client.exchange_access_key(created.cleartext)
    with pytest.raises(AudienceMismatch):
        await client.validate_session(session.jwt, ["another-service"])


async def test_a_changed_token_is_refused(client: DescopeClient) -> None:
    created = await client.mgmt.access_key.create("n")
    jwt = (await client.exchange_access_key(created.cleartext)).jwt
    header, payload, signature = jwt.split(".")
    other = ("A" if signature[9] != "A" else "B").join([signature[:9], signature[10:]])
    with pytest.raises(SignatureInvalid):
        await client.validate_session(f"{header}.{payload}.{other}")
    for broken in ("", "a.b", jwt + ".", f" {jwt}", jwt + "=", jwt * 100, "é.é.é"):
        with pytest.raises(TokenMalformed):
            await client.validate_session(broken)
    for wrong in (None, 5, ["x"]):
        with pytest.raises(TokenError):
            await client.validate_session(wrong)  # type: ignore[arg-type]  # the point of the test


@pytest.mark.parametrize(
    "call",
    [
        lambda keys: keys.create(""),
        lambda keys: keys.create(" "),
        lambda keys: keys.create(5),
        lambda keys: keys.create("n", expire_time=-1),
        lambda keys: keys.create("n", role_names="Reader"),
        lambda keys: keys.create("n", key_tenants={"tenant_id": "t"}),
        lambda keys: keys.create("n", permitted_ips=["x"]),
        lambda keys: keys.create("n", custom_claims=["x"]),
        lambda keys: keys.load(""),
        lambda keys: keys.load("a\nb"),
        lambda keys: keys.load(None),
        lambda keys: keys.update("", "n"),
        lambda keys: keys.update("a", ""),
        lambda keys: keys.update("a", "n", custom_attributes=5),
        lambda keys: keys.delete("é"),
        lambda keys: keys.rotate(" "),
        lambda keys: keys.activate(None),
        lambda keys: keys.deactivate([]),
        lambda keys: keys.delete_batch([]),
        lambda keys: keys.activate_batch(["a", "a"]),
        lambda keys: keys.deactivate_batch("abc"),
        lambda keys: keys.search_all_access_keys("t1"),
        lambda keys: keys.search_all_access_keys(sort=["name"]),
    ],
    ids=[str(number) for number in range(23)],
)
async def test_bad_arguments_never_leave(call: Callable[[Any], Any]) -> None:
    async with DescopeClient("P1", "K1", base_url="http://127.0.0.1:1") as client:
        with pytest.raises(InvalidArgument) as caught:
            await call(client.mgmt.access_key)
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize(
    "arguments",
    [
        ("",),
        (None,),
        ("K\x00",),
        ("K", ""),
        ("K", []),
        ("K", None, "options"),
        ("K", None, {"custom_claims": "x"}),
        ("K", None, {"customClaims": {}}),
    ],
)
async def test_a_bad_exchange_never_leaves(arguments: tuple[Any, ...]) -> None:
    async with DescopeClient("P1", base_url="http://127.0.0.1:1") as client:
        with pytest.raises(InvalidArgument):
            await client.exchange_access_key(*arguments)


async def test_management_needs_its_key(emulator: Emulator) -> None:
    async with DescopeClient(emulator.project_id, base_url=emulator.base_url) as client:
        with pytest.raises(ConfigurationError, match="DESCOPE_MANAGEMENT_KEY"):
            await client.mgmt.access_key.load("a")
    async with DescopeClient(emulator.project_id, "Kwrong", base_url=emulator.base_url) as client:
        with pytest.raises(Unauthorized):
            await client.mgmt.access_key.load("a")


async def test_another_projects_token_is_refused(emulator: Emulator) -> None:
    other = await emulator.create_project()
    async with (
        DescopeClient(
            emulator.project_id, emulator.management_key, base_url=emulator.base_url
        ) as ours,
        DescopeClient(other.project_id, other.management_key, base_url=emulator.base_url) as theirs,
    ):
        created = await theirs.mgmt.access_key.create("n")
        session = await theirs.exchange_access_key(created.cleartext)
        with pytest.raises(TokenError):
            await ours.validate_session(session.jwt)
        with pytest.raises(Unauthorized):
            await ours.exchange_access_key(created.cleartext)


@pytest.mark.parametrize(
    "claim", ["é" * 500_000, "字" * 300_000, "\x01" * 170_000, "x" * 1_040_000]
)
async def test_the_largest_key_comes_back_with_its_secret(
    client: DescopeClient, claim: str
) -> None:
    """An answer may write each character as an escape, so it is longer than the request was."""
    keys = client.mgmt.access_key
    created = await keys.create("n", custom_claims={"c": claim})
    assert created.cleartext
    loaded = await keys.load(created.key.id)
    fresh = await keys.rotate(created.key.id)
    assert loaded.custom_claims == fresh.key.custom_claims == {"c": claim}
    assert fresh.cleartext != created.cleartext


#: As much of each kind as may be sent. The number of members in the rest of a request is less than 20.
MANY: list[dict[str, Any]] = [
    {"role_names": [f"r{number}" for number in range(11_980)]},
    {"key_tenants": [{"tenant_id": f"t{number}"} for number in range(2_995)]},
    {"permitted_ips": [f"10.0.{number // 256}.{number % 256}" for number in range(11_980)]},
    {"custom_claims": {"list": [[] for _ in range(5_990)]}},
    {"custom_attributes": {f"a{number}": 1 for number in range(11_980)}},
]
_kinds = pytest.mark.parametrize("many", MANY, ids=[next(iter(each)) for each in MANY])


@_kinds
async def test_as_many_members_as_may_be_sent_can_be_read_back(
    client: DescopeClient, many: dict[str, Any]
) -> None:
    keys = client.mgmt.access_key
    created = await keys.create("n", description=",[{" * 20_000, **many)
    updated = await keys.update(created.key.id, "n", **many)
    assert updated == created.key == await keys.load(created.key.id)
    assert await keys.search_all_access_keys() == [updated]
    assert (await keys.rotate(created.key.id)).key == updated


@_kinds
@pytest.mark.parametrize("on_unknown", ["raise", "reconcile"])
async def test_more_members_than_can_be_read_back_never_leave(
    many: dict[str, Any], on_unknown: Any
) -> None:
    ((parameter, value),) = many.items()
    more: Any = (
        {"first": value, "then": [1] * 20} if isinstance(value, dict) else value[:20] + value
    )
    async with DescopeClient("P1", "K1", base_url="http://127.0.0.1:1") as client:
        keys = client.mgmt.access_key
        with pytest.raises(InvalidArgument, match=f"{parameter}.* more than 12,000 members"):
            await keys.create("n", **{parameter: more}, on_unknown=on_unknown)
        with pytest.raises(InvalidArgument, match="12,000 members"):
            await keys.update("a", "n", **{parameter: more})


async def test_members_of_all_kinds_count_together() -> None:
    half: dict[str, Any] = {"role_names": ["r"] * 6_000, "custom_claims": {"c": [1] * 6_000}}
    async with DescopeClient("P1", "K1", base_url="http://127.0.0.1:1") as client:
        with pytest.raises(InvalidArgument, match="together"):
            await client.mgmt.access_key.create("n", **half)


async def test_many_at_once(client: DescopeClient) -> None:
    created = await client.mgmt.access_key.create("n")
    sessions = await asyncio.gather(
        *(client.exchange_access_key(created.cleartext) for _ in range(200))
    )
    assert {type(session) for session in sessions} == {SessionToken}


async def test_what_the_service_refuses_comes_with_its_reason(client: DescopeClient) -> None:
    created = await client.mgmt.access_key.create("n")
    await client.mgmt.access_key.deactivate(created.key.id)
    with pytest.raises(DescopeError) as caught:
        await client.mgmt.access_key.rotate(created.key.id)
    error = caught.value
    assert isinstance(error, ApiError)
    assert error.operation == "access_key.rotate"
    assert error.status_code is not None
    assert error.error_code
    assert error.error_description
    assert error.request_id
    assert not isinstance(error, BadRequest) or error.status_code == 400
