"""Settings that are wrong, transactions around every request, and answers that go on after their view."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from django.db import connection
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.test import AsyncClient, Client, override_settings
from django.urls import path

from descope_async import ConfigurationError
from descope_sync.integrations.django import access_key_required, current_caller
from tests.django.callers import Callers


@access_key_required(permissions=["reports:read"])
def writing(_: HttpRequest) -> HttpResponse:
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO written VALUES (1)")
    raise ValueError("the view's own error")


@access_key_required()
async def streaming(request: Any) -> StreamingHttpResponse:
    session = await request.adescope()

    async def parts() -> AsyncIterator[bytes]:
        yield json.dumps({"noted": current_caller() is not None}).encode()
        yield b"\n"
        yield session.key_id.encode()

    return StreamingHttpResponse(parts())


urlpatterns = [path("writing", writing), path("streaming", streaming)]


@pytest.fixture
def own_urls() -> Iterator[None]:
    with override_settings(ROOT_URLCONF=__name__):
        yield


@pytest.fixture
def atomic() -> Iterator[Callable[[], int]]:
    """Lets every request be a transaction, and counts what was written."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE written (number INTEGER)")
    connection.settings_dict["ATOMIC_REQUESTS"] = True

    def count() -> int:
        with connection.cursor() as cursor:
            cursor.execute("SELECT COUNT(*) FROM written")
            row: tuple[int] = cursor.fetchone()
            return row[0]

    yield count
    connection.settings_dict["ATOMIC_REQUESTS"] = False
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE written")


@pytest.mark.usefixtures("own_urls")
def test_transactions_around_requests(
    web: Client, callers: Callers, atomic: Callable[[], int]
) -> None:
    assert web.get("/writing").status_code == 401
    assert web.get("/writing", headers=callers.headers(["Biller"])).status_code == 403
    with pytest.raises(ValueError, match="the view's own"):
        web.get("/writing", headers=callers.headers(["Reader"]))
    assert atomic() == 0
    assert current_caller() is None


@pytest.mark.usefixtures("own_urls")
async def test_an_answer_that_goes_on_after_its_view(
    aweb: AsyncClient, reader: dict[str, str]
) -> None:
    answer: Any = await aweb.get("/streaming", headers=reader)
    sent = b"".join([part async for part in answer.streaming_content])
    noted, _, key_id = sent.partition(b"\n")
    assert json.loads(noted) == {"noted": False}  # the request has ended for the log
    assert key_id.startswith(b"K")


@pytest.mark.parametrize(
    ("described", "said"),
    [
        ({"PROJET_ID": "P1"}, "did you mean 'PROJECT_ID'"),
        ({"PROJECT_ID": "P1", "ACCEPT": "cookies"}, "must name one or more of session_token"),
        ({"PROJECT_ID": "P1", "CLIENT": {"timeout": 1}}, "did you mean 'timeouts'"),
        ({"PROJECT_ID": "P1", "CLIENT": [1]}, "must be a dict"),
        ({}, "project"),
    ],
)
@pytest.mark.parametrize("url", ["/reports", "/areports"])
def test_settings_that_are_wrong_are_the_sites_own_error(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    described: dict[str, Any],
    said: str,
    url: str,
    callers: Callers,
) -> None:
    headers = callers.headers()
    monkeypatch.delenv("DESCOPE_PROJECT_ID", raising=False)
    caplog.set_level(logging.ERROR, "django.request")
    quiet = Client(raise_request_exception=False)
    with override_settings(DESCOPE=described):
        answer = quiet.get(url, headers=headers)
        assert answer.status_code == 500
        with pytest.raises(ConfigurationError, match=said):
            Client().get(url, headers=headers)
    assert said not in answer.content.decode()
