"""Raw access keys, the age of tokens, and what is wrong with requests, in FastAPI."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

import httpx
import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from descope_async import ConfigurationError, DescopeClient, NotConfigured, SessionToken
from descope_async.emulator import Fault
from descope_sync.emulator import Emulator
from tests.integrations.services import Callers, bearer, serving

pytest.importorskip("fastapi", reason="the extra fastapi is not installed")

from fastapi import FastAPI
from fastapi.testclient import TestClient

from descope_async.integrations.fastapi import DescopeAuth

pytestmark = pytest.mark.usefixtures("emulator")

both = DescopeAuth(accept=["session_token", "access_key"], access_key_header="X-Api-Key")
keys = DescopeAuth(accept="access_key")
tokens = DescopeAuth()


@asynccontextmanager
async def lifespan(app: FastAPI) -> Any:
    async with both.lifespan(app), keys.lifespan(app), tokens.lifespan(app):
        yield


app = FastAPI(lifespan=lifespan, responses=both.responses)
exporter = InMemorySpanExporter()
tracers = TracerProvider()
tracers.add_span_processor(SimpleSpanProcessor(exporter))


@app.get("/both")
async def of_both(caller: Annotated[SessionToken, both.require(permissions=["use"])]) -> str:
    return caller.key_id


@app.get("/keys")
async def of_keys(caller: Annotated[SessionToken, keys.require()]) -> str:
    return caller.key_id


@app.get("/fresh")
async def fresh(caller: Annotated[SessionToken, both.require(max_age=1)]) -> str:
    return caller.key_id


@app.get("/tokens")
async def of_tokens(caller: Annotated[SessionToken, tokens.require(max_age=60)]) -> str:
    return caller.key_id


@app.get("/t/{tenant_id}")
async def of_tenant(
    tenant_id: str, caller: Annotated[SessionToken, tokens.require(tenant="tenant_id")]
) -> str:
    return f"{tenant_id} {caller.key_id}"


@app.middleware("http")
async def trace(request: Any, call_next: Any) -> Any:
    with tracers.get_tracer("the application").start_as_current_span("request"):
        return await call_next(request)


@pytest.fixture
def http() -> Iterator[httpx.Client]:
    exporter.clear()
    with serving(app) as url, httpx.Client(base_url=url, trust_env=False, timeout=120) as client:
        yield client


def test_a_raw_key_is_let_in_as_bearer_and_in_its_header(
    http: httpx.Client, callers: Callers
) -> None:
    created = callers.key(["use"])
    key = created.cleartext
    for headers in (bearer(key), {"X-Api-Key": key}, bearer(callers.exchange(key))):
        assert http.get("/both", headers=headers).json() == created.key.id
    assert http.get("/keys", headers=bearer(key)).json() == created.key.id
    assert http.get("/both", headers=bearer(callers.key().cleartext)).status_code == 403
    twice = {"X-Api-Key": key, **bearer(key)}
    assert http.get("/both", headers=twice).status_code == 400
    assert "429" in http.get("/openapi.json").json()["paths"]["/both"]["get"]["responses"]


def test_a_bad_key_is_401_and_asked_about_once(http: httpx.Client, emulator: Emulator) -> None:
    emulator.requests.clear()
    for _ in range(3):
        answer = http.get("/both", headers=bearer("K2-no-key-of-this-project-at-all"))
        assert answer.status_code == 401
        assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]
    assert emulator.requests.count("exchange") == 1
    for malformed in ("short", "K2-with-a:colon-in-the-middle-of-it"):
        assert http.get("/both", headers=bearer(malformed)).status_code == 401
    assert emulator.requests.count("exchange") == 1


def test_no_token_is_ever_sent_to_the_service(
    http: httpx.Client, callers: Callers, emulator: Emulator
) -> None:
    token = callers.token()
    emulator.requests.clear()
    for path in ("/both", "/keys"):
        for value in (token, token + "x", "a.b.c" * 10, "x..y" * 8):
            for headers in (bearer(value), {"X-Api-Key": value}):
                assert http.get(path, headers=headers).status_code in {401, 403}
    assert emulator.requests.count("exchange") == 0


def test_an_outage_is_503_and_a_rate_limit_of_the_service_too(
    http: httpx.Client, callers: Callers, emulator: Emulator
) -> None:
    key = callers.key(["use"]).cleartext
    for fault in (Fault("rate_limit", "exchange", retry_after=1), Fault("status", "exchange")):
        emulator.faults.add(fault)
        answer = http.get("/both", headers=bearer(key))
        assert answer.status_code == 503
        assert int(answer.headers["Retry-After"]) >= 1
        emulator.faults.clear()


def test_too_many_unknown_keys_are_429(http: httpx.Client) -> None:
    statuses = []
    for number in range(200):
        answer = http.get("/both", headers=bearer(f"K2-guessed-by-somebody-{number:05}"))
        statuses.append(answer.status_code)
        if answer.status_code == 429:
            assert int(answer.headers["Retry-After"]) >= 1
            break
    assert set(statuses) <= {401, 429}


def test_a_key_is_asked_about_again_where_age_counts(http: httpx.Client, callers: Callers) -> None:
    created = callers.key()
    headers = bearer(created.cleartext)
    assert http.get("/keys", headers=headers).status_code == 200
    assert http.get("/fresh", headers=headers).status_code == 200
    callers.client.mgmt.access_key.deactivate(created.key.id)
    time.sleep(2.1)
    assert http.get("/keys", headers=headers).status_code == 200  # remembered for 10 seconds
    assert http.get("/fresh", headers=headers).status_code == 401


def test_an_old_token_is_refused_where_age_counts(
    http: httpx.Client, callers: Callers, emulator: Emulator
) -> None:
    token = callers.token()
    assert http.get("/t/t1", headers=bearer(token)).status_code == 403
    assert http.get("/tokens", headers=bearer(token)).status_code == 200
    emulator.clock.skew_tokens(-90)
    refused = http.get("/tokens", headers=bearer(callers.token()))
    assert refused.status_code == 401
    assert 'error="invalid_token"' in refused.headers["WWW-Authenticate"]
    assert 'max_age="60"' in refused.headers["WWW-Authenticate"]


def test_the_span_of_a_request_names_its_caller(http: httpx.Client, callers: Callers) -> None:
    created = callers.key(tenants={"t1": []})
    assert http.get("/t/t1", headers=bearer(callers.exchange(created.cleartext))).status_code == 200
    (span,) = exporter.get_finished_spans()
    assert dict(span.attributes or {}) == {
        "descope.key_id": created.key.id,
        "descope.tenant_id": "t1",
    }


def raw(*values: str) -> list[tuple[str, str]]:
    return [("Authorization", value) for value in values]


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ([], 401, None),
        (raw("Basic dTpw"), 401, None),
        (raw("Bearer"), 401, None),
        (raw("TOKEN"), 401, None),
        (raw("Bearer TOKEN", "Bearer TOKEN"), 400, "invalid_request"),
        (raw("Bearer TOKEN, Bearer TOKEN"), 400, "invalid_request"),
        (raw("Bearer TOKEN,TOKEN"), 400, "invalid_request"),
        (raw("Bearer TOKEN TOKEN"), 400, "invalid_request"),
        (raw("Bearer TOKEN\u00f6"), 400, "invalid_request"),
        (raw("Bearer TOKENx"), 401, "invalid_token"),
        (raw("Bearer xTOKEN"), 401, "invalid_token"),
        (raw("DPoP TOKEN"), 401, None),
        ([("Cookie", "Authorization=Bearer TOKEN; DS=TOKEN")], 401, None),
        ([("X-Forwarded-Authorization", "Bearer TOKEN")], 401, None),
    ],
    ids=lambda value: str(value).replace("Authorization", "")[:40],
)
def test_what_is_wrong_with_a_request(
    http: httpx.Client,
    callers: Callers,
    headers: list[tuple[str, str]],
    status: int,
    code: str | None,
) -> None:
    token = callers.token()
    for usual in (f"Bearer {token}", f"bearer {token}", f"Bearer  {token}"):  # it is known now
        assert http.get("/tokens", headers={"Authorization": usual}).status_code == 200
    sent = [(name, value.replace("TOKEN", token).encode("latin-1")) for name, value in headers]
    answer = http.get(
        f"/tokens?access_token={token}&token={token}",
        headers=[(name.encode(), value) for name, value in sent],
    )
    assert answer.status_code == status
    challenge = answer.headers["WWW-Authenticate"]
    assert challenge.startswith('Bearer realm="descope"')
    assert ("error=" in challenge) == (code is not None)
    assert code is None or f'error="{code}"' in challenge
    assert token not in answer.text + str(answer.headers)


def test_an_application_that_did_not_start_its_client_is_told_so(callers: Callers) -> None:
    idle = DescopeAuth(accept=["session_token", "access_key"])
    unstarted = FastAPI()

    @unstarted.get("/", dependencies=[idle.require()])
    async def route() -> str:
        return "never"

    for credential in (callers.key().cleartext, callers.token()):
        with pytest.raises(NotConfigured, match="lifespan"):
            TestClient(unstarted).get("/", headers=bearer(credential))


def test_a_client_without_a_project_is_told_and_not_taken_for_an_outage(
    callers: Callers, monkeypatch: pytest.MonkeyPatch
) -> None:
    credentials = callers.key().cleartext, callers.token()
    monkeypatch.delenv("DESCOPE_PROJECT_ID")
    lost = DescopeAuth(DescopeClient(), accept=["session_token", "access_key"])
    service = FastAPI()  # its lifespan would have told before

    @service.get("/", dependencies=[lost.require()])
    async def route() -> str:
        return "never"

    for credential in credentials:
        with pytest.raises(ConfigurationError, match="DESCOPE_PROJECT_ID"):
            TestClient(service).get("/", headers=bearer(credential))
