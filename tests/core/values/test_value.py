"""Every value goes anywhere: into JSON, into pydantic's models and FastAPI's answers."""

from __future__ import annotations

import copy
import importlib
import inspect
import json
import pickle
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from attrs import fields, has

from descope_async import (
    AccessKey,
    AccessKeyLoginOptions,
    AssociatedTenant,
    CreatedAccessKey,
    DeliveredSecret,
    DPoPRequest,
    EnvironmentVariable,
    Limits,
    Retries,
    SecretReference,
    SessionToken,
    SortField,
    TenantAccess,
    Timeouts,
    UnverifiedKey,
    VerifiedKey,
    events,
)
from descope_async._values.value import Value
from descope_async.batch import (
    BatchReport,
    KeyChange,
    KeyOutcome,
    NewKey,
    Progress,
    SecretEntry,
    StoredKey,
)
from descope_async.integrations.admission import Admission, Credential, Refusal, Requirement
from descope_async.integrations.caller import Caller
from descope_async.integrations.issuers import Issuers
from tests.api.snapshot import names_of, public_modules

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
OUTCOME = KeyOutcome(number=0, label="ci", outcome="failed", references=("file:a",), problem="no")
REPORT = BatchReport(
    operation="create", total=2, done=1, failed=1, unknown=0, unproven=0, waiting=0, left=0,
    failures=(OUTCOME,), next_due=None, path=Path("report.jsonl"), journal=Path("journal"),
)  # fmt: skip
CALL = events.Call(
    operation="access_key.load", method="POST", path="/v1/x", server_address="a", server_port=1,
    project_id="P1",
)  # fmt: skip
#: What callers make. Pydantic makes them of dicts too.
BUILDABLE: list[Value] = [
    Timeouts(read=5),
    Retries(attempts=1),
    Limits(connections=7),
    EnvironmentVariable("BILLING_KEY"),
    SecretReference.parse("env:BILLING_KEY"),
    NewKey("ci", role_names=["Backend"], key_tenants=[AssociatedTenant("t1")], label="CI"),
    KeyChange("AK1", custom_claims={"a": [{"b": 1}]}),
]
VALUES: list[Value] = [
    *BUILDABLE,
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
    DPoPRequest("GET", "https://api.example.com/", [CANARY], "DPoP", nonces=["n"]),
    SecretEntry(cleartext=CANARY, key_id="AK1", name="ci", label="ci", fingerprint="0" * 16),
    StoredKey(
        key_id="AK1", label="ci", replaces="", references=("file:a",), fingerprint="0" * 16
    ),
    Progress(total=2, done=1, failed=0, unknown=0, rate=1.5, seconds_left=None),
    OUTCOME,
    REPORT,
    Admission(dpop="mixed", realm="reports"),
    Credential("session_token", "DPoP", CANARY, (CANARY,)),
    Requirement(["reports:read"], max_age=60),
    Refusal(401, "invalid_token", "no"),
    Issuers.of("https://api.descope.com/P1/.well-known/openid-configuration"),
    CALL,
    events.Event(),
    events.CallEvent(call=CALL),
    events.CallStarted(call=CALL),
    events.CallHeld(call=CALL, delay=1.5),
    events.AttemptEnded(
        call=CALL, number=1, duration=0.5, is_sent=True, is_connection_reused=False,
        status_code=None, error_type="ConnectionFailed", error_code=None, request_id=None,
    ),
    events.CallEnded(
        call=CALL, outcome="done", duration=0.5, attempts=1, resends=0, status_code=200,
        error_type=None, error_code=None, request_id="r", quota_left=500,
    ),
    events.RetryPlanned(
        call=CALL, number=2, delay=0.5, reason="throttled", error_type="RateLimited", status_code=429,
        quota_left=1,
    ),
    events.GateClosed(call=CALL, seconds=1.0, until=1.0, is_extended=False),
    events.TokenRenewed(
        outcome="done", trigger="first", duration=0.5, age=None, usable_for=None,
        is_first_failure=False, error_type=None, problem=None,
    ),
    events.StaleTokenServed(usable_for=1.0),
    events.SessionChecked(operation="validate_session", duration=0.5, error_type=None),
    events.AccessKeyChecked(reason="valid", duration=0.5, is_outage=False, problem=None),
    events.ClockSkewFound(seconds=9.0),
    events.KeySetFetched(
        outcome="done", reason="first", duration=0.5, age=None, keys=2, usable_for=None,
        error_type=None, problem=None,
    ),
    events.SecretUnclaimed(operation="create", key_id="AK1", name="ci", reason="unread"),
    events.TwinKeysFound(kept="AK1", twins="AK2"),
]  # fmt: skip
SECRETIVE = [
    value
    for value in VALUES
    if any(
        name in {"cleartext", "jwt", "session", "proofs"} and getattr(value, name)
        for name in (each.name for each in fields(type(value)))  # type: ignore[arg-type]  # an attrs class
    )
]
#: Values in words of others, which this package shares no code with, or only passes on.
OTHERS = ("descope_async.emulator.", "descope_async.compat.common")


def public_attrs_classes() -> Iterator[type[Any]]:
    for name in public_modules():
        if not name.startswith("descope_sync.integrations.django"):  # it imports no other values
            module = importlib.import_module(name)
            for each in (getattr(module, name) for name in names_of(name) or ()):
                if inspect.isclass(each) and has(each) and not each.__module__.startswith(OTHERS):
                    yield each


def name_of(value: object) -> str:
    return type(value).__name__


def test_every_public_value_is_tried_here() -> None:
    assert {type(value) for value in VALUES} == set(public_attrs_classes())


@pytest.mark.parametrize("value", VALUES, ids=name_of)
def test_every_value_is_json_without_its_secret(value: Value) -> None:
    document = value.to_dict()
    text = json.dumps(document, allow_nan=False)
    assert json.loads(text) == document, "plain dicts and lists alone"
    assert CANARY not in text
    names = [each.name for each in fields(type(value)) if each.repr]  # type: ignore[arg-type]  # an attrs class
    said = [each for each in names if each[0] != "_" and getattr(value, each) not in ("", (), None)]
    assert len(document) >= len(said) - 1, "`extra` and `call` are part of it"


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
def test_every_value_is_asked_for_secrets_alike(value: Value) -> None:
    assert value.to_dict(secrets=False) == value.to_dict()
    assert value.to_dict(secrets=True).keys() >= value.to_dict().keys()


@pytest.mark.parametrize("value", VALUES, ids=name_of)
def test_vars_of_a_value_are_its_dict(value: Value) -> None:
    assert vars(value) == value.to_dict()
    assert json.loads(json.dumps([value], default=vars)) == [value.to_dict()]
    assert all(hasattr(value, name) for name in dir(value)), "the dict's names are no attributes"
    again = pickle.loads(pickle.dumps(value))  # noqa: S301 - our own
    assert again.to_dict(secrets=True) == copy.copy(value).to_dict(secrets=True)
    assert again.to_dict(secrets=True) == value.to_dict(secrets=True)


def test_a_caller_is_json_without_the_token() -> None:
    caller = Caller(SESSION, "t1")
    assert caller.to_dict() == {"session": SESSION.to_dict(), "path_tenant": "t1"}
    assert caller.to_dict(secrets=True)["session"]["jwt"] == CANARY


def test_moments_and_paths_are_written_as_json_has_them() -> None:
    moment = datetime(2026, 1, 2, tzinfo=UTC)
    assert NewKey("ci", moment).to_dict()["expire_time"] == int(moment.timestamp())
    document = REPORT.to_dict()
    assert document["path"] == "report.jsonl"
    assert document["failures"] == [
        {"number": 0, "label": "ci", "outcome": "failed", "references": ["file:a"], "problem": "no"}
    ]


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


def test_pydantic_is_imported_by_nobody_here() -> None:
    script = "import sys, descope_async; descope_async.AccessKey; descope_async.SessionToken; "
    script += "sys.exit(any(name.startswith('pydantic') for name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
