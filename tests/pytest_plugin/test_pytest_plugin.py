"""The pytest plugin, in runs of pytest of their own."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from typing import Any

import pytest

pytest_plugins = ["pytester"]

Run = Callable[..., pytest.RunResult]


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run pytest on these tests in a process of its own, without this run's settings."""
    for name in ("PYTEST_ADDOPTS", "PYTEST_PLUGINS"):
        monkeypatch.delenv(name, raising=False)

    def start(tests: str, *arguments: str, ini: str = "", **files: str) -> pytest.RunResult:
        pytester.makeini(f"[pytest]\naddopts = -p no:cacheprovider -p no:django\n{ini}")
        for name, text in files.items():
            pytester.makepyfile(**{name: textwrap.dedent(text)})
        pytester.makepyfile(test_it=textwrap.dedent(tests))
        return pytester.runpytest_subprocess(*arguments, timeout=120)

    return start


def test_a_run_that_does_not_use_it_loads_nothing(run: Run) -> None:
    result = run(
        """
        import sys

        def test_nothing(pytestconfig):
            assert pytestconfig.pluginmanager.has_plugin("descope")
            loaded = {name.partition(".")[0] for name in sys.modules}
            assert loaded.isdisjoint({"aiohttp", "jose", "cryptography", "cattrs", "descope_sync"})
            assert "descope_async.emulator" not in sys.modules
        """,
        "-p",
        "no:asyncio",
        "-p",
        "no:anyio",
    )
    result.assert_outcomes(passed=1)


def test_blocking_tests(run: Run) -> None:
    result = run(
        """
        import os

        import pytest

        from descope_async import TokenExpired, SignatureInvalid, KeySetUnavailable, Unauthorized
        from descope_async.emulator import Fault

        PROJECTS = set()

        def bearer(headers):
            return headers["Authorization"].removeprefix("Bearer ")

        @pytest.mark.parametrize("number", range(2))
        def test_each_test_has_a_project_of_its_own(number, descope_project, sync_descope_client):
            assert descope_project.project_id not in PROJECTS
            PROJECTS.add(descope_project.project_id)
            assert os.environ["DESCOPE_PROJECT_ID"] == descope_project.project_id
            assert sync_descope_client.mgmt.access_key.search_all_access_keys() == []

        def test_after_it_the_environment_is_as_before():
            assert "DESCOPE_PROJECT_ID" not in os.environ

        def test_keys(sync_descope_client, descope_access_key):
            created = descope_access_key(permissions=["read"], description="d")
            session = sync_descope_client.exchange_access_key(created.cleartext)
            assert session.validate_permissions(["read"])
            in_tenant = descope_access_key(tenants={"t1": ["bill"], "t2": []}, name="x")
            session = sync_descope_client.exchange_access_key(in_tenant.cleartext)
            assert session.validate_tenant_permissions("t1", ["bill"])
            assert session.validate_tenant_permissions("t2", [])
            descope_access_key(tenants={"t1": ["bill"]})
            biller = descope_access_key(
                tenants={"t1": ["bill"]}, tenant_roles={"t1": ["Biller"], "t3": []}
            )
            session = sync_descope_client.exchange_access_key(biller.cleartext)
            assert session.validate_tenant_roles("t1", ["Biller"])
            assert session.validate_tenant_permissions("t1", ["bill"])
            assert not session.validate_tenant_roles("t2", [])
            assert set(session.tenants) == {"t1", "t3"}
            descope_access_key(roles=["Biller"])
            descope_access_key(roles=["Admin"])
            descope_access_key(roles=["Admin"])

        def test_headers(sync_descope_client, descope_project, descope_headers):
            check = sync_descope_client.validate_session
            assert check(bearer(descope_headers(permissions=["a"]))).permissions == ("a",)
            with pytest.raises(TokenExpired):
                check(bearer(descope_project.expired_headers()))
            with pytest.raises(SignatureInvalid):
                check(bearer(descope_project.forged_headers()))
            assert check(bearer(descope_headers()))

        def test_an_outage_meets_a_client_that_has_its_keys(
            sync_descope_client, descope_headers, descope_unreachable
        ):
            before = bearer(descope_headers())
            sync_descope_client.validate_session(before)
            with descope_unreachable(permissions=["a"]) as headers:
                with pytest.raises(KeySetUnavailable):
                    sync_descope_client.validate_session(bearer(headers))
                sync_descope_client.validate_session(before)

        def test_faults_are_counted_and_gone(
            sync_descope_client, descope_faults, descope_access_key, descope_requests
        ):
            key = descope_access_key().cleartext
            descope_requests.clear()
            descope_faults.add(Fault("status", "exchange", status=401))
            with pytest.raises(Unauthorized):
                sync_descope_client.exchange_access_key(key)
            assert descope_requests.count("exchange") == 1

        def test_they_are_gone(sync_descope_client, descope_access_key, descope_clock):
            sync_descope_client.exchange_access_key(descope_access_key().cleartext)
            key = descope_access_key(expire_time=descope_clock.stamp() + 60).cleartext
            descope_clock.advance(61)
            with pytest.raises(Unauthorized):
                sync_descope_client.exchange_access_key(key)

        def test_client_and_service_share_a_clock(
            sync_descope_client, descope_headers, descope_clock
        ):
            token = bearer(descope_headers())
            sync_descope_client.validate_session(token)
            descope_clock.advance(3600)
            with pytest.raises(TokenExpired):
                sync_descope_client.validate_session(token)
            sync_descope_client.validate_session(bearer(descope_headers()))

        def test_tokens_without_a_server(mint_token):
            from descope_sync import DescopeClient

            with DescopeClient(mint_token.project_id, public_key=mint_token.key_set) as client:
                session = client.validate_session(
                    mint_token(permissions=["read"], key_id="K7", team="a")
                )
                assert (session.key_id, session.permissions) == ("K7", ("read",))
                assert session.claims["team"] == "a"
                with pytest.raises(TokenExpired):
                    client.validate_session(mint_token.expired())
                with pytest.raises(SignatureInvalid):
                    client.validate_session(mint_token.forged(permissions=["admin"]))
                tenants = {"t1": {"permissions": ["pay"]}}
                session = client.validate_session(mint_token(tenants=tenants, roles=["R"]))
                assert session.validate_tenant_permissions("t1", ["pay"])
        """,
        "-W",
        "error",
        "-p",
        "no:asyncio",
    )
    result.assert_outcomes(passed=10)


ASYNC = """
    import pytest

    from descope_async import KeySetUnavailable

    {mark}

    async def test_awaited(descope_client, descope_access_key, descope_headers):
        created = descope_access_key(permissions=["read"])
        session = await descope_client.exchange_access_key(created.cleartext)
        assert session.validate_permissions(["read"])
        source = descope_client.token_source(created.cleartext)
        assert await source.token()

    async def test_an_outage(descope_client, descope_unreachable):
        await descope_client.refresh_key_set()
        with descope_unreachable() as headers:
            token = headers["Authorization"].partition(" ")[2]
            with pytest.raises(KeySetUnavailable):
                await descope_client.validate_session(token)
"""


def test_with_anyio(run: Run) -> None:
    tests = ASYNC.format(mark="pytestmark = pytest.mark.anyio")
    fixture = "import pytest\n@pytest.fixture\ndef anyio_backend():\n    return 'asyncio'\n"
    result = run(tests, "-p", "no:asyncio", "-W", "error", conftest=fixture)
    result.assert_outcomes(passed=2)


@pytest.mark.parametrize("scope", ["function", "session"])
def test_with_pytest_asyncio(run: Run, scope: str) -> None:
    pytest.importorskip("pytest_asyncio", reason="pytest-asyncio is not installed")
    ini = f"""asyncio_mode = auto
asyncio_default_test_loop_scope = {scope}
asyncio_default_fixture_loop_scope = {scope}
"""
    result = run(ASYNC.format(mark=""), "-p", "no:anyio", "-W", "error", ini=ini)
    result.assert_outcomes(passed=2)


def test_with_xdist(run: Run) -> None:
    result = run(
        """
        import pytest

        @pytest.mark.parametrize("number", range(6))
        def test_many(number, sync_descope_client, descope_access_key):
            assert sync_descope_client.exchange_access_key(descope_access_key().cleartext)
        """,
        "-n",
        "2",
        "-p",
        "no:asyncio",
        ini="descope_environment = true",
    )
    result.assert_outcomes(passed=6)


SETTINGS = """
    import os

    PROJECT, URL = os.environ["DESCOPE_PROJECT_ID"], os.environ["DESCOPE_BASE_URI"]
"""


def test_the_environment_is_set_before_anything_is_imported(run: Run) -> None:
    result = run(
        """
        import socket

        import settings
        from descope_sync import DescopeClient

        def test_it_starts_at_first_use(request):
            port = int(settings.URL.rpartition(":")[2])
            with socket.socket() as probe:
                assert probe.connect_ex(("127.0.0.1", port)) != 0
            project = request.getfixturevalue("descope_project")
            assert (project.project_id, project.base_url) == (settings.PROJECT, settings.URL)

        def test_all_share_its_project(descope_project, descope_headers):
            assert descope_project.project_id == settings.PROJECT
            with DescopeClient() as client:
                client.validate_session(descope_headers()["Authorization"].partition(" ")[2])
        """,
        "-p",
        "no:asyncio",
        ini="descope_environment = true",
        conftest="import settings\n",
        settings=SETTINGS,
    )
    result.assert_outcomes(passed=2)


@pytest.mark.parametrize("what", ["key", "token", "management_key"])
def test_a_logged_secret_fails_its_test(run: Run, what: str) -> None:
    result = run(
        f"""
        import logging

        import pytest

        pytestmark = pytest.mark.usefixtures("descope_no_secrets_logged")

        def test_careless(descope_project):
            key = descope_project.access_key().cleartext
            token = descope_project.token()
            management_key = descope_project.management_key
            logging.getLogger("app").debug("with %s", {what})

        def test_careful(descope_project, sync_descope_client):
            sync_descope_client.exchange_access_key(descope_project.access_key().cleartext)
            logging.getLogger("app").debug("for %s", descope_project.project_id)
        """,
        "--show-capture=no",
        "-p",
        "no:asyncio",
    )
    result.assert_outcomes(passed=2, errors=1)
    result.stdout.fnmatch_lines(["*a secret was logged by app: *test_it.py:*"])


def test_a_route_of_fastapi(run: Run) -> None:
    pytest.importorskip("fastapi", reason="the extra fastapi is not installed")
    result = run(
        """
        from typing import Annotated

        import pytest
        from fastapi import FastAPI
        from fastapi.testclient import TestClient

        from descope_async import SessionToken
        from descope_async.integrations.fastapi import DescopeAuth

        auth = DescopeAuth()
        app = FastAPI(lifespan=auth.lifespan)

        @app.get("/reports")
        async def reports(
            caller: Annotated[SessionToken, auth.require(permissions=["reports:read"])]
        ) -> str:
            return caller.key_id

        @pytest.fixture
        def http(descope_project):
            with TestClient(app) as client:
                yield client

        def test_reports(http, descope_headers):
            headers = descope_headers(permissions=["reports:read"])
            assert http.get("/reports", headers=headers).status_code == 200
            assert http.get("/reports", headers=descope_headers()).status_code == 403

        def test_bad_tokens(http, descope_project):
            assert http.get("/reports").status_code == 401
            for headers in (descope_project.expired_headers(), descope_project.forged_headers()):
                assert http.get("/reports", headers=headers).status_code == 401

        def test_the_service_is_down(http, descope_headers, descope_unreachable):
            warm = descope_headers(permissions=["reports:read"])
            assert http.get("/reports", headers=warm).status_code == 200
            with descope_unreachable(permissions=["reports:read"]) as headers:
                answer = http.get("/reports", headers=headers)
                assert answer.status_code == 503
                assert answer.headers["Retry-After"]
                assert http.get("/reports", headers=warm).status_code == 200
        """,
        "-p",
        "no:asyncio",
    )
    result.assert_outcomes(passed=3)


def test_with_pytest_django(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pytest_django", reason="pytest-django is not installed")
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "settings")
    django: dict[str, Any] = {
        "settings": SETTINGS + "\n    SECRET_KEY = 'only for tests'\n    ROOT_URLCONF = 'urls'\n",
        "urls": "urlpatterns = []\n",
    }
    result = run(
        """
        from django.conf import settings

        def test_settings(descope_project, client):
            assert settings.PROJECT == descope_project.project_id
            assert client.get("/").status_code == 404
        """,
        "-p",
        "no:asyncio",
        "-p",
        "django",
        "-p",
        "no:randomly",
        ini="descope_environment = true\npythonpath = .",
        **django,
    )
    result.assert_outcomes(passed=1)
