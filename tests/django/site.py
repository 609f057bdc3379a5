"""The site's views and URLs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.urls import path
from django.views.decorators.csrf import csrf_protect
from django.views.generic import View

from descope_sync.integrations.django import (
    AccessKeyRequiredMixin,
    DescopeRequest,
    access_key_required,
    current_caller,
)


def lazy(request: Any) -> JsonResponse:
    """Anybody may come, and is told who they are."""
    return JsonResponse({"key": request.descope.key_id if request.descope else None})


async def alazy(request: DescopeRequest) -> JsonResponse:
    session = await request.adescope()
    return JsonResponse({"key": session.key_id if session else None})


def untouched(_: HttpRequest) -> HttpResponse:
    return HttpResponse("open")


@access_key_required()
@csrf_protect
def guarded(_: HttpRequest) -> HttpResponse:
    """Acts for the user of a session as well."""
    return HttpResponse("guarded")


@access_key_required(permissions=["reports:read"])
def reports(request: Any) -> JsonResponse:
    caller = current_caller()
    return JsonResponse(
        {"key": request.descope.key_id, "noted": caller.session.key_id if caller else None}
    )


@access_key_required(permissions=["reports:read"])
async def areports(request: Any) -> JsonResponse:
    return JsonResponse({"key": (await request.adescope()).key_id})


@access_key_required(roles=["Biller"], tenant="tenant_id")
def bills(_: Any, tenant_id: str) -> JsonResponse:
    caller = current_caller()
    return JsonResponse({"tenant": tenant_id, "noted": caller.tenant if caller else None})


@access_key_required(max_age=30)
def fresh(_: Any) -> HttpResponse:
    return HttpResponse("fresh")


@access_key_required(max_age=30)
async def afresh(_: Any) -> HttpResponse:
    return HttpResponse("fresh")


@access_key_required(tenant="nowhere")
def misnamed(_: Any) -> HttpResponse:
    return HttpResponse("never")


@access_key_required()
def failing(_: Any) -> HttpResponse:
    raise ValueError("the view's own error")


@access_key_required()
def streamed(_: Any) -> StreamingHttpResponse:
    def parts() -> Iterator[bytes]:
        caller = current_caller()
        yield b"a" if caller is None else b"b"
        yield b"c"

    return StreamingHttpResponse(parts())


def streamed_lazily(request: Any) -> StreamingHttpResponse:
    """Finds out who calls while the answer is streamed, after all middleware."""

    def parts() -> Iterator[bytes]:
        yield request.descope.key_id.encode()
        caller = current_caller()
        yield b" nobody" if caller is None else b" named"

    return StreamingHttpResponse(parts())


class Reports(AccessKeyRequiredMixin, View):
    permissions = ("reports:read",)

    def get(self, request: Any) -> JsonResponse:
        return JsonResponse({"key": request.descope.key_id})

    post = get


class AsyncReports(AccessKeyRequiredMixin, View):
    permissions = ("reports:read",)

    async def get(self, request: Any) -> JsonResponse:
        return JsonResponse({"key": (await request.adescope()).key_id})

    post = get


urlpatterns = [
    path("lazy", lazy),
    path("alazy", alazy),
    path("open", untouched),
    path("guarded", guarded),
    path("reports", reports),
    path("areports", areports),
    path("t/<tenant_id>/bills", bills),
    path("fresh", fresh),
    path("afresh", afresh),
    path("misnamed", misnamed),
    path("failing", failing),
    path("streamed", streamed),
    path("streamed-lazily", streamed_lazily),
    path("class", Reports.as_view()),
    path("aclass", AsyncReports.as_view()),
]
