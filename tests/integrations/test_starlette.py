"""The ASGI middleware around applications of three frameworks, served by uvicorn."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from descope_async import ConfigurationError, InvalidArgument
from descope_async.emulator import Fault
from descope_async.integrations.caller import current_caller
from descope_async.integrations.starlette import DescopeMiddleware, Require, caller_of
from descope_sync.emulator import Emulator
from tests.integrations.services import Callers, bearer, serving

pytestmark = pytest.mark.usefixtures("emulator")


def whoami(scope: Any) -> dict[str, Any]:
    caller, noted = caller_of(scope), current_caller()
    return {"key": caller and caller.key_id, "noted": noted and noted.session.key_id}


def of_starlette() -> Any:
    applications = pytest.importorskip("starlette.applications")
    from starlette.middleware import Middleware
    from starlette.requests import Request
    from starlette.responses import JSONResponse
    from starlette.routing import Route, WebSocketRoute
    from starlette.websockets import WebSocket

    async def answer(request: Request) -> JSONResponse:
        return JSONResponse(whoami(request.scope))

    async def echo(websocket: WebSocket) -> None:
        await websocket.accept()
        async for text in websocket.iter_text():
            await websocket.send_text(text)

    bills = Middleware(Require, permissions=["bills:read"], tenant="tenant_id")
    return applications.Starlette(
        routes=[
            Route("/whoami", answer),
            Route("/health", answer),
            Route("/static/file", answer),
            Route("/t/{tenant_id}/bills", answer, middleware=[bills]),
            WebSocketRoute("/echo", echo),
        ]
    )


def of_litestar() -> Any:
    litestar = pytest.importorskip("litestar")

    async def answer(request: Any) -> dict[str, Any]:
        return whoami(request.scope)

    async def echo(socket: Any) -> None:
        await socket.accept()
        while True:
            await socket.send_text(await socket.receive_text())

    answer.__annotations__["request"] = litestar.Request
    echo.__annotations__["socket"] = litestar.WebSocket
    return litestar.Litestar(
        [
            litestar.get(["/whoami", "/health", "/static/file"])(answer),
            litestar.websocket("/echo")(echo),
        ],
        logging_config=None,
    )


def of_quart() -> Any:
    quart = pytest.importorskip("quart")
    app = quart.Quart("application")

    async def answer() -> dict[str, Any]:
        return whoami(quart.request.scope)

    async def echo() -> None:
        while True:
            await quart.websocket.send(await quart.websocket.receive())

    for path in ("/whoami", "/health", "/static/file"):
        app.add_url_rule(path, path, answer)
    app.add_websocket("/echo", "echo", echo)
    return app


FRAMEWORKS = [of_starlette, of_litestar, of_quart]
Make = Callable[[], Any]


@pytest.fixture(params=FRAMEWORKS, ids=["starlette", "litestar", "quart"])
def make(request: pytest.FixtureRequest) -> Make:
    found: Make = request.param
    return found


@pytest.fixture
def http(make: Make) -> Iterator[httpx.Client]:
    app = DescopeMiddleware(make(), exempt=["/health", "/static/*"], permissions=["use"])
    with serving(app) as url, httpx.Client(base_url=url, trust_env=False) as client:
        yield client


def test_only_callers_get_through(http: httpx.Client, callers: Callers) -> None:
    created = callers.key(["use"])
    headers = bearer(callers.exchange(created.cleartext))
    answer = http.get("/whoami", headers=headers)
    assert answer.json() == {"key": created.key.id, "noted": created.key.id}
    refused = http.get("/whoami")
    assert refused.status_code == 401
    assert refused.headers["WWW-Authenticate"] == 'Bearer realm="descope"'
    assert refused.json()["error"] == "unauthorized"
    assert http.get("/whoami", headers=bearer("a.b.c")).json()["error"] == "invalid_token"
    assert http.get("/nothing").status_code == 401
    lacking = http.get("/whoami", headers=bearer(callers.token()))
    assert lacking.status_code == 403
    assert lacking.json()["error"] == "insufficient_scope"


def test_exempt_paths_need_no_caller(http: httpx.Client) -> None:
    for path in ("/health", "/static/file"):
        assert http.get(path).json() == {"key": None, "noted": None}
    for path in ("/health/", "/healthy", "/static", "/static/../whoami", "/static/%2e%2e/whoami"):
        assert http.get(f"{http.base_url}{path}").status_code == 401, path


def test_an_outage_is_503(make: Make, emulator: Emulator, callers: Callers) -> None:
    token = callers.token()
    emulator.faults.add(Fault("status", "key_set", status=503))
    with serving(DescopeMiddleware(make())) as url:
        answer = httpx.get(f"{url}/whoami", headers=bearer(token), trust_env=False)
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) >= 1


def test_a_websocket_is_served_and_refused(http: httpx.Client, callers: Callers) -> None:
    client = pytest.importorskip("websockets.sync.client")
    from websockets.exceptions import InvalidStatus

    url = str(http.base_url).replace("http", "ws").rstrip("/") + "/echo"
    with client.connect(url, additional_headers=bearer(callers.token(["use"]))) as connection:
        connection.send("hello")
        assert connection.recv(timeout=120) == "hello"
    for headers, status in (({}, 401), (bearer(callers.token()), 403)):
        with pytest.raises(InvalidStatus) as caught:
            client.connect(url, additional_headers=headers)
        assert caught.value.response.status_code == status


def test_a_websocket_ends_with_its_token(make: Make, emulator: Emulator, callers: Callers) -> None:
    client = pytest.importorskip("websockets.sync.client")
    from websockets.exceptions import ConnectionClosed

    emulator.set_token_lifetime(4)  # of which the handshake may take a part
    token = callers.token()
    with serving(DescopeMiddleware(make())) as url:
        address = url.replace("http", "ws") + "/echo"
        with client.connect(address, additional_headers=bearer(token)) as connection:
            with pytest.raises(ConnectionClosed) as caught:
                connection.recv(timeout=120)
            closed = caught.value.rcvd
            assert closed is not None
            assert (closed.code, closed.reason) == (1008, "the token has expired")


def test_a_route_of_starlette_demands_more(callers: Callers) -> None:
    token = callers.token(tenants={"t1": ["bills:read"], "t2": []})
    with (
        serving(DescopeMiddleware(of_starlette())) as url,
        httpx.Client(base_url=url, headers=bearer(token), trust_env=False) as http,
    ):
        assert http.get("/t/t1/bills").status_code == 200
        assert http.get("/t/t2/bills").status_code == 403
        assert http.get("/t/t3/bills").status_code == 403


def test_settings_that_are_missing_end_the_lifespan(
    make: Make, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delenv("DESCOPE_PROJECT_ID")
    with pytest.raises(RuntimeError, match="did not start"), serving(DescopeMiddleware(make())):
        pass
    assert "DESCOPE_PROJECT_ID" in caplog.text


def test_an_application_without_the_middleware_is_told() -> None:
    async def never(*_: Any) -> Any:
        raise AssertionError

    async def run() -> None:
        await Require(never)({"type": "http"}, never, never)

    with pytest.raises(ConfigurationError, match="DescopeMiddleware"):
        asyncio.run(run())


@pytest.mark.parametrize("exempt", ["/health", ["health"], ["/a*"], ["/*/b"], ["/a/**"]])
def test_paths_that_cannot_be_right(exempt: Any) -> None:
    with pytest.raises(ConfigurationError, match="exempt"):
        DescopeMiddleware(of_starlette(), exempt=exempt)


@pytest.mark.parametrize("client", [5, 0, "P1"])
def test_what_is_no_client_is_refused_at_once(client: Any) -> None:
    with pytest.raises(ConfigurationError, match="client must be a DescopeClient of descope_async"):
        DescopeMiddleware(of_starlette(), client=client)


def test_a_requirement_that_cannot_be_right() -> None:
    with pytest.raises(InvalidArgument):
        Require(of_starlette(), permissions="read")


def test_several_workers_are_warned_of(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for setting, warned in (("1", False), ("2", True)):
        caplog.clear()
        monkeypatch.setenv("WEB_CONCURRENCY", setting)
        app = DescopeMiddleware(of_starlette(), dpop="mixed", origin="http://127.0.0.1")
        with serving(app):
            time.sleep(0)
        assert ("replay_store" in caplog.text) is warned
        assert "Host header" not in caplog.text
