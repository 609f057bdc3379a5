"""The pytest plugin in the tests of a Django site, in runs of pytest of their own."""

from __future__ import annotations

import textwrap
from collections.abc import Callable

import pytest

pytest.importorskip("pytest_django", reason="pytest-django is not installed")
pytest.importorskip("rest_framework", reason="Django REST framework is not installed")
pytest.importorskip("requests", reason="requests is not installed")

pytest_plugins = ["pytester"]

SETTINGS = """
SECRET_KEY = "only for tests"
ROOT_URLCONF = "urls"
ALLOWED_HOSTS = ["*"]
STATIC_URL = "/static/"  # which LiveServerTestCase needs
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "descope_sync.integrations.django",
]
MIDDLEWARE = ["descope_sync.integrations.django.DescopeMiddleware"]
# Tests must not get there, whatever the settings say.
DESCOPE = {"PROJECT_ID": "Pproduction", "BASE_URL": "http://127.0.0.1:9"}
"""
URLS = """
from django.http import HttpResponse
from django.urls import path
from rest_framework.response import Response
from rest_framework.views import APIView

from descope_sync.integrations.django import access_key_required
from descope_sync.integrations.django.drf import DescopeAuthentication, HasAccess


@access_key_required(permissions=["reports:read"])
def reports(request):
    return HttpResponse("reports")


@access_key_required(permissions=["reports:read"], max_age=60)
async def areports(request):
    return HttpResponse("reports")


class Reports(APIView):
    authentication_classes = [DescopeAuthentication]
    permission_classes = [HasAccess.of("reports:read")]

    def get(self, request):
        return Response("reports")


urlpatterns = [
    path("reports", reports),
    path("areports", areports),
    path("api/reports", Reports.as_view()),
]
"""
FUNCTIONS = """
import pytest
from rest_framework.test import APIClient


def test_client(client, descope_headers):
    answer = client.get("/reports", headers=descope_headers(permissions=["reports:read"]))
    assert answer.status_code == 200


def test_the_next_test_has_another_project(client, descope_project):
    assert client.get("/reports", headers=descope_project.headers()).status_code == 403
    for headers in (descope_project.expired_headers(), descope_project.forged_headers()):
        assert client.get("/reports", headers=headers).status_code == 401


def test_an_outage(client, descope_unreachable):
    with descope_unreachable(permissions=["reports:read"]) as headers:
        assert client.get("/reports", headers=headers).status_code == 503


def test_rest_framework(descope_headers):
    answer = APIClient().get("/api/reports", headers=descope_headers(permissions=["reports:read"]))
    assert answer.status_code == 200


@pytest.mark.asyncio
async def test_async_client(async_client, descope_headers, descope_clock):
    headers = descope_headers(permissions=["reports:read"])
    assert (await async_client.get("/areports", headers=headers)).status_code == 200
    descope_clock.advance(61)
    assert (await async_client.get("/areports", headers=headers)).status_code == 401
"""
CLASSES = """
import pytest
import requests
from django.contrib.auth.models import User
from django.test import LiveServerTestCase, TestCase
from rest_framework.test import APITestCase


@pytest.mark.usefixtures("descope_project")
class TestReports(TestCase):
    def test_readers_may(self):
        headers = self.descope.headers(permissions=["reports:read"])
        assert self.client.get("/reports", headers=headers).status_code == 200
        User.objects.create_user("ada")

    def test_others_may_not(self):
        assert self.client.get("/reports", headers=self.descope.headers()).status_code == 403
        assert not User.objects.exists()


@pytest.mark.usefixtures("descope_project")
class TestServed(LiveServerTestCase):
    def test_readers_may(self):
        headers = self.descope.headers(permissions=["reports:read"])
        url = self.live_server_url
        assert requests.get(f"{url}/reports", headers=headers, timeout=120).status_code == 200
        assert requests.get(f"{url}/areports", headers=headers, timeout=120).status_code == 200


@pytest.mark.usefixtures("descope_project")
class TestApi(APITestCase):
    def test_readers_may(self):
        headers = self.descope.headers(permissions=["reports:read"])
        assert self.client.get("/api/reports", headers=headers).status_code == 200
"""

Run = Callable[..., pytest.RunResult]


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run pytest in the site's folder, without this run's settings."""
    for name in ("PYTEST_ADDOPTS", "PYTEST_PLUGINS"):
        monkeypatch.delenv(name, raising=False)
    pytester.makeini(
        "[pytest]\naddopts = -p no:cacheprovider\npythonpath = .\nDJANGO_SETTINGS_MODULE = settings\n"
    )
    pytester.makepyfile(
        settings=SETTINGS, urls=URLS, test_functions=FUNCTIONS, test_classes=CLASSES
    )

    def start(*arguments: str) -> pytest.RunResult:
        return pytester.runpytest_subprocess(*arguments, timeout=150)

    return start


@pytest.mark.parametrize("workers", [[], ["-n", "2"]], ids=["alone", "xdist"])
def test_the_tests_of_a_site(run: Run, workers: list[str]) -> None:
    pytest.importorskip("pytest_asyncio", reason="pytest-asyncio is not installed")
    run(*workers).assert_outcomes(passed=9)


def test_without_the_plugin_of_django(pytester: pytest.Pytester) -> None:
    """A project that uses no Django is not told of it."""
    pytester.makepyfile(
        textwrap.dedent("""
        import sys

        def test_nothing(descope_headers):
            assert descope_headers()
            assert "django" not in sys.modules
        """)
    )
    result = pytester.runpytest_subprocess("-p", "no:django", "-p", "no:cacheprovider", timeout=120)
    result.assert_outcomes(passed=1)
