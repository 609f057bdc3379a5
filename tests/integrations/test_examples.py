"""The examples of docs/examples, run as a reader would run them."""

from __future__ import annotations

import importlib.util
import logging
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import httpx
import pytest

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
