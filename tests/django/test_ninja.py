"""Django Ninja: auth callables for both kinds of operations."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from django.http import HttpRequest
from django.test import AsyncClient, Client, override_settings
from django.urls import path

pytest.importorskip("ninja", reason="Django Ninja is not installed")

from ninja import NinjaAPI

from descope_sync.integrations.django.ninja import AccessKeyAuth, AsyncAccessKeyAuth
from tests.django.callers import Callers

api = NinjaAPI()


@api.get("/reports", auth=AccessKeyAuth(permissions=["reports:read"]))
def reports(request: Any) -> dict[str, str]:
    return {"key": request.auth.key_id}


@api.get("/areports", auth=AsyncAccessKeyAuth(permissions=["reports:read"]))
async def areports(request: Any) -> dict[str, str]:
    return {"key": request.auth.key_id}


@api.get("/t/{tenant_id}/bills", auth=AccessKeyAuth(roles=["Biller"], tenant="tenant_id"))
def bills(request: HttpRequest, tenant_id: str) -> dict[str, str]:  # noqa: ARG001 - Ninja passes it
    return {"tenant": tenant_id}


urlpatterns = [path("ninja/", api.urls)]
pytestmark = pytest.mark.usefixtures("site", "routes")


@pytest.fixture
def routes() -> Any:
    with override_settings(ROOT_URLCONF=sys.modules[__name__]):
        yield


@pytest.mark.parametrize("url", ["/ninja/reports", "/ninja/areports"])
def test_lets_in_and_refuses(callers: Callers, reader: dict[str, str], url: str) -> None:
    assert Client().get(url, headers=reader).json()["key"].startswith("K")
    lacking = Client().get(url, headers=callers.headers())
    assert lacking.status_code == 403
    assert "insufficient_scope" in lacking.headers["WWW-Authenticate"]
    missing = Client().get(url)
    assert missing.status_code == 401
    assert missing.headers["WWW-Authenticate"] == 'Bearer realm="descope"'


async def test_awaits_natively(reader: dict[str, str]) -> None:
    answer = await AsyncClient().get("/ninja/areports", headers=reader)
    assert answer.status_code == 200


def test_a_tenant_in_the_url(callers: Callers) -> None:
    biller = callers.headers(tenants={"t1": ["Biller"]})
    assert Client().get("/ninja/t/t1/bills", headers=biller).json() == {"tenant": "t1"}
    assert Client().get("/ninja/t/t2/bills", headers=biller).status_code == 403


def test_openapi_names_the_scheme() -> None:
    schemes: Any = api.get_openapi_schema()["components"]["securitySchemes"]
    assert schemes["AccessKeyAuth"]["scheme"] == "bearer"
