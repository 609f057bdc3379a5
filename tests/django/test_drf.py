"""Django REST framework: authentication, permissions, throttling and OpenAPI."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.test import Client, override_settings
from django.urls import path
from django.views.decorators.cache import cache_page

pytest.importorskip("rest_framework", reason="Django REST framework is not installed")

from rest_framework.authentication import SessionAuthentication
from rest_framework.generics import GenericAPIView
from rest_framework.permissions import SAFE_METHODS, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer
from rest_framework.test import APIClient
from rest_framework.views import APIView

from descope_async.emulator import Fault
from descope_sync.emulator import Emulator
from descope_sync.integrations.django import current_caller
from descope_sync.integrations.django.drf import (
    AccessKeyThrottle,
    DescopeAuthentication,
    HasAccess,
)
from tests.django.callers import Callers


class Reports(APIView):
    authentication_classes = (DescopeAuthentication, SessionAuthentication)
    permission_classes = (HasAccess.of("reports:read"),)

    def get(self, request: Request) -> Response:
        user: Any = request.user
        session: Any = request.auth
        return Response(
            {
                "pk": user.pk,
                "name": str(user),
                "may": user.has_perm("reports:read"),
                "key": session.key_id,
            }
        )

    def post(self, _: Request) -> Response:
        return Response({})


class Bills(APIView):
    authentication_classes = (DescopeAuthentication,)
    permission_classes = (HasAccess.of(roles=["Biller"], tenant="tenant_id"),)

    def get(self, _: Request, tenant_id: str) -> Response:
        return Response({"tenant": tenant_id})


class Limited(APIView):
    authentication_classes = (DescopeAuthentication,)
    permission_classes = (IsAuthenticated,)
    throttle_classes = (AccessKeyThrottle,)

    def get(self, _: Request) -> Response:
        return Response({})


class ReadByAll(HasAccess):
    """Everybody may read, and callers with rights may write."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        return request.method in SAFE_METHODS or super().has_permission(request, view)


class Notes(GenericAPIView[Any]):
    serializer_class = Serializer
    authentication_classes = (DescopeAuthentication,)
    permission_classes = (ReadByAll.of("reports:write"),)

    def post(self, _: Request) -> Response:
        return Response({})


class Writing(APIView):
    permission_classes = (IsAuthenticated,)

    def post(self, request: Request) -> Response:
        return Response({"user": str(request.user)})


def signed_in(get_response: Callable[[HttpRequest], HttpResponse]) -> Any:
    """A middleware that finds the user of a session, without a database."""

    def find(request: Any) -> HttpResponse:
        if settings.SESSION_COOKIE_NAME in request.COOKIES:
            request.user = User(username="somebody")
        return get_response(request)

    return find


urlpatterns = [
    path("api/writing", Writing.as_view()),
    path("api/notes", Notes.as_view()),
    path("api/reports", Reports.as_view()),
    path("api/cached", cache_page(60)(Reports.as_view())),
    path("api/t/<tenant_id>/bills", Bills.as_view()),
    path("api/limited", Limited.as_view()),
]

pytestmark = pytest.mark.usefixtures("site", "routes")


@pytest.fixture
def routes() -> Any:
    with override_settings(ROOT_URLCONF=sys.modules[__name__]):
        yield


def test_the_user_is_the_machine(reader: dict[str, str]) -> None:
    answer = APIClient().get("/api/reports", headers=reader)
    assert answer.status_code == 200
    assert answer.data["pk"] == answer.data["key"]
    assert answer.data["name"] == f"access key {answer.data['pk']}"
    assert answer.data["may"] is True


def test_without_the_middleware_nobody_stays_named_in_the_logs(reader: dict[str, str]) -> None:
    with override_settings(MIDDLEWARE=[]):
        for _ in range(2):
            assert APIClient().get("/api/reports", headers=reader).status_code == 200
            assert current_caller() is None


@pytest.mark.parametrize(
    ("header", "status"),
    [(None, 401), ("Basic dTpw", 401), ("Bearer a.b.c", 401), ("Bearer a.b.c, Bearer a.b.c", 400)],
)
def test_refusals_keep_their_status_and_challenge(header: str | None, status: int) -> None:
    headers = {"Authorization": header} if header else {}
    answer = APIClient().get("/api/reports", headers=headers)
    assert answer.status_code == status
    assert answer.headers["WWW-Authenticate"].startswith("Bearer ")


def test_lacking_rights_are_403(callers: Callers, reader: dict[str, str]) -> None:
    answer = APIClient().get("/api/reports", headers=callers.headers(["Biller"]))
    assert answer.status_code == 403
    assert 'scope="reports:read"' in answer.headers["WWW-Authenticate"]
    assert APIClient().get("/api/t/t1/bills", headers=reader).status_code == 403
    biller = callers.headers(tenants={"t1": ["Biller"]})
    assert APIClient().get("/api/t/t1/bills", headers=biller).data == {"tenant": "t1"}
    assert APIClient().get("/api/t/t2/bills", headers=biller).status_code == 403


@pytest.mark.parametrize("middleware", [True, False])
def test_a_refusal_that_nobody_is_answered_with_leaves_no_headers(
    reader: dict[str, str], middleware: bool
) -> None:
    with override_settings(**({} if middleware else {"MIDDLEWARE": []})):
        told = APIClient().options("/api/notes", headers=reader)
        assert told.status_code == 200
        assert "actions" not in told.data, "it has found out that POST is refused"
        assert {"WWW-Authenticate", "Cache-Control", "DPoP-Nonce"}.isdisjoint(told.headers)
        refused = APIClient().post("/api/notes", headers=reader)
        assert refused.status_code == 403
        assert refused.headers["Cache-Control"] == "no-store"
        assert 'scope="reports:write"' in refused.headers["WWW-Authenticate"]


@pytest.mark.parametrize("middleware", [True, False])
def test_a_cache_around_a_view_tells_callers_apart(
    site: dict[str, Any], callers: Callers, middleware: bool
) -> None:
    cache.clear()
    keys = {"ACCEPT": ["access_key", "session_token"], "ACCESS_KEY_HEADER": "X-Api-Key"}
    with override_settings(DESCOPE={**site, **keys}, **({} if middleware else {"MIDDLEWARE": []})):
        said = list[str]()
        for _ in range(2):
            headers = {"X-Api-Key": callers.key(["Reader"])}
            answer = APIClient().get("/api/cached", headers=headers)
            said.append(answer.data["pk"])
            assert answer.headers["Vary"].split(", ").count("X-Api-Key") == 1
        assert said[0] != said[1]
        assert APIClient().get("/api/cached").status_code == 401


def test_an_outage_is_503(local: Emulator, reader: dict[str, str]) -> None:
    local.faults.add(Fault("status", "key_set"))
    answer = APIClient().get("/api/reports", headers=reader)
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0


@pytest.mark.parametrize("middleware", [True, False])
@pytest.mark.parametrize(
    "classes",
    [
        (DescopeAuthentication, SessionAuthentication),
        (SessionAuthentication, DescopeAuthentication),
    ],
)
def test_who_is_known_by_a_session_needs_a_csrf_token(
    reader: dict[str, str],
    middleware: bool,
    classes: tuple[Any, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Writing, "authentication_classes", classes)
    names = [name for name in settings.MIDDLEWARE if middleware or "descope" not in name]
    with override_settings(MIDDLEWARE=[*names, f"{__name__}.signed_in"]):
        web = APIClient(enforce_csrf_checks=True)
        assert web.post("/api/writing", headers=reader).status_code == 200
        web.cookies[settings.SESSION_COOKIE_NAME] = "of-somebody"
        assert web.post("/api/writing").status_code == 403
        answer = web.post("/api/writing", headers=reader)
        if classes[0] is DescopeAuthentication:
            assert answer.data["user"].startswith("access key ")
        else:
            assert answer.status_code == 403
            assert "CSRF" in answer.data["detail"]


def test_a_token_needs_no_csrf_token(reader: dict[str, str]) -> None:
    strict = APIClient(enforce_csrf_checks=True)
    assert strict.post("/api/reports", headers=reader).status_code == 200


def test_each_access_key_has_a_limit_of_its_own(callers: Callers) -> None:
    cache.clear()
    first, second = callers.headers(), callers.headers()
    seen = [APIClient().get("/api/limited", headers=first).status_code for _ in range(3)]
    assert seen == [200, 200, 429]
    assert APIClient().get("/api/limited", headers=second).status_code == 200


def test_openapi_names_the_scheme() -> None:
    pytest.importorskip("drf_spectacular", reason="drf-spectacular is not installed")
    from drf_spectacular import generators

    import descope_sync.integrations.django.spectacular  # noqa: F401 - as the app does where it is installed

    generator: Any = generators.SchemaGenerator  # which has no types
    schema = generator(patterns=urlpatterns).get_schema(public=True)
    scheme = schema["components"]["securitySchemes"]["DescopeAccessKey"]
    assert (scheme["type"], scheme["scheme"], scheme["bearerFormat"]) == ("http", "bearer", "JWT")
    assert {"DescopeAccessKey": []} in schema["paths"]["/api/limited"]["get"]["security"]


def test_plain_views_answer_as_well(web: Client) -> None:
    with override_settings(ROOT_URLCONF="tests.django.site"):
        assert web.get("/reports").status_code == 401
