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
from rest_framework.response import Response
from rest_framework.views import APIView

from descope_async import ConfigurationError, ProofKey
from descope_async.emulator import TokenShape
from descope_async.testing import EmulatorClock
from descope_sync.emulator import Emulator
from descope_sync.integrations.django import access_key_required
from descope_sync.integrations.django.drf import DescopeAuthentication, HasAccess
from descope_sync.integrations.django.testing import on_local
from tests.django.callers import Callers
from tests.tracebacks import shown

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
def demanding(site: dict[str, Any], local: Emulator) -> Any:
    """The site demands nonces, and its time stands still, so that none of them ends meanwhile."""
    client = {"clock": EmulatorClock(local.clock)}
    found = {**site, "DPOP": "mixed", "DPOP_NONCE_SECRET": SECRET, "CLIENT": client}
    local.clock.freeze()
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


#: Each is wrong beside secrets that are right, or is a secret that is wrong.
WRONG: list[tuple[dict[str, Any], str]] = [
    ({"ACCEPT": "x"}, r"settings\.DESCOPE\['ACCEPT'\] must"),
    ({"AUDIENCE": 5}, r"settings\.DESCOPE\['AUDIENCE'\] must"),
    ({"CLIENT": 5}, r"settings\.DESCOPE\['CLIENT'\] must be a dict"),
    ({"CLIENT": {"header": {}}}, "did you mean 'headers'"),
    ({"DPOP": "x"}, r"settings\.DESCOPE\['DPOP'\] must"),
    ({"DPOP": None}, r"settings\.DESCOPE\['DPOP_NONCE_SECRET'\] is about proofs"),
    ({"DPOP_NONCE_SECRET": "canary"}, r"settings\.DESCOPE\['DPOP_NONCE_SECRET'\] must"),
    ({"DPOP_NONCE_SECRETS": SECRET}, "did you mean 'DPOP_NONCE_SECRET'"),
    ({"ORIGIN": 5}, r"settings\.DESCOPE\['ORIGIN'\] must"),
    ({"LEEWAY": "x"}, "leeway"),
    ({"MANAGEMENT_KEY": "canary\nkey"}, "management_key"),
    ({"AUTH_MANAGEMENT_KEY": "canary\nkey"}, "management_key"),
    ({"BASE_URL": "x"}, "base_url"),
]


@pytest.mark.parametrize("middleware", [True, False])
@pytest.mark.parametrize(("wrong", "why"), WRONG)
def test_a_wrong_setting_is_named_and_no_frame_shows_the_secrets_beside_it(
    site: dict[str, Any], wrong: dict[str, Any], why: str, middleware: bool, token: str
) -> None:
    secrets = {"MANAGEMENT_KEY": SECRET, "DPOP_NONCE_SECRET": SECRET}
    given = {
        **site,
        "DPOP": "mixed",
        "CLIENT": {"headers": {"X-Api-Key": SECRET}},
        **secrets,
        **wrong,
    }
    headers = {"Authorization": f"DPoP {token}", "DPoP": "a.b.c"}
    with override_settings(DESCOPE=given, **({} if middleware else {"MIDDLEWARE": []})):
        with pytest.raises(ConfigurationError, match=why) as caught:
            Client(headers=headers).get("/view")
        assert "canary" not in shown(caught.value, without=__file__)
        with override_settings(DEBUG=True):
            page = Client(headers=headers, raise_request_exception=False).get("/view")
    assert page.status_code == 500
    assert "ConfigurationError" in page.content.decode()
    assert "canary" not in page.content.decode()


def test_a_test_that_fails_on_a_local_descope_shows_no_secret(local: Emulator) -> None:
    with pytest.raises(ZeroDivisionError) as caught, on_local(local):
        _ = 1 / 0
    assert "canary" not in shown(caught.value, without=__file__)
    assert local.management_key not in shown(caught.value, without=__file__)
