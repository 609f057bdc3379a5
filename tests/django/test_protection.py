"""Views that only certain callers reach, by Django's own test clients."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.cache import cache
from django.test import AsyncClient, Client, RequestFactory, override_settings
from django.views.decorators.cache import cache_page
from django.views.decorators.vary import vary_on_headers

from descope_async.emulator import Fault
from descope_sync.emulator import Emulator
from descope_sync.integrations.django import access_key_required
from tests.django.callers import Callers
from tests.django.site import Reports, reports, untouched

BLOCKING = ["/reports", "/class"]
AWAITED = ["/areports", "/aclass"]


@pytest.mark.parametrize("url", BLOCKING + AWAITED)
def test_who_may_comes_in(web: Client, callers: Callers, url: str) -> None:
    answer = web.get(url, headers=callers.headers(["Reader"]))
    assert answer.status_code == 200
    assert json.loads(answer.content)["key"].startswith("K")


@pytest.mark.parametrize("url", BLOCKING + AWAITED)
async def test_who_may_comes_in_under_asgi(
    aweb: AsyncClient, reader: dict[str, str], url: str
) -> None:
    answer = await aweb.get(url, headers=reader)
    assert answer.status_code == 200


@pytest.mark.parametrize("url", BLOCKING + AWAITED)
def test_who_brings_nothing_is_told_how(web: Client, url: str) -> None:
    answer = web.get(url)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="descope"'
    assert answer.headers["Cache-Control"] == "no-store"
    assert json.loads(answer.content)["error"] == "unauthorized"


@pytest.mark.parametrize("middleware", [True, False])
@pytest.mark.parametrize("url", BLOCKING + AWAITED)
@pytest.mark.usefixtures("site")
def test_who_sends_data_is_told_the_same_and_needs_no_csrf_token(
    local: Emulator, callers: Callers, url: str, middleware: bool
) -> None:
    csrf = "django.middleware.csrf.CsrfViewMiddleware"
    with override_settings(**({} if middleware else {"MIDDLEWARE": [csrf]})):
        web = Client(enforce_csrf_checks=True)
        assert web.post(url).status_code == 401
        for token in (local.expired_token(), "a.b.c"):
            answer = web.post(url, headers={"Authorization": f"Bearer {token}"})
            assert answer.status_code == 401
            assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]
            assert json.loads(answer.content)["error"] == "invalid_token"
        assert web.post(url, headers=callers.headers()).status_code == 403
        assert web.post(url, headers=callers.headers(["Reader"])).status_code == 200
        assert b"CSRF" in web.post("/open").content  # every other view is as it was


@pytest.fixture(params=["Authorization", "X-Api-Key"])
def two(
    request: pytest.FixtureRequest, site: dict[str, Any], callers: Callers
) -> Iterator[list[dict[str, str]]]:
    """The headers of two callers, on a site that takes tokens and keys."""
    both = {"ACCEPT": ["access_key", "session_token"], "ACCESS_KEY_HEADER": "X-Api-Key"}
    cache.clear()
    with override_settings(DESCOPE={**site, **both}):
        yield [
            {"X-Api-Key": callers.key(["Reader"])}
            if request.param == "X-Api-Key"
            else callers.headers(["Reader"])
            for _ in range(2)
        ]


@pytest.mark.parametrize("url", [*BLOCKING, *AWAITED, "/lazy", "/alazy"])
def test_the_cache_of_the_site_tells_callers_apart(
    web: Client, two: list[dict[str, str]], url: str
) -> None:
    ours = "descope_sync.integrations.django.DescopeMiddleware"
    caches = [f"django.middleware.cache.{name}CacheMiddleware" for name in ("Update", "FetchFrom")]
    with override_settings(MIDDLEWARE=[caches[0], ours, caches[1]]):
        first, second = (json.loads(web.get(url, headers=each).content) for each in two)
        assert first["key"] != second["key"]
        assert json.loads(web.get(url, headers=two[0]).content) == first
        nobody = web.get(url)
        assert nobody.status_code == (200 if "lazy" in url else 401)
        assert first["key"] not in nobody.content.decode()


def test_a_cache_around_a_view_tells_callers_apart(two: list[dict[str, str]]) -> None:
    for view in (reports, Reports.as_view()):
        cached: Callable[..., Any] = cache_page(60)(view)
        requests = [RequestFactory().get("/cached", headers=headers) for headers in two]
        first, second = (cached(each).content for each in requests)
        assert first != second
        assert cached(RequestFactory().get("/cached")).status_code == 401


@pytest.mark.parametrize(
    ("own", "vary"),
    [
        ("Authorization", "Authorization, X-Api-Key"),
        ("Proxy-Authorization", "Proxy-Authorization, Authorization, X-Api-Key"),
        ("x-api-key,Cookie", "x-api-key, Cookie, Authorization"),
        ("*", "*"),
    ],
)
def test_what_a_view_itself_says_to_caches_is_completed(
    two: list[dict[str, str]], own: str, vary: str
) -> None:
    view = access_key_required()(vary_on_headers(*own.split(","))(untouched))
    assert view(RequestFactory().get("/", headers=two[0])).headers["Vary"] == vary


def test_answers_that_depend_on_no_caller_say_nothing_of_one(
    web: Client, site: dict[str, Any], reader: dict[str, str]
) -> None:
    assert "Vary" not in web.get("/open", headers=reader).headers
    assert web.get("/reports", headers=reader).headers["Vary"] == "Authorization"
    with override_settings(DESCOPE={**site, "DPOP": "mixed"}):
        assert web.get("/reports", headers=reader).headers["Vary"] == "Authorization, DPoP"


@pytest.mark.parametrize("url", BLOCKING + AWAITED)
def test_who_lacks_a_permission_is_told_which(web: Client, callers: Callers, url: str) -> None:
    answer = web.get(url, headers=callers.headers(["Biller"]))
    assert answer.status_code == 403
    assert 'scope="reports:read"' in answer.headers["WWW-Authenticate"]


@pytest.mark.parametrize(
    ("header", "status"),
    [
        ("Basic dTpw", 401),
        ("Bearer", 401),
        ("Bearer ", 401),
        ("Bearer not-a-token", 401),
        ("Bearer a.b.c", 401),
        ("Bearer a.b.c, Bearer a.b.c", 400),
        ("Bearer a b", 400),
        ("Bearer \u00e9.b.c", 400),
        ("DPoP a.b.c", 401),
    ],
)
@pytest.mark.parametrize("url", ["/reports", "/areports"])
def test_what_is_no_token_is_refused(web: Client, url: str, header: str, status: int) -> None:
    answer = web.get(url, headers={"Authorization": header})
    assert answer.status_code == status
    assert "WWW-Authenticate" in answer.headers
    assert header not in answer.content.decode()


@pytest.mark.usefixtures("site")
def test_a_token_elsewhere_is_ignored(web: Client, callers: Callers) -> None:
    token = callers.token(["Reader"])
    web.cookies["Authorization"] = f"Bearer {token}"
    assert web.get(f"/reports?access_token={token}").status_code == 401


def test_a_tenant_in_the_url(web: Client, callers: Callers) -> None:
    headers = callers.headers(tenants={"t1": ["Biller"], "t2": []})
    answer = web.get("/t/t1/bills", headers=headers)
    assert json.loads(answer.content) == {"tenant": "t1", "noted": "t1"}
    assert web.get("/t/t2/bills", headers=headers).status_code == 403
    assert web.get("/t/t3/bills", headers=headers).status_code == 403


def test_a_name_that_no_url_has_is_the_sites_own_error(web: Client, callers: Callers) -> None:
    with pytest.raises(Exception, match="no argument 'nowhere'"):
        web.get("/misnamed", headers=callers.headers())


@pytest.mark.parametrize("url", ["/fresh", "/afresh"])
def test_an_old_token_is_refused_where_a_fresh_one_is_wanted(
    web: Client, local: Emulator, callers: Callers, url: str
) -> None:
    headers = callers.headers()
    assert web.get(url, headers=headers).status_code == 200
    local.clock.move_to(local.clock.now() - 60, backwards=True)
    answer = web.get(url, headers=callers.headers())
    assert answer.status_code == 401
    assert 'max_age="30"' in answer.headers["WWW-Authenticate"]


@pytest.mark.parametrize("url", ["/reports", "/areports"])
def test_an_outage_is_503_and_not_401(
    web: Client, local: Emulator, reader: dict[str, str], url: str
) -> None:
    local.faults.add(Fault("status", "key_set"))
    answer = web.get(url, headers=reader)
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert "WWW-Authenticate" not in answer.headers


def test_browsers_get_a_page(web: Client) -> None:
    answer = web.get("/reports", headers={"Accept": "text/html,application/xhtml+xml"})
    assert answer.headers["Content-Type"].startswith("text/html")
    assert b"401 Unauthorized" in answer.content


def refusal_view(_: Any, refusal: Any) -> Any:
    from django.http import HttpResponse

    return HttpResponse("mine", status=refusal.status)


def test_a_site_may_answer_itself(site: dict[str, Any], web: Client) -> None:
    own = {**site, "REFUSAL_VIEW": "tests.django.test_protection.refusal_view"}
    with override_settings(DESCOPE=own):
        answer = web.get("/reports")
    assert answer.content == b"mine"
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="descope"'


def test_a_views_own_error_stays_its_own(web: Client, callers: Callers) -> None:
    with pytest.raises(ValueError, match="the view's own"):
        web.get("/failing", headers=callers.headers())


def test_a_streaming_answer(web: Client, callers: Callers) -> None:
    answer = web.get("/streamed", headers=callers.headers())
    assert b"".join(answer.streaming_content)[1:] == b"c"  # type: ignore[attr-defined]  # of a streaming response


def test_a_token_is_checked_once_for_each_request(
    web: Client, local: Emulator, callers: Callers
) -> None:
    headers = callers.headers(["Reader"])
    local.requests.clear()
    for _ in range(3):
        assert web.get("/reports", headers=headers).status_code == 200
    assert [each.operation for each in local.requests] == ["key_set"]


@pytest.mark.parametrize("url", ["/reports", "/areports"])
def test_raw_access_keys_where_they_are_accepted(
    site: dict[str, Any], web: Client, callers: Callers, local: Emulator, url: str
) -> None:
    key = callers.key(["Reader"])
    header = {"Authorization": f"Bearer {key}"}
    assert web.get(url, headers=header).status_code == 401
    accepting = {
        **site,
        "ACCEPT": ["session_token", "access_key"],
        "ACCESS_KEY_HEADER": "X-Api-Key",
    }
    with override_settings(DESCOPE=accepting):
        assert web.get(url, headers=header).status_code == 200
        assert web.get(url, headers={"X-Api-Key": key}).status_code == 200
        assert web.get(url, headers={**header, "X-Api-Key": key}).status_code == 400
        assert web.get(url, headers={"X-Api-Key": key + "0"}).status_code == 401
        token = callers.token(["Reader"])
        local.requests.clear()
        assert web.get(url, headers={"Authorization": f"Bearer {token}x"}).status_code == 401
        assert local.requests.count("exchange") == 0  # what has a token's form is never sent


def test_settings_count_when_they_are_used(web: Client, callers: Callers) -> None:
    headers = callers.headers(["Reader"])
    assert web.get("/reports", headers=headers).status_code == 200
    with override_settings(DESCOPE={"PROJECT_ID": "Pother", "BASE_URL": "http://127.0.0.1:9"}):
        assert web.get("/reports", headers=headers).status_code == 503
    assert web.get("/reports", headers=headers).status_code == 200
