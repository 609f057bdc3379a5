"""The site of `benchmarks.django`: one view for each way to protect it, the same answer."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path

from descope_sync.integrations.django import access_key_required

PROJECT_ID, KEY_SET = os.environ["BENCH_PROJECT"], os.environ["BENCH_KEY_SET"]

settings.configure(
    SECRET_KEY="only measured",  # noqa: S106 - nothing is signed
    ROOT_URLCONF=sys.modules[__name__],
    ALLOWED_HOSTS=["*"],
    INSTALLED_APPS=["descope_sync.integrations.django"],
    MIDDLEWARE=[
        "django.middleware.common.CommonMiddleware",  # which tells how long an answer is
        "descope_sync.integrations.django.DescopeMiddleware",
    ],
    DESCOPE={"PROJECT_ID": PROJECT_ID, "PUBLIC_KEY": KEY_SET},
)

View = Callable[..., HttpResponse]


def nothing(view: View) -> View:
    """A decorator that does nothing: the floor."""

    @wraps(view)
    def answered(request: HttpRequest, *args: Any, **where: Any) -> HttpResponse:
        return view(request, *args, **where)

    return answered


def by_pyjwt(view: View) -> View:
    """What one writes by hand with PyJWT: the key is made once."""
    import jwt

    (key,) = json.loads(KEY_SET)["keys"]
    public = jwt.PyJWK(key)

    @wraps(view)
    def answered(request: HttpRequest, *args: Any, **where: Any) -> HttpResponse:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return HttpResponse(status=401)
        try:
            jwt.decode(token, public, algorithms=[key["alg"]], audience=PROJECT_ID)
        except jwt.InvalidTokenError:
            return HttpResponse(status=401)
        return view(request, *args, **where)

    return answered


WAYS: dict[str, Callable[[View], View]] = {
    "nothing": nothing,
    "ours": access_key_required(),
    "ours, with a permission": access_key_required(permissions=["reports:read"]),
}
try:
    import jwt  # noqa: F401 - a peer that is not installed has no view
except ModuleNotFoundError:
    pass
else:
    WAYS["PyJWT by hand"] = by_pyjwt


def answer(_: HttpRequest) -> JsonResponse:
    """The same for all."""
    return JsonResponse({"reports": 3})


def about(_: HttpRequest) -> JsonResponse:
    """The ways, in the order of their views, and who answers."""
    return JsonResponse({"names": list(WAYS), "process": os.getpid()})


urlpatterns = [
    *(path(str(number), protect(answer)) for number, protect in enumerate(WAYS.values())),
    path("about", about),
]
application = get_wsgi_application()
