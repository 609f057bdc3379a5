"""Every value in pydantic's models, and in the answers of FastAPI and Litestar."""

from __future__ import annotations

import operator
from functools import reduce
from typing import Any

import httpx
import pytest
from attrs import fields

from descope_async import (
    AccessKey,
    CreatedAccessKey,
    SecretReference,
    SessionToken,
    Timeouts,
)
from tests.core.values.every_value import (
    BUILDABLE,
    CANARY,
    KEY,
    SECRETIVE,
    SESSION,
    VALUES,
    name_of,
)
from tests.integrations.services import serving

#: What is no secret in each value that holds one: where it stands in the JSON, and what it is.
SHOWN: dict[str, tuple[tuple[str, ...], str]] = {
    "Caller": (("session", "key_id"), "K2a"),
    "CreatedAccessKey": (("key", "id"), "AK1"),
    "Credential": (("kind",), "session_token"),
    "DPoPRequest": (("method",), "GET"),
    "DeliveredSecret": (("key", "id"), "AK1"),
    "SecretEntry": (("key_id",), "AK1"),
    "SessionToken": (("key_id",), "K2a"),
    "VerifiedKey": (("session", "key_id"), "K2a"),
}

pydantic = pytest.importorskip("pydantic", reason="the extra fastapi is not installed")


@pytest.mark.parametrize("value", VALUES, ids=name_of)
def test_pydantic_takes_every_value(value: Any) -> None:
    model: Any = pydantic.create_model("Model", field=(type(value), ...))
    made = model(field=value)
    assert made.field is value
    assert made.model_dump() == {"field": value.to_dict()}
    assert CANARY not in made.model_dump_json()
    schema = model.model_json_schema(mode="serialization")["properties"]["field"]
    assert schema["type"] == "object"
    possible = {each.name for each in fields(type(value))} | set(value.to_dict())
    assert set(schema["properties"]) <= possible
    with pytest.raises(pydantic.ValidationError):
        model(field=5)


@pytest.mark.parametrize("value", BUILDABLE, ids=name_of)
def test_pydantic_makes_what_callers_make(value: Any) -> None:
    model: Any = pydantic.create_model("Model", field=(type(value), ...))
    made = model.model_validate_json(model(field=value).model_dump_json())
    assert made.field.to_dict() == value.to_dict()
    with pytest.raises(pydantic.ValidationError, match=r"\nfield\n.* has no field 'x', only "):
        model(field={**value.to_dict(), "x": 1})
    with pytest.raises(pydantic.ValidationError, match="pass a"):
        model(field=[])


def test_pydantic_tells_what_a_setting_must_be() -> None:
    class Settings(pydantic.BaseModel):  # type: ignore[misc,name-defined]  # it may not be installed
        timeouts: Timeouts = Timeouts()
        secret: SecretReference | None = None

    assert Settings().timeouts == Timeouts()
    assert Settings(timeouts={"read": 5}).timeouts == Timeouts(read=5)
    with pytest.raises(pydantic.ValidationError, match=r"timeouts\.read must be a positive number"):
        Settings(timeouts={"read": -1})
    reference = SecretReference.parse("file:/run/secrets/key")
    assert Settings(secret="file:/run/secrets/key").secret == reference
    schema = Settings.model_json_schema()["properties"]["secret"]
    assert [each["type"] for each in schema["anyOf"]] == ["string", "object", "null"]
    for wrong in (f"{CANARY}", {"scheme": CANARY, "location": "a"}, {"scheme": "env"}):
        with pytest.raises(pydantic.ValidationError) as refused:
            Settings(secret=wrong)
        assert CANARY not in f"{refused.value}{refused.value.errors()}{refused.value!r}"


def test_pydantic_reads_what_the_service_knows_and_trusts_no_other_dict() -> None:
    model: Any = pydantic.create_model("Model", key=(AccessKey, ...))
    assert model.model_validate_json(model(key=KEY).model_dump_json()).key == KEY
    with pytest.raises(pydantic.ValidationError, match=r"keyTenants\[0\].tenantId"):
        model(key={"id": "AK1", "keyTenants": [{}]})
    for value in (SESSION, CreatedAccessKey(KEY, CANARY)):
        other: Any = pydantic.create_model("Model", value=(type(value), ...))
        with pytest.raises(
            pydantic.ValidationError, match=rf"value\n.*pass a {name_of(value)}, not dict"
        ) as refused:
            other(value=value.to_dict(secrets=True))
        assert CANARY not in f"{refused.value}{refused.value.errors()}"


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

    async def asked(timeouts: Timeouts = fastapi.Body()) -> Timeouts:  # noqa: B008 - FastAPI's way
        return timeouts

    for answer in (key, session, created, keys):
        app.add_api_route(f"/{answer.__name__}", answer)
    app.add_api_route("/asked", asked, methods=["POST"])
    client = client_of(app)
    assert client.get("/key").json() == KEY.to_dict()
    assert client.get("/keys").json() == [KEY.to_dict()]
    assert client.get("/session").json() == SESSION.to_dict()
    assert client.get("/created").json() == {"key": KEY.to_dict()}
    assert client.post("/asked", json={"read": 5}).json() == Timeouts(read=5).to_dict()
    assert client.post("/asked", json={"read": 0}).status_code == 422
    schema = client.get("/openapi.json").json()
    shown = schema["paths"]["/key"]["get"]["responses"]["200"]["content"]["application/json"]
    assert shown["schema"]["properties"]["expireTime"] == {"type": "integer"}


@pytest.mark.parametrize("value", VALUES, ids=name_of)
def test_fastapi_answers_with_values_of_routes_that_say_no_type(value: Any) -> None:
    fastapi: Any = pytest.importorskip("fastapi")
    client_of = pytest.importorskip("fastapi.testclient").TestClient
    app = fastapi.FastAPI()
    app.add_api_route("/alone", lambda: value)
    app.add_api_route("/within", lambda: {"found": [value], "total": 1})
    client = client_of(app)
    assert client.get("/alone").json() == value.to_dict()
    assert client.get("/within").json() == {"found": [value.to_dict()], "total": 1}


def test_litestar_answers_with_values_without_their_secrets() -> None:
    litestar: Any = pytest.importorskip("litestar")

    def route(value: Any) -> Any:
        async def answer() -> Any:
            return {"found": [value], "total": 1}

        async def typed() -> Any:
            return value

        typed.__annotations__ = {"return": type(value)}
        path = f"/{name_of(value)}"
        return [litestar.get(path)(answer), litestar.get(f"{path}/typed")(typed)]

    app = litestar.Litestar([each for value in SECRETIVE for each in route(value)])
    with serving(app) as url, httpx.Client(base_url=url, trust_env=False, timeout=120) as http:
        for value in SECRETIVE:
            within = http.get(f"/{name_of(value)}")
            alone = http.get(f"/{name_of(value)}/typed")
            assert CANARY not in within.text + alone.text
            assert within.json() == {"found": [alone.json()], "total": 1}
            where, expected = SHOWN[name_of(value)]
            assert reduce(operator.getitem, where, alone.json()) == expected
