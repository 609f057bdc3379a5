"""Every value goes anywhere: into JSON, into pydantic's models and FastAPI's answers."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
from typing import Any

import pytest
from attrs import fields, has

import descope_async
from descope_async import (
    AccessKey,
    AccessKeyLoginOptions,
    AssociatedTenant,
    CreatedAccessKey,
    DeliveredSecret,
    SessionToken,
    SortField,
    TenantAccess,
    UnverifiedKey,
    VerifiedKey,
)
from descope_async._values.value import Value

pydantic = pytest.importorskip("pydantic")

CANARY = "canary-of-a-secret"
KEY = AccessKey(
    id="AK1",
    role_names=("Backend",),
    key_tenants=(AssociatedTenant("t1", ["Admin"], extra={"new": [1]}),),
    custom_claims={"list": [{"a": [1]}]},
    expire_time=5,
    extra={"unknown": {"x": [1]}},
)
SESSION = SessionToken(
    jwt=CANARY,
    key_id="K2a",
    project_id="P1",
    expire_time=1.5,
    claims={"roles": ["Admin"], "tenants": {"t1": {"permissions": ["read"]}}, "nsec": {"a": [1]}},
)
VALUES: list[Value] = [
    KEY,
    KEY.key_tenants[0],
    CreatedAccessKey(KEY, CANARY),
    DeliveredSecret(cleartext=CANARY, operation="create", key=KEY, key_id="AK1"),
    SortField("createdTime", desc=True),
    AccessKeyLoginOptions({"a": [1]}, "t1"),
    TenantAccess(("read",), ("Admin",)),
    SESSION,
    VerifiedKey(SESSION),
    UnverifiedKey("refused", detail="no"),
]
SECRETIVE = [value for value in VALUES if CANARY in repr([getattr(value, "cleartext", ""), value])]
SECRETIVE += [SESSION, VerifiedKey(SESSION)]


def name_of(value: object) -> str:
    return type(value).__name__


def test_every_public_value_is_tried_here() -> None:
    public = (getattr(descope_async, name) for name in descope_async.__all__)
    values = {
        each for each in public if inspect.isclass(each) and has(each) and issubclass(each, Value)
    }
    assert {type(value) for value in VALUES} == values


@pytest.mark.parametrize("value", VALUES, ids=name_of)
def test_every_value_is_json_without_its_secret(value: Value) -> None:
    document = value.to_dict()
    text = json.dumps(document, allow_nan=False)
    assert json.loads(text) == document, "plain dicts and lists alone"
    assert CANARY not in text
    assert len(document) >= len([each for each in fields(type(value)) if each.repr]) - 1  # type: ignore[arg-type]  # an attrs class


@pytest.mark.parametrize("value", SECRETIVE, ids=name_of)
def test_a_secret_is_in_the_dict_when_it_is_asked_for(value: Any) -> None:
    assert CANARY in json.dumps(value.to_dict(secrets=True))


def test_the_dict_of_a_key_has_the_names_of_the_service() -> None:
    document = CreatedAccessKey(KEY, CANARY).to_dict(secrets=True)
    assert document["cleartext"] == CANARY
    assert document["key"]["customClaims"] == {"list": [{"a": [1]}]}
    assert document["key"]["unknown"] == {"x": [1]}
    assert document["key"]["keyTenants"][0] == {
        "tenantId": "t1",
        "roleNames": ["Admin"],
        "tenantName": "",
        "new": [1],
    }
    document["key"]["customClaims"]["list"].append(2)
    assert KEY.custom_claims["list"] == ({"a": (1,)},), "the dict is a copy"


def test_the_dict_of_a_session_says_what_it_grants() -> None:
    document = SESSION.to_dict()
    assert document["roles"] == ["Admin"]
    assert document["tenants"] == {"t1": {"permissions": ["read"], "roles": []}}
    assert document["claims"]["nsec"] == {"a": [1]}


def test_values_are_frozen_in_depth() -> None:
    for mapping in (KEY.custom_claims, KEY.extra, KEY.key_tenants[0].extra, SESSION.claims):
        with pytest.raises(TypeError):
            mapping["x"] = 1  # type: ignore[index]  # the point of the test
    options = AccessKeyLoginOptions({"a": [1]})
    assert options.custom_claims == {"a": (1,)}


@pytest.mark.parametrize("value", VALUES, ids=name_of)
def test_pydantic_takes_every_value(value: Any) -> None:
    model: Any = pydantic.create_model("Model", field=(type(value), ...))
    made = model(field=value)
    assert made.field is value
    assert made.model_dump() == {"field": value.to_dict()}
    assert CANARY not in made.model_dump_json()
    schema = model.model_json_schema()["properties"]["field"]
    assert schema["type"] == "object"
    assert set(schema["properties"]) <= set(value.to_dict())
    with pytest.raises(pydantic.ValidationError):
        model(field=5)


def test_pydantic_reads_what_the_service_knows_and_trusts_no_other_dict() -> None:
    model: Any = pydantic.create_model("Model", key=(AccessKey, ...))
    assert model.model_validate_json(model(key=KEY).model_dump_json()).key == KEY
    with pytest.raises(pydantic.ValidationError, match=r"keyTenants\[0\].tenantId"):
        model(key={"id": "AK1", "keyTenants": [{}]})
    for value in (SESSION, CreatedAccessKey(KEY, CANARY)):
        other: Any = pydantic.create_model("Model", value=(type(value), ...))
        with pytest.raises(pydantic.ValidationError, match=f"pass a {name_of(value)}"):
            other(value=value.to_dict())


def test_fastapi_answers_with_values() -> None:
    fastapi: Any = pytest.importorskip("fastapi")
    client_of = pytest.importorskip("fastapi.testclient").TestClient
    app = fastapi.FastAPI()

    async def key() -> AccessKey:
        return KEY

    async def session() -> SessionToken:
        return SESSION

    async def created() -> CreatedAccessKey:
        return CreatedAccessKey(KEY, CANARY)

    async def keys() -> list[AccessKey]:
        return [KEY]

    for answer in (key, session, created, keys):
        app.add_api_route(f"/{answer.__name__}", answer)
    client = client_of(app)
    assert client.get("/key").json() == KEY.to_dict()
    assert client.get("/keys").json() == [KEY.to_dict()]
    assert client.get("/session").json() == SESSION.to_dict()
    assert client.get("/created").json() == {"key": KEY.to_dict()}
    schema = client.get("/openapi.json").json()
    shown = schema["paths"]["/key"]["get"]["responses"]["200"]["content"]["application/json"]
    assert shown["schema"]["properties"]["expireTime"] == {"type": "integer"}


def test_pydantic_is_imported_by_nobody_here() -> None:
    script = "import sys, descope_async; descope_async.AccessKey; descope_async.SessionToken; "
    script += "sys.exit(any(name.startswith('pydantic') for name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
