"""``request.descope``, ``await request.adescope()``, and the way past Django's CSRF protection."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings
from django.core.exceptions import SynchronousOnlyOperation
from django.http import HttpRequest, HttpResponse
from django.test import AsyncClient, Client, RequestFactory, override_settings

from descope_sync.emulator import Emulator
from descope_sync.integrations.django import CallerFilter, DescopeMiddleware, current_caller
from tests.django.callers import Callers


def looking_later(get_response: Callable[[HttpRequest], HttpResponse]) -> Any:
    """A middleware that first looks at the caller when the request is answered."""

    def look(request: Any) -> HttpResponse:
        response = get_response(request)
        response["X-Key"] = request.descope.key_id
        return response

    return look


@pytest.mark.parametrize("url", ["/lazy", "/alazy"])
def test_tells_who_calls(web: Client, callers: Callers, url: str) -> None:
    assert json.loads(web.get(url).content) == {"key": None}
    assert json.loads(web.get(url, headers=callers.headers()).content)["key"]
    bad = web.get(url, headers={"Authorization": "Bearer a.b.c"})
    assert (bad.status_code, json.loads(bad.content)) == (200, {"key": None})


async def test_tells_who_calls_under_asgi(aweb: AsyncClient, reader: dict[str, str]) -> None:
    answer = await aweb.get("/alazy", headers=reader)
    assert json.loads(answer.content)["key"]


def test_asks_nobody_until_somebody_looks(web: Client, local: Emulator, callers: Callers) -> None:
    headers = callers.headers()
    local.requests.clear()
    assert web.get("/open", headers=headers).status_code == 200
    assert list(local.requests) == []


@pytest.mark.usefixtures("site")
def test_a_valid_credential_needs_no_csrf_token(callers: Callers) -> None:
    web = Client(enforce_csrf_checks=True)
    assert web.post("/open").status_code == 403
    assert web.post("/open", headers={"Authorization": "Bearer a.b.c"}).status_code == 403
    assert web.post("/open", headers=callers.headers()).status_code == 200


@pytest.mark.usefixtures("site")
def test_beside_the_cookie_of_a_session_it_needs_one(reader: dict[str, str]) -> None:
    web = Client(enforce_csrf_checks=True)
    web.cookies["theme"] = "dark"
    assert web.post("/open", headers=reader).status_code == 200
    web.cookies[settings.SESSION_COOKIE_NAME] = "of-somebody"
    assert web.post("/open", headers=reader).status_code == 403
    assert web.post("/reports", headers=reader).status_code == 200, "where only the caller counts"
    assert web.post("/guarded", headers=reader).status_code == 403
    web.cookies["csrftoken"] = token = "t" * 32
    assert web.post("/open", headers={**reader, "X-CSRFToken": token}).status_code == 200
    assert web.post("/guarded", headers={**reader, "X-CSRFToken": token}).status_code == 200


@pytest.mark.usefixtures("site")
async def test_a_valid_credential_needs_no_csrf_token_under_asgi(reader: dict[str, str]) -> None:
    web = AsyncClient(enforce_csrf_checks=True)
    assert (await web.post("/open")).status_code == 403
    assert (await web.post("/open", headers=reader)).status_code == 200


@pytest.mark.usefixtures("site")
async def test_a_loop_is_not_held_up(reader: dict[str, str]) -> None:
    request: Any = RequestFactory(headers=reader).get("/lazy")
    seen: list[str] = []

    async def view(_: HttpRequest) -> HttpResponse:
        with pytest.raises(SynchronousOnlyOperation, match="adescope"):
            bool(request.descope)
        assert await request.adescope()
        seen.append(request.descope.key_id)  # it is known by now
        return HttpResponse()

    await DescopeMiddleware(view)(request)  # type: ignore[misc]  # awaitable in this mode
    assert seen[0].startswith("K")


@pytest.mark.usefixtures("site")
def test_a_second_middleware_changes_nothing(callers: Callers) -> None:
    twice = ["descope_sync.integrations.django.DescopeMiddleware"] * 2
    with override_settings(MIDDLEWARE=twice):
        assert json.loads(Client().get("/lazy", headers=callers.headers()).content)["key"]


@pytest.mark.usefixtures("site")
def test_works_without_the_middleware(reader: dict[str, str]) -> None:
    with override_settings(MIDDLEWARE=[]):
        assert Client().get("/reports", headers=reader).status_code == 200
        assert Client().get("/areports", headers=reader).status_code == 200


def test_log_records_name_the_caller_and_no_other_request_sees_it(
    web: Client, callers: Callers
) -> None:
    record = logging.LogRecord("a", logging.INFO, "a", 1, "a", None, None)
    assert json.loads(web.get("/reports", headers=callers.headers(["Reader"])).content)["noted"]
    assert current_caller() is None
    assert CallerFilter().filter(record)
    assert record.__dict__["descope_key_id"] is None


def test_nobody_is_named_when_a_middleware_further_out_looks(
    web: Client, reader: dict[str, str]
) -> None:
    ours = "descope_sync.integrations.django.DescopeMiddleware"
    with override_settings(MIDDLEWARE=[f"{__name__}.looking_later", ours]):
        for _ in range(2):  # the end of the second must not bring the first's caller back
            assert web.get("/open", headers=reader).headers["X-Key"].startswith("K")
            assert current_caller() is None
        assert json.loads(web.get("/reports", headers=reader).content)["noted"]
        assert current_caller() is None


def test_nobody_is_named_when_a_streamed_answer_looks(web: Client, reader: dict[str, str]) -> None:
    for _ in range(2):
        parts = b"".join(web.get("/streamed-lazily", headers=reader).streaming_content)  # type: ignore[attr-defined]  # the stubs know no stream
        assert parts.endswith(b" nobody")
        assert current_caller() is None


@pytest.mark.usefixtures("site")
def test_a_caller_that_is_known_already_is_named(reader: dict[str, str]) -> None:
    request = RequestFactory(headers=reader).get("/")
    seen: list[str] = []

    def view(request: Any) -> HttpResponse:
        assert request.descope
        caller = current_caller()
        seen.append("nobody" if caller is None else caller.session.key_id)
        return HttpResponse()

    for _ in range(2):  # as when a view hands its request to another one
        DescopeMiddleware(view)(request)
        assert current_caller() is None
    assert seen[0] == seen[1] != "nobody"
