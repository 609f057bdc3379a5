"""MCP servers of both packages, served by uvicorn, and called with their clients."""

from __future__ import annotations

import asyncio
import importlib
import json
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any
from unittest import mock

import httpx
import pytest

from descope_async import (
    ConfigurationError,
    DescopeClient,
    KeySetUnavailable,
    NotConfigured,
    ProofKey,
)
from descope_async.emulator import Fault, TokenShape
from descope_async.integrations.admission import Proofs
from descope_async.integrations.issuers import Issuers
from descope_async.testing import EmulatorClock
from descope_sync.emulator import Emulator
from tests.integrations.services import ACCEPT, INITIALIZE, Callers, bearer, serving

pytest.importorskip("mcp", reason="the extra mcp is not installed")

from mcp.server.auth.middleware.auth_context import get_access_token
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

from descope_async.integrations.mcp import DescopeMCP

#: mcp 1 says this of its own settings, with the newest pydantic-settings.
pytestmark = pytest.mark.filterwarnings("ignore:Field .lifespan. has an incomplete definition")

RESOURCE = "http://127.0.0.1:8000/mcp"
Make = Callable[[DescopeMCP], Any]


def whoami() -> str:
    """Say who is calling."""
    token = get_access_token()
    return "nobody" if token is None else json.dumps([token.client_id, sorted(token.scopes)])


def official(descope: DescopeMCP) -> Any:
    server: Any
    try:
        from mcp.server.mcpserver import MCPServer
    except ModuleNotFoundError:
        older = importlib.import_module("mcp.server.fastmcp")
        server = older.FastMCP("Reports", token_verifier=descope, auth=descope.auth_settings)
        server.settings.stateless_http = server.settings.json_response = True
        server.tool()(whoami)
        return server.streamable_http_app()
    server = MCPServer("Reports", token_verifier=descope, auth=descope.auth_settings)
    server.tool()(whoami)
    return server.streamable_http_app(stateless_http=True, json_response=True)


def of_fastmcp(descope: DescopeMCP) -> Any:
    fastmcp = pytest.importorskip("fastmcp", reason="the package fastmcp is not installed")
    server = fastmcp.FastMCP("Reports", auth=descope.fastmcp_auth)
    server.tool(whoami)
    return server.http_app(path="/mcp", stateless_http=True, json_response=True)


@pytest.fixture(params=[official, of_fastmcp], ids=["mcp", "fastmcp"])
def make(request: pytest.FixtureRequest) -> Make:
    found: Make = request.param
    return found


@pytest.fixture
def descope(emulator: Emulator) -> DescopeMCP:
    known = f"{emulator.base_url}/v1/apps/{emulator.project_id}/.well-known/openid-configuration"
    return DescopeMCP(RESOURCE, well_known=known, required_scopes=["reports:read"])


@pytest.fixture
def http(make: Make, descope: DescopeMCP) -> Iterator[httpx.Client]:
    with (
        serving(descope.protect(make(descope))) as url,
        httpx.Client(base_url=url, headers=ACCEPT, trust_env=False, timeout=120) as client,
    ):
        yield client


def call_tool(http: httpx.Client, headers: dict[str, str]) -> Any:
    started = http.post("/mcp", headers=headers, json=INITIALIZE)
    assert started.status_code == 200, started.text
    call = {
        "jsonrpc": "2.0",
        "id": 2,
        "method": "tools/call",
        "params": {"name": "whoami", "arguments": {}},
    }
    version = {"MCP-Protocol-Version": started.json()["result"]["protocolVersion"]}
    answer = http.post("/mcp", headers={**headers, **version}, json=call)
    return json.loads(answer.json()["result"]["content"][0]["text"])


def test_a_tool_knows_its_caller(http: httpx.Client, callers: Callers) -> None:
    created = callers.key(["reports:read", "more"])
    headers = bearer(callers.exchange(created.cleartext))
    assert call_tool(http, headers) == [created.key.id, ["more", "reports:read"]]


@pytest.mark.parametrize("audience", [RESOURCE, None], ids=["the resource", "none"])
def test_a_token_seen_before_is_found_for_either_audience(
    callers: Callers, emulator: Emulator, audience: str | None
) -> None:
    if audience is not None:
        emulator.set_token_shape(TokenShape(claims={"aud": audience}))
    keys = [callers.key().cleartext, callers.key().cleartext]
    tokens = [callers.client.exchange_access_key(key, audience).jwt for key in keys]

    async def look() -> list[str]:
        events: list[str] = []
        client = DescopeClient(
            hooks=[lambda event: events.append(getattr(event, "error_type", ""))]
        )
        guard = DescopeMCP(
            RESOURCE, well_known=f"{emulator.base_url}/v1/apps/{emulator.project_id}", client=client
        )
        async with guard.running(), client:
            for token in tokens * 2:
                assert await guard.verify_token(token) is not None
        return [each for each in events if each == "AudienceMismatch"]

    assert len(asyncio.run(look())) <= 1


def test_callers_without_a_token_are_sent_to_the_issuer(
    http: httpx.Client, emulator: Emulator
) -> None:
    refused = http.post("/mcp", json=INITIALIZE)
    assert refused.status_code == 401
    challenge = refused.headers["WWW-Authenticate"]
    assert "resource_metadata=" in challenge
    path = challenge.split('resource_metadata="')[1].split('"')[0].split(":8000")[1]
    metadata = http.get(path).json()
    assert metadata["resource"] == "http://127.0.0.1:8000/mcp"
    (issuer,) = metadata["authorization_servers"]
    assert issuer.rstrip("/") == f"{emulator.base_url}/v1/apps/{emulator.project_id}"


def test_bad_tokens_are_refused_with_the_server_s_own_challenge(
    http: httpx.Client, callers: Callers
) -> None:
    token = callers.token(["reports:read"])
    for bad in ("a.b.c", token[:-8] + "AAAAAAAA"):
        answer = http.post("/mcp", headers=bearer(bad), json=INITIALIZE)
        assert answer.status_code == 401
        assert "resource_metadata=" in answer.headers["WWW-Authenticate"]
    lacking = http.post("/mcp", headers=bearer(callers.token(["other"])), json=INITIALIZE)
    assert lacking.status_code == 403
    assert 'error="insufficient_scope"' in lacking.headers["WWW-Authenticate"]


def test_a_nonce_is_demanded_where_there_is_a_secret_for_it(
    make: Make, emulator: Emulator, callers: Callers
) -> None:
    key = ProofKey.generate()
    emulator.set_token_shape(TokenShape(thumbprint=key.thumbprint))
    token = callers.client.token_source(callers.key(["reports:read"]).cleartext).token()
    descope = DescopeMCP(
        RESOURCE,
        well_known=f"{emulator.base_url}/v1/apps/{emulator.project_id}",
        client=lambda: DescopeClient(clock=EmulatorClock(emulator.clock)),
        dpop="required",
        dpop_nonce_secret="s" * 32,
    )
    emulator.clock.freeze()  # so that no nonce ends meanwhile
    with (
        serving(descope.protect(make(descope))) as url,
        httpx.Client(base_url=url, headers=ACCEPT, trust_env=False, timeout=120) as http,
    ):

        def post(nonce: str | None) -> httpx.Response:
            headers = key.headers(token, "POST", RESOURCE, nonce=nonce)
            return http.post("/mcp", headers=headers, json=INITIALIZE)

        refused = post(None)
        assert refused.status_code == 401
        assert 'error="use_dpop_nonce"' in refused.headers["WWW-Authenticate"]
        assert "resource_metadata=" in refused.headers["WWW-Authenticate"]
        nonce = refused.headers["DPoP-Nonce"]
        assert post(nonce).status_code == 200
        assert post("of-yesterday").headers["DPoP-Nonce"] == nonce
    with pytest.raises(ConfigurationError, match="32 characters"):
        DescopeMCP(RESOURCE, well_known=f"{HOST}/P1", dpop="mixed", dpop_nonce_secret="canary")
    with pytest.raises(ConfigurationError, match="is about proofs"):
        DescopeMCP(RESOURCE, well_known=f"{HOST}/P1", dpop_nonce_secret="s" * 32)


def test_a_server_within_another_application(
    make: Make, descope: DescopeMCP, callers: Callers
) -> None:
    within = make(descope)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with descope.running(), within.router.lifespan_context(within):
            yield

    async def own(_: Request) -> PlainTextResponse:
        return PlainTextResponse("the outer application's")

    routes = [Route("/own", own), Mount("/", descope.protect(within))]
    with (
        serving(Starlette(routes=routes, lifespan=lifespan)) as url,
        httpx.Client(base_url=url, headers=ACCEPT, trust_env=False, timeout=120) as http,
    ):
        assert http.get("/own").text == "the outer application's"
        created = callers.key(["reports:read"])
        who, _ = call_tool(http, bearer(callers.exchange(created.cleartext)))
        assert who == created.key.id
        refused = http.post("/mcp", headers=bearer("a.b.c"), json=INITIALIZE)
        assert refused.status_code == 401
        where = "/.well-known/oauth-protected-resource/mcp"
        assert where in refused.headers["WWW-Authenticate"]
        assert http.get(where).json()["resource"] == RESOURCE


def test_an_outage_is_503(
    make: Make, descope: DescopeMCP, emulator: Emulator, callers: Callers
) -> None:
    token = callers.token(["reports:read"])
    emulator.faults.add(Fault("status", "key_set", status=503))
    with serving(descope.protect(make(descope))) as url:
        answer = httpx.post(
            f"{url}/mcp", headers=bearer(token) | ACCEPT, json=INITIALIZE, trust_env=False
        )
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) >= 1


def test_the_verifier_alone(descope: DescopeMCP, emulator: Emulator, callers: Callers) -> None:
    created = callers.key(["reports:read"], custom_claims={"team": "a"})
    token = callers.exchange(created.cleartext)

    async def run() -> None:
        emulator.faults.add(Fault("status", "key_set", status=503))
        async with descope.running():
            with pytest.raises(KeySetUnavailable) as caught:
                await descope.verify_token(token)
            assert caught.value.retry_after is not None
            emulator.faults.clear()
            await asyncio.sleep(caught.value.retry_after)
            found = await descope.verify_token(token)
            assert found is not None
            assert found.client_id == created.key.id
            assert found.scopes == ["reports:read"]
            assert found.expires_at
            assert (found.claims or {})["team"] == "a"
            assert await descope.verify_token("a.b.c") is None
            assert await descope.verify_token("x" * 30) is None
            assert await descope.verify_token("\u00fc") is None

    asyncio.run(run())


@pytest.mark.parametrize("nonces", [None, "a-secret-of-32-characters-or-more"])
@pytest.mark.parametrize(
    ("dpop", "bound", "is_accepted"),
    [
        ("mixed", False, True),
        ("mixed", True, False),
        ("required", False, False),
        ("required", True, False),
    ],
)
def test_without_the_layer_no_bound_token_is_accepted(
    emulator: Emulator,
    callers: Callers,
    dpop: Proofs,
    bound: bool,
    is_accepted: bool,
    nonces: str | None,
) -> None:
    if bound:
        emulator.set_token_shape(TokenShape(thumbprint=ProofKey.generate().thumbprint))
    token = callers.client.token_source(callers.key().cleartext).token()
    known = f"{emulator.base_url}/v1/apps/{emulator.project_id}"
    alone = DescopeMCP(RESOURCE, well_known=known, dpop=dpop, dpop_nonce_secret=nonces)

    async def verify() -> bool:
        async with alone.running():
            return await alone.verify_token(token) is not None

    assert asyncio.run(verify()) is is_accepted


HOST = "https://api.descope.com"
OPENID = "/.well-known/openid-configuration"


@pytest.mark.parametrize(
    ("url", "issuer"),
    [
        (f"{HOST}/v1/apps/P1{OPENID}", f"{HOST}/v1/apps/P1"),
        (f"{HOST}/v1/apps/P1", f"{HOST}/v1/apps/P1"),
        (f"{HOST}/v1/apps/P1/tenant-1{OPENID}", f"{HOST}/v1/apps/P1/tenant-1"),
        (f"{HOST}/v1/apps/agentic/P1/M1{OPENID}", f"{HOST}/v1/apps/agentic/P1/M1"),
        (
            f"{HOST}/.well-known/oauth-authorization-server/v1/apps/agentic/P1/M1",
            f"{HOST}/v1/apps/agentic/P1/M1",
        ),
    ],
)
def test_issuers_are_read_from_well_known_urls(url: str, issuer: str) -> None:
    assert Issuers.of(url) == Issuers("P1", HOST, (issuer,))


@pytest.mark.parametrize(
    "url",
    [
        [],
        "api.descope.com/v1/apps/P1",
        f"{HOST}/v1/apps/agentic/P1",
        f"{HOST}/v1/apps/",
        f"{HOST}/v1/apps/P1?x=1",
        "https://user@api.descope.com/v1/apps/P1",
        [f"{HOST}/v1/apps/P1", f"{HOST}/v1/apps/P2"],
    ],
)
def test_what_is_no_issuer_of_descope(url: Any) -> None:
    with pytest.raises(ConfigurationError, match="well_known"):
        Issuers.of(url)


@pytest.mark.parametrize(
    "resource",
    [
        "mcp.example.com",
        "/mcp",
        "https://a.example/mcp?x=1",
        "https://[::1",
        "https://a\u2100b/mcp",
        None,
        b"https://a.example/mcp",
    ],
)
def test_a_resource_that_cannot_be_right(resource: Any) -> None:
    with pytest.raises(ConfigurationError, match="resource"):
        DescopeMCP(resource, well_known=f"{HOST}/v1/apps/P1")


@pytest.mark.parametrize("client", [5, 0, "", "P1"])
def test_what_is_no_client_is_refused_at_once(client: Any) -> None:
    with pytest.raises(ConfigurationError, match="client must be a DescopeClient of descope_async"):
        DescopeMCP("https://a.example/mcp", well_known=f"{HOST}/v1/apps/P1", client=client)


def test_an_object_of_a_module_can_be_mocked_before_the_application_starts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    idle = DescopeMCP(RESOURCE, well_known="https://api.descope.com/v1/apps/P1")
    monkeypatch.setitem(sys.modules, "fastmcp.server", None)  # as where it is not installed
    assert isinstance(mock.create_autospec(idle), DescopeMCP)
    with pytest.raises(NotConfigured, match="fastmcp_auth needs the package fastmcp"):
        _ = idle.fastmcp_auth
