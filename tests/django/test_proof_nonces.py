"""Nonces that a site demands in DPoP proofs (RFC 9449, 9)."""

from __future__ import annotations

import sys
from typing import Any

import pytest

pytest.importorskip("django", reason="Django is not installed; the session django has it")

from django.core.checks import run_checks
from django.http import HttpRequest, JsonResponse
from django.test import AsyncClient, Client, override_settings
from django.urls import path
from django.views.debug import SafeExceptionReporterFilter
from rest_framework.response import Response
from rest_framework.views import APIView

from descope_async import ProofKey
from descope_async.emulator import TokenShape
from descope_sync.emulator import Emulator
from descope_sync.integrations.django import access_key_required
from descope_sync.integrations.django.drf import DescopeAuthentication, HasAccess
from tests.django.callers import Callers

SECRET = "canary-of-a-secret-of-32-characters"


class Reports(APIView):
    authentication_classes = (DescopeAuthentication,)
    permission_classes = (HasAccess.of(),)

    def get(self, _: Any) -> Response:
        return Response({})


@access_key_required()
def view(_: HttpRequest) -> JsonResponse:
    return JsonResponse({})


@access_key_required()
async def aview(_: HttpRequest) -> JsonResponse:
    return JsonResponse({})


urlpatterns = [path("view", view), path("aview", aview), path("api", Reports.as_view())]


@pytest.fixture
def key() -> ProofKey:
    """The key of a caller."""
    return ProofKey.generate()


@pytest.fixture
def token(local: Emulator, callers: Callers, key: ProofKey) -> str:
    """A session token that is bound to the key."""
    local.set_token_shape(TokenShape(thumbprint=key.thumbprint))
    return callers.client.token_source(callers.key()).token()


@pytest.fixture(autouse=True)
def demanding(site: dict[str, Any]) -> Any:
    found = {**site, "DPOP": "mixed", "DPOP_NONCE_SECRET": SECRET}
    with override_settings(DESCOPE=found, ROOT_URLCONF=sys.modules[__name__]):
        yield


@pytest.mark.parametrize("middleware", [True, False])
@pytest.mark.parametrize("place", ["/view", "/aview", "/api"])
def test_a_nonce_is_demanded_where_there_is_a_secret_for_it(
    place: str, middleware: bool, token: str, key: ProofKey
) -> None:
    url = f"http://testserver{place}"
    with override_settings(**({} if middleware else {"MIDDLEWARE": []})):
        refused = Client().get(place, headers=key.headers(token, "GET", url))
        assert refused.status_code == 401
        assert 'error="use_dpop_nonce"' in refused.headers["WWW-Authenticate"]
        nonce = refused.headers["DPoP-Nonce"]
        good = key.headers(token, "GET", url, nonce=nonce)
        assert Client().get(place, headers=good).status_code == 200
        replayed = Client().get(place, headers=good)
        assert 'error="invalid_dpop_proof"' in replayed.headers["WWW-Authenticate"]
        assert "DPoP-Nonce" not in replayed.headers
        stale = key.headers(token, "GET", url, nonce="of-yesterday")
        assert Client().get(place, headers=stale).headers["DPoP-Nonce"] == nonce


async def test_async_sites_demand_the_same(token: str, key: ProofKey) -> None:
    url = "http://testserver/aview"
    refused = await AsyncClient().get("/aview", headers=key.headers(token, "GET", url))
    assert refused.status_code == 401
    good = key.headers(token, "GET", url, nonce=refused.headers["DPoP-Nonce"])
    assert (await AsyncClient().get("/aview", headers=good)).status_code == 200


def test_tokens_that_are_not_bound_need_none(reader: dict[str, str]) -> None:
    assert Client().get("/view", headers=reader).status_code == 200


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"DPOP": "mixed", "DPOP_NONCE_SECRET": "too short"}, "32 characters"),
        ({"DPOP": "mixed", "DPOP_NONCE_SECRET": 5}, "32 characters"),
        ({"DPOP_NONCE_SECRET": SECRET}, "is about proofs"),
    ],
)
def test_a_secret_that_cannot_be_right_is_told_by_check(settings: dict[str, Any], why: str) -> None:
    with override_settings(DESCOPE={"PROJECT_ID": "P1", **settings}):
        (message,) = [each for each in run_checks() if each.id == "descope.E001"]
    assert why in message.msg
    assert "canary" not in message.msg


def test_a_debug_page_shows_no_secret() -> None:
    assert "canary" not in repr(SafeExceptionReporterFilter().get_safe_settings())
