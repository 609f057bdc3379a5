"""Protected routes in FastAPI, served by uvicorn."""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Annotated, Any
from unittest import mock

import httpx
import pytest

import descope_sync
from descope_async import ConfigurationError, DescopeClient, NotConfigured, SessionToken
from descope_async.emulator import Fault
from descope_async.testing import Clock
from descope_sync.emulator import Emulator
from tests.integrations.services import Callers, bearer, serving

fastapi = pytest.importorskip("fastapi", reason="the extra fastapi is not installed")
websockets = pytest.importorskip("websockets.sync.client", reason="websockets is not installed")

from fastapi import APIRouter, BackgroundTasks, FastAPI, Security, WebSocket  # noqa: E402
from fastapi.responses import StreamingResponse  # noqa: E402
from fastapi.testclient import TestClient  # noqa: E402

from descope_async.integrations.caller import (  # noqa: E402
    CallerFilter,
    CallerMiddleware,
    current_caller,
)
from descope_async.integrations.fastapi import DescopeAuth  # noqa: E402

auth = DescopeAuth()
checks: list[str] = []
watched = DescopeAuth(
    lambda: DescopeClient(hooks=[lambda event: checks.append(type(event).__name__)])
)
app = FastAPI(lifespan=auth.lifespan)
seen: list[Any] = []


@app.get("/whoami", responses=auth.responses)
async def whoami(caller: Annotated[SessionToken, auth.require()]) -> dict[str, Any]:
    return {"key": caller.key_id}


@app.get("/reports")
async def reports(
    caller: Annotated[SessionToken, auth.require(permissions=["reports:read"])],
) -> dict[str, Any]:
    return {"key": caller.key_id}


@app.get("/blocking")
def blocking(caller: Annotated[SessionToken, auth.require(max_age=60)]) -> dict[str, Any]:
    noted = current_caller()
    return {"key": caller.key_id, "noted": noted and noted.session.key_id}


@app.get("/often", dependencies=[auth.require(permissions=["a"]), auth.require(permissions=["b"])])
async def often(caller: Annotated[SessionToken, auth.require(permissions=["c"])]) -> str:
    return caller.key_id


@app.get("/t/{tenant_id}/bills", responses=auth.responses)
async def bills(
    tenant_id: str,
    caller: Annotated[SessionToken, auth.require(permissions=["bills:read"], tenant="tenant_id")],
    tasks: BackgroundTasks,
) -> str:
    tasks.add_task(lambda: seen.append((tenant_id, caller.key_id, current_caller())))
    logging.getLogger("bills").warning("looking")
    return tenant_id


@app.get("/scopes")
async def scopes(caller: Annotated[SessionToken, Security(auth, scopes=["reports:read"])]) -> str:
    return caller.key_id


@app.get("/misspelt/{tenant}")
async def misspelt(
    tenant: str, caller: Annotated[SessionToken, auth.require(tenant="tenant_id")]
) -> str:
    return f"{tenant} {caller.key_id}"


@app.get("/stream")
async def stream(caller: Annotated[SessionToken, auth.require()]) -> StreamingResponse:
    async def parts() -> AsyncIterator[str]:
        for number in range(3):
            yield f"{number} {caller.key_id}\n"
            await asyncio.sleep(0)

    return StreamingResponse(parts())


@app.websocket("/echo")
async def echo(
    websocket: WebSocket,
    caller: Annotated[SessionToken, auth.require(permissions=["reports:read"])],
) -> None:
    await websocket.accept()
    await websocket.send_text(caller.key_id)
    try:
        async for text in websocket.iter_text():
            await websocket.send_text(text)
    finally:
        seen.append("the socket has ended")


router = APIRouter(dependencies=[auth.require(permissions=["reports:read"])])


@router.get("/routed")
async def routed(caller: Annotated[SessionToken, auth.require()]) -> str:
    return caller.key_id


app.include_router(router)
inner = FastAPI()


@inner.get("/mounted/{tenant_id}")
async def mounted(
    tenant_id: str, caller: Annotated[SessionToken, auth.require(tenant="tenant_id")]
) -> str:
    return f"{tenant_id} {caller.key_id}"


app.mount("/inner", inner)
app.get("/ready")(auth.is_ready)


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


PROTECTED = ["/whoami", "/reports", "/often", "/stream", "/routed", "/inner/mounted/t1", "/scopes"]


pytestmark = pytest.mark.usefixtures("emulator")


@pytest.fixture
def http() -> Iterator[httpx.Client]:
    """A client of the application, served."""
    seen.clear()
    with serving(app) as url, httpx.Client(base_url=url, trust_env=False) as client:
        yield client


@pytest.mark.parametrize("path", PROTECTED)
def test_no_credential_is_401_with_a_challenge(http: httpx.Client, path: str) -> None:
    answer = http.get(path)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="descope"'
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.json() == {"detail": "a credential is needed"}


def test_a_good_token_is_let_in(http: httpx.Client, callers: Callers) -> None:
    created = callers.key(["reports:read", "a", "b", "c"])
    headers = bearer(callers.exchange(created.cleartext))
    assert http.get("/whoami", headers=headers).json() == {"key": created.key.id}
    assert http.get("/blocking", headers=headers).json() == {
        "key": created.key.id,
        "noted": created.key.id,
    }
    for path in ("/reports", "/often", "/routed", "/scopes"):
        assert http.get(path, headers=headers).status_code == 200, path
    assert http.get("/stream", headers=headers).text.splitlines()[2] == f"2 {created.key.id}"


@pytest.mark.parametrize("other", ["", "Bearer", "Basic eA==", "Bearer other", None])
@pytest.mark.parametrize("is_first", [True, False])
def test_a_second_credential_is_400(
    http: httpx.Client, callers: Callers, other: str | None, *, is_first: bool
) -> None:
    good = bearer(callers.token())["Authorization"]
    assert http.get("/whoami", headers={"Authorization": good}).status_code == 200
    pair = [("Authorization", good), ("Authorization", good if other is None else other)]
    answer = http.get("/whoami", headers=pair[::-1] if is_first else pair)
    assert answer.status_code == 400
    assert 'error="invalid_request"' in answer.headers["WWW-Authenticate"]


def test_a_member_of_the_tenant_is_let_in(http: httpx.Client, callers: Callers) -> None:
    created = callers.key(tenants={"t1": ["bills:read"]})
    headers = bearer(callers.exchange(created.cleartext))
    assert http.get("/inner/mounted/t1", headers=headers).status_code == 200
    assert http.get("/t/t1/bills", headers=headers).json() == "t1"
    wait_for(lambda: bool(seen))
    assert seen[0][:2] == ("t1", created.key.id)
    assert seen[0][2].tenant == "t1"


def test_a_lack_is_403_and_names_the_permission(http: httpx.Client, callers: Callers) -> None:
    headers = bearer(callers.token(tenants={"t1": ["reports:read"]}))
    for path in ("/reports", "/routed", "/scopes", "/t/t1/bills", "/inner/mounted/t2"):
        answer = http.get(path, headers=headers)
        assert answer.status_code == 403, path
        assert 'error="insufficient_scope"' in answer.headers["WWW-Authenticate"]
    assert (
        'scope="reports:read"' in http.get("/reports", headers=headers).headers["WWW-Authenticate"]
    )


def test_the_project_grants_nothing_in_a_tenant(http: httpx.Client, callers: Callers) -> None:
    headers = bearer(callers.token(["bills:read"], tenants={}))
    assert http.get("/t/t1/bills", headers=headers).status_code == 403
    assert http.get("/t/%2e%2e/bills", headers=headers).status_code in {403, 404}


def test_a_token_is_checked_once_for_each_request(callers: Callers) -> None:
    service = FastAPI(lifespan=watched.lifespan, dependencies=[watched.require()])

    @service.get("/", dependencies=[watched.require(permissions=["a"])])
    async def root(
        one: Annotated[SessionToken, watched.require(permissions=["b"])],
        two: Annotated[SessionToken, Security(watched, scopes=["a"])],
    ) -> bool:
        return one is two

    token = callers.token(["a", "b"])
    with serving(service) as url:
        assert httpx.get(url, headers=bearer(token), trust_env=False).json() is True
    assert checks.count("SessionChecked") == 1


@pytest.mark.parametrize("path", PROTECTED)
def test_forged_and_revoked_tokens_are_401(http: httpx.Client, callers: Callers, path: str) -> None:
    token = callers.token(["reports:read", "a", "b", "c"])
    assert http.get(path, headers=bearer(token)).status_code in {200, 403}
    head, payload, signature = token.split(".")
    forged = f"{head}.{payload}.{signature[:-8]}AAAAAAAA"
    for bad in (forged, f"{head}.e30.{signature}", "a.b.c", f"{token}."):
        answer = http.get(path, headers=bearer(bad))
        assert answer.status_code == 401
        assert answer.json() == {"detail": "the token is not valid"}
        assert answer.headers["WWW-Authenticate"].endswith(
            'error="invalid_token", error_description="the token is not valid"'
        )


def test_an_expired_token_is_called_expired(
    http: httpx.Client, callers: Callers, emulator: Emulator
) -> None:
    emulator.clock.skew_tokens(-7200)
    access_key = callers.key().cleartext
    with pytest.raises(Exception, match="expired"):
        callers.exchange(access_key)
    raw = httpx.post(
        f"{emulator.base_url}/v1/auth/accesskey/exchange",
        headers=bearer(f"{emulator.project_id}:{access_key}"),
        json={},
        trust_env=False,
    ).json()
    answer = http.get("/whoami", headers=bearer(raw["sessionJwt"]))
    assert answer.status_code == 401
    assert "the token has expired" in answer.headers["WWW-Authenticate"]


def test_the_service_being_down_is_503(emulator: Emulator, callers: Callers) -> None:
    token = callers.token()
    emulator.faults.add(Fault("status", "key_set", status=503, retry_after=7))
    with serving(app) as url, httpx.Client(base_url=url, trust_env=False) as http:
        for _ in range(2):
            answer = http.get("/whoami", headers=bearer(token))
            assert answer.status_code == 503
            assert 1 <= int(answer.headers["Retry-After"]) <= 30
            assert "WWW-Authenticate" not in answer.headers
        assert http.get("/ready").status_code == 503
        assert http.get("/whoami").status_code == 401
        emulator.faults.clear()
        wait_for(lambda: http.get("/ready").status_code == 200)
        assert http.get("/whoami", headers=bearer(token)).status_code == 200
        with emulator.refusing_connections():
            assert http.get("/ready").json() == {"ready": True}
            assert http.get("/whoami", headers=bearer(token)).status_code == 200


@pytest.mark.parametrize("missing", ["DESCOPE_PROJECT_ID", "DESCOPE_BASE_URI"])
def test_without_settings_the_application_does_not_start(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, missing: str
) -> None:
    monkeypatch.setenv(missing, "not/a setting")
    with pytest.raises(RuntimeError, match="did not start"), serving(app):
        pass
    assert "ConfigurationError" in caplog.text


def test_without_a_lifespan_the_error_says_what_to_do(callers: Callers) -> None:
    service = FastAPI()
    headers = bearer(callers.token())

    @service.get("/")
    async def root(caller: Annotated[SessionToken, auth.require()]) -> str:
        return caller.key_id

    async def ask() -> None:
        transport = httpx.ASGITransport(app=service)
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as http:
            await http.get("/", headers=headers)

    with pytest.raises(ConfigurationError, match="lifespan"):
        asyncio.run(ask())


def test_a_misspelt_path_parameter_is_an_error_of_ours(
    http: httpx.Client, callers: Callers, caplog: pytest.LogCaptureFixture
) -> None:
    answer = http.get("/misspelt/t1", headers=bearer(callers.token(tenants={"t1": []})))
    assert answer.status_code == 500
    wait_for(lambda: "no path parameter 'tenant_id'" in caplog.text)


def test_openapi_shows_the_scheme_and_the_answers(http: httpx.Client) -> None:
    document = http.get("/openapi.json").json()
    scheme = document["components"]["securitySchemes"]
    assert list(scheme) == ["DescopeAccessKey"]
    assert scheme["DescopeAccessKey"]["type"] == "http"
    assert scheme["DescopeAccessKey"]["scheme"] == "bearer"
    assert scheme["DescopeAccessKey"]["bearerFormat"] == "JWT"
    for path in ("/whoami", "/reports", "/often", "/routed"):
        security = document["paths"][path]["get"]["security"]  # an old FastAPI repeats itself
        assert security
        assert all(each == {"DescopeAccessKey": []} for each in security), path
    assert {"401", "403", "503"} <= set(document["paths"]["/whoami"]["get"]["responses"])
    assert "security" not in document["paths"]["/ready"]["get"]
    assert "SwaggerUIBundle" in http.get("/docs").text


def test_the_lifespan_lies_in_ones_own(callers: Callers) -> None:
    async def own(app: FastAPI) -> AsyncIterator[dict[str, str]]:
        async with auth.lifespan(app), auth.lifespan(app):
            yield {"project": auth.client.project_id}

    service = FastAPI(lifespan=asynccontextmanager(own))

    @service.get("/")
    async def root(caller: Annotated[SessionToken, auth.require()]) -> str:
        return caller.key_id

    for _ in range(2):  # an application may start again
        with serving(service) as url:
            answer = httpx.get(url, headers=bearer(callers.token()), trust_env=False)
            assert answer.status_code == 200


def test_several_audiences_in_one_application(callers: Callers) -> None:
    first = DescopeAuth()
    second = DescopeAuth(audience="https://other.example")

    async def both(app: FastAPI) -> AsyncIterator[None]:
        async with first.lifespan(app), second.lifespan(app):
            yield

    service = FastAPI(lifespan=asynccontextmanager(both))
    service.get("/first", dependencies=[first.require()])(lambda: 1)
    service.get("/second", dependencies=[second.require()])(lambda: 2)
    service.get("/both", dependencies=[first.require(), second.require()])(lambda: 3)
    headers = bearer(callers.token())
    with serving(service) as url:
        statuses = [
            httpx.get(f"{url}/{path}", headers=headers, trust_env=False).status_code
            for path in ("first", "second", "both")
        ]
    assert statuses == [200, 401, 401]


def test_a_callers_own_client_is_not_closed() -> None:
    async def run() -> None:
        async with DescopeClient() as client:
            given = DescopeAuth(client)
            async with given.lifespan():
                assert given.client is client
            assert given.client is client
            await client.refresh_key_set()

    asyncio.run(run())


@pytest.mark.parametrize("client", [5, 0, "P1"])
def test_what_is_no_client_is_refused_at_once(client: Any) -> None:
    with pytest.raises(ConfigurationError, match="client must be a DescopeClient of descope_async"):
        DescopeAuth(client)


def test_a_blocking_client_is_refused_at_once() -> None:
    client: Any = descope_sync.DescopeClient()
    with pytest.raises(ConfigurationError, match="client must be a DescopeClient of descope_async"):
        DescopeAuth(client)


def test_what_makes_no_client_ends_the_lifespan(caplog: pytest.LogCaptureFixture) -> None:
    maker: Any = descope_sync.DescopeClient
    service = FastAPI(lifespan=DescopeAuth(maker).lifespan)
    with pytest.raises(RuntimeError, match="did not start"), serving(service):
        pass
    assert "client must be a DescopeClient of descope_async" in caplog.text


def test_overridden_in_two_lines(http: httpx.Client) -> None:
    caller = SessionToken(
        jwt="", key_id="K9", project_id="P", expire_time=0, claims={"permissions": ["a"]}
    )
    app.dependency_overrides[auth] = lambda: caller
    try:
        assert http.get("/whoami").json() == {"key": "K9"}
        assert http.get("/reports").status_code == 403
    finally:
        app.dependency_overrides.clear()


def test_an_overridden_caller_needs_no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DESCOPE_PROJECT_ID")
    claims = {"permissions": ["reports:read"], "iat": Clock().now()}
    caller = SessionToken(jwt="", key_id="K9", project_id="P", expire_time=0, claims=claims)
    app.dependency_overrides[auth] = lambda: caller
    try:
        http = TestClient(app)  # which runs no lifespan
        assert http.get("/blocking").json()["key"] == "K9"  # within a max_age
        assert http.get("/routed").json() == "K9"
        with http.websocket_connect("/echo") as socket:
            assert socket.receive_text() == "K9"
            socket.send_text("still open")
            assert socket.receive_text() == "still open"
    finally:
        app.dependency_overrides.clear()


def test_a_route_may_answer_with_its_caller(callers: Callers) -> None:
    service = FastAPI(lifespan=auth.lifespan)

    @service.get("/me")
    async def me(caller: Annotated[SessionToken, auth.require()]) -> SessionToken:
        return caller

    created = callers.key(["reports:read"])
    token = callers.exchange(created.cleartext)
    with serving(service) as url, httpx.Client(base_url=url, trust_env=False) as http:
        answer = http.get("/me", headers=bearer(token))
        operation = http.get("/openapi.json").json()["paths"]["/me"]["get"]
    said = answer.json()
    assert said["key_id"] == said["claims"]["sub"] == created.key.id
    assert said["permissions"] == ["reports:read"]
    assert token not in answer.text
    assert "jwt" not in said
    schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
    assert schema["properties"].keys() == said.keys()


def test_the_caller_is_in_log_records(
    http: httpx.Client, callers: Callers, caplog: pytest.LogCaptureFixture
) -> None:
    created = callers.key(tenants={"t1": ["bills:read"]})
    caplog.handler.addFilter(CallerFilter())
    http.get("/t/t1/bills", headers=bearer(callers.exchange(created.cleartext)))
    (record,) = [each for each in caplog.records if each.name == "bills"]
    assert vars(record)["descope_key_id"] == created.key.id
    assert vars(record)["descope_tenant"] == "t1"


@pytest.mark.parametrize("is_known", [True, False])
@pytest.mark.usefixtures("emulator")
def test_the_caller_is_known_around_a_middleware_with_a_task_of_its_own(
    callers: Callers, caplog: pytest.LogCaptureFixture, is_known: bool
) -> None:
    service, log = FastAPI(lifespan=auth.lifespan), logging.getLogger("around")

    @service.get("/t/{tenant_id}", dependencies=[auth.require(tenant="tenant_id")])
    async def route(tenant_id: str) -> str:
        return tenant_id

    @service.middleware("http")
    async def around(request: Any, call_next: Any) -> Any:
        log.warning("before")
        answer = await call_next(request)
        log.warning("after")
        return answer

    if is_known:
        service.add_middleware(CallerMiddleware)
    created = callers.key(tenants={"t1": ["use"]})
    token = callers.exchange(created.cleartext)
    caplog.handler.addFilter(CallerFilter())
    with serving(service) as url, httpx.Client(base_url=url, trust_env=False) as http:
        for headers in (bearer(token), {}, bearer("a.b.c")):
            http.get("/t/t1", headers=headers)
    noted = [
        (each.message, vars(each)["descope_key_id"], vars(each)["descope_tenant"])
        for each in caplog.records
        if each.name == "around"
    ]
    known = (created.key.id, "t1") if is_known else (None, None)
    nobody = [("before", None, None), ("after", None, None)]
    assert noted == [("before", None, None), ("after", *known), *nobody, *nobody]


def test_a_client_that_goes_while_keys_are_fetched_harms_nobody(
    emulator: Emulator, callers: Callers
) -> None:
    token = callers.token()
    emulator.faults.add(Fault("delay", "key_set", seconds=1.0))
    with serving(app) as url:
        port = int(url.rpartition(":")[2])
        for _ in range(3):
            with socket.create_connection(("127.0.0.1", port)) as gone:
                gone.sendall(
                    f"GET /whoami HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
                )
                time.sleep(0.05)
        answer = httpx.get(f"{url}/whoami", headers=bearer(token), trust_env=False, timeout=120)
        assert answer.status_code == 200
    assert emulator.requests.count("key_set") <= 3


def socket_url(http: httpx.Client) -> str:
    return str(http.base_url).replace("http", "ws").rstrip("/") + "/echo"


def test_a_websocket_is_served(http: httpx.Client, callers: Callers) -> None:
    token = callers.token(["reports:read"])
    with websockets.connect(socket_url(http), additional_headers=bearer(token)) as connection:
        assert connection.recv().startswith("K")
        connection.send("hello")
        assert connection.recv() == "hello"


def test_a_websocket_is_refused_with_a_status(http: httpx.Client, callers: Callers) -> None:
    from websockets.exceptions import InvalidStatus

    for headers, status in (({}, 401), (bearer(callers.token()), 403), (bearer("a.b.c"), 401)):
        with pytest.raises(InvalidStatus) as caught:
            websockets.connect(socket_url(http), additional_headers=headers)
        assert caught.value.response.status_code == status
        assert "WWW-Authenticate" in caught.value.response.headers


def test_a_server_without_refusals_closes_a_websocket() -> None:
    """Without the ASGI extension for it, the close before the accept is all there is."""
    sent: list[Any] = []

    async def run() -> None:
        scope = {
            "type": "websocket",
            "path": "/echo",
            "headers": [],
            "query_string": b"",
            "asgi": {"version": "3.0"},
        }

        async def receive() -> dict[str, Any]:
            return {"type": "websocket.connect"}

        async def send(message: Any) -> None:
            sent.append(message)

        await app(scope, receive, send)

    asyncio.run(run())
    assert [(each["type"], each.get("code")) for each in sent] == [("websocket.close", 1008)]


def test_a_websocket_ends_with_its_token(
    http: httpx.Client, callers: Callers, emulator: Emulator
) -> None:
    from websockets.exceptions import ConnectionClosed

    emulator.set_token_lifetime(4)  # of which the handshake may take a part
    token = callers.token(["reports:read"])
    started = time.monotonic()
    with websockets.connect(socket_url(http), additional_headers=bearer(token)) as connection:
        connection.recv()
        with pytest.raises(ConnectionClosed) as caught:
            connection.recv(timeout=120)
    closed = caught.value.rcvd
    assert closed is not None
    assert (closed.code, closed.reason) == (1008, "the token has expired")
    assert time.monotonic() - started < 40
    wait_for(lambda: "the socket has ended" in seen)


async def test_under_load_each_caller_gets_the_own_answer(
    callers: Callers, emulator: Emulator
) -> None:
    """Good, lacking, forged, expired, revoked and missing tokens, all at the same time."""

    def tokens() -> dict[str, int]:
        reader = callers.key(["reports:read"]).cleartext
        revoked = callers.exchange(reader)
        emulator.rotate_and_revoke_signing_keys()
        good, lacking = callers.exchange(reader), callers.token()
        found = {good: 200, lacking: 403, revoked: 401, "": 401}
        head, payload, _ = good.split(".")
        return found | {f"{head}.{payload}.{lacking.split('.')[2]}": 401}

    expected = await asyncio.to_thread(tokens)
    with serving(app) as url:
        limits = httpx.Limits(max_connections=16)
        async with httpx.AsyncClient(base_url=url, trust_env=False, limits=limits) as http:

            async def ask(token: str) -> tuple[int, int]:
                answer = await http.get(
                    "/reports", headers=bearer(token) if token else {}, timeout=60
                )
                return answer.status_code, expected[token]

            answers = await asyncio.gather(*(ask(token) for token in [*expected] * 60))
    assert all(status == wanted for status, wanted in answers)
    assert len(answers) == 60 * len(expected)


def test_an_object_of_a_module_can_be_mocked_before_the_application_starts() -> None:
    idle = DescopeAuth()
    assert not hasattr(idle, "client")
    with pytest.raises(NotConfigured, match="lifespan"):
        _ = idle.client
    assert isinstance(mock.create_autospec(idle), DescopeAuth)
