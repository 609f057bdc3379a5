"""The answers to refused requests."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from http import HTTPStatus
from typing import Final, cast

from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.utils.module_loading import import_string

from descope_async.integrations.admission import Refusal

from ._settings import site

_PAGE: Final = "<!doctype html><title>{title}</title><h1>{title}</h1><p>{text}</p>"


def answer(request: HttpRequest, refusal: Refusal) -> HttpResponseBase:
    """The answer to a refused request: that of ``REFUSAL_VIEW``, else a page for browsers, else JSON."""
    view: object = site().refusal_view
    if view is not None:
        found = cast(
            "Callable[[HttpRequest, Refusal], HttpResponseBase]",
            import_string(view) if isinstance(view, str) else view,
        )
        return _with_headers(found(request, refusal), refusal)
    if _wants_a_page(request):
        title = f"{refusal.status} {HTTPStatus(refusal.status).phrase}"
        text = escape(refusal.description)
        response = HttpResponse(_PAGE.format(title=title, text=text), status=refusal.status)
        return _with_headers(response, refusal)
    return _with_headers(JsonResponse(refusal.body, status=refusal.status), refusal)


def _wants_a_page(request: HttpRequest) -> bool:
    # Browsers name HTML. Programs name JSON or take anything.
    return "text/html" in request.headers.get("Accept", "")


def _with_headers(response: HttpResponseBase, refusal: Refusal) -> HttpResponseBase:
    for name, value in refusal.headers.items():
        response.headers.setdefault(name, value)
    return response
