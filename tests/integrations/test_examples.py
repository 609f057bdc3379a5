"""The examples of docs/examples, run as a reader would run them."""

from __future__ import annotations

import asyncio
import importlib.util
import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import httpx
import pytest

from descope_async import DescopeClient
from descope_sync.emulator import Emulator
from tests.integrations.services import Callers, bearer, serving

EXAMPLES = Path(__file__).parents[2] / "docs/examples"


def load(name: str) -> ModuleType:
    """An example as a module, imported anew."""
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def access_log() -> Iterator[logging.Logger]:
    logger = logging.getLogger("uvicorn.access")
    before = list(logger.handlers), logger.level
    logger.setLevel(logging.INFO)
    yield logger
    logger.handlers[:] = before[0]
    logger.setLevel(before[1])


def test_machine_client(callers: Callers, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("fastapi", reason="the extra fastapi is not installed")
    created = callers.key(["reports:read"])
    monkeypatch.setenv("REPORTS_ACCESS_KEY", created.cleartext)
    with serving(load("fastapi_service").app) as url:
        monkeypatch.setenv("REPORTS_URL", url)
        done = subprocess.run(
            [sys.executable, EXAMPLES / "machine_client.py"],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    assert done.stderr == ""
    assert done.stdout == f"{{'for': '{created.key.id}'}}\n"


async def test_mcp_server(
    callers: Callers, emulator: Emulator, monkeypatch: pytest.MonkeyPatch, unused_port: int
) -> None:
    mcp = pytest.importorskip("mcp", reason="the extra mcp is not installed")
    if not hasattr(mcp, "Client"):
        pytest.skip("the example is for mcp 2")
    httpx2 = pytest.importorskip("httpx2", reason="the extra httpx2 is not installed")
    from mcp.client.streamable_http import streamable_http_client

    from descope_async.integrations.httpx2 import TokenAuth

    known = f"{emulator.base_url}/v1/apps/{emulator.project_id}/.well-known/openid-configuration"
    url = f"http://127.0.0.1:{unused_port}/mcp"
    monkeypatch.setenv("DESCOPE_WELL_KNOWN_URL", known)
    monkeypatch.setenv("MCP_URL", url)
    created = await asyncio.to_thread(callers.key, ["reports:read"])
    with serving(load("mcp_server").app, port=unused_port):
        async with DescopeClient() as client:
            source = client.token_source(created.cleartext)
            async with (
                httpx2.AsyncClient(auth=TokenAuth(source, url[:-4]), trust_env=False) as http,
                mcp.Client(streamable_http_client(url, http_client=http)) as caller,
            ):
                said = await caller.call_tool("whoami", {})
    assert said.content[0].text == created.key.id


def test_fastapi_service(
    callers: Callers, access_log: logging.Logger, capfd: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("fastapi", reason="the extra fastapi is not installed")
    service = load("fastapi_service")
    callers.emulator.create_tenant("t1")
    callers.emulator.create_role("Biller", ["bills:read"])
    biller = callers.client.mgmt.access_key.create(
        "biller", key_tenants=[{"tenant_id": "t1", "role_names": ["Biller"]}]
    )
    reader = callers.key(["reports:read"])
    reading, billing = (bearer(callers.exchange(each.cleartext)) for each in (reader, biller))
    with serving(service.app) as url, httpx.Client(base_url=url, trust_env=False) as http:
        assert http.get("/ready").json() == {"ready": True}
        assert http.get("/reports").status_code == 401
        assert http.get("/reports", headers=reading).json() == {"for": reader.key.id}
        assert http.get("/reports", headers=billing).status_code == 403
        bills = http.get("/t/t1/bills", headers=billing)
        assert bills.json() == {"for": biller.key.id, "tenant": "t1"}
        assert http.get("/t/t2/bills", headers=billing).status_code == 403
        assert http.get("/t/t1/bills", headers=reading).status_code == 403
        answers = http.get("/openapi.json").json()["paths"]["/reports"]["get"]["responses"]
        assert {"200", "401", "403"} <= set(answers)
    assert access_log.handlers
    assert f"{biller.key.id} t1 " in capfd.readouterr().err
