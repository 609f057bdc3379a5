"""System checks of a site's settings. They send nothing."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any, Final

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error, Tags
from django.middleware.csrf import CsrfViewMiddleware
from django.utils.module_loading import import_string

from descope_async import DescopeClient, DescopeError

from ._settings import client_arguments, configured, site
from .middleware import DescopeMiddleware

_AUTHENTICATION: Final = "descope_sync.integrations.django.drf.DescopeAuthentication"
#: With more seconds of leeway, expired tokens would be accepted for too long.
_MUCH_LEEWAY: Final = 60
_PROJECT: Final = 'set DESCOPE = {"PROJECT_ID": "P…"}, or DESCOPE_PROJECT_ID in the environment'


def register() -> None:
    """Register the checks with Django."""
    checks.register(check_settings, Tags.security)
    checks.register(check_deployment, Tags.security, deploy=True)


def check_settings(**_: Any) -> list[CheckMessage]:
    """What is wrong with the settings, wherever the site runs."""
    try:
        client = DescopeClient(**client_arguments())
        site()
    except DescopeError as error:
        return [Error(str(error), id="descope.E001")]
    return [
        *_of_project(client),
        *_of_middleware(),
        *_of_values(configured()),
        *_of_rest_framework(),
    ]


def check_deployment(**_: Any) -> list[CheckMessage]:
    """What is wrong for a site that others can reach."""
    try:
        client = DescopeClient(**client_arguments())
    except DescopeError:
        return []  # the other check says so
    messages: list[CheckMessage] = []
    if client.check(management=False):
        messages.append(Error("there is no Descope project", hint=_PROJECT, id="descope.E002"))
    if client.base_url.startswith("http://"):
        messages.append(
            Error(
                "the base URL leads to a local Descope",
                hint="leave DESCOPE['BASE_URL'] and DESCOPE_BASE_URI out to use the service",
                id="descope.E003",
            )
        )
    return messages


def _of_project(client: DescopeClient) -> Iterator[CheckMessage]:
    if client.check(management=False):
        yield checks.Warning("there is no Descope project", hint=_PROJECT, id="descope.W001")


def _of_middleware() -> Iterator[CheckMessage]:
    ours, csrf = _places(DescopeMiddleware), _places(CsrfViewMiddleware)
    if len(ours) > 1:
        yield checks.Warning(
            "DescopeMiddleware is in MIDDLEWARE more than once",
            hint="the second has nothing to do: remove it",
            id="descope.W002",
        )
    if ours and csrf and ours[0] > csrf[0]:
        yield checks.Warning(
            "DescopeMiddleware stands behind CsrfViewMiddleware, which refuses callers without a CSRF token",
            hint="move it in front",
            id="descope.W003",
        )


def _places(cls: type) -> list[int]:
    """The places in ``MIDDLEWARE`` of a class and its subclasses, whatever name they are imported by."""
    found: list[int] = []
    for place, name in enumerate(settings.MIDDLEWARE):
        try:
            each: object = import_string(name)
        except ImportError:
            continue  # Django itself will say so
        if isinstance(each, type) and issubclass(each, cls):
            found.append(place)
    return found


def _of_values(found: Mapping[str, Any]) -> Iterator[CheckMessage]:
    leeway = found.get("LEEWAY", 0)
    if isinstance(leeway, int | float) and leeway > _MUCH_LEEWAY:
        yield checks.Warning(
            f"DESCOPE['LEEWAY'] accepts tokens up to {leeway:g} s after they have expired",
            hint=f"{_MUCH_LEEWAY} s are enough for clocks that are set by the network",
            id="descope.W004",
        )
    for name in ("MANAGEMENT_KEY", "AUTH_MANAGEMENT_KEY"):
        if found.get(name) and found[name] not in os.environ.values():
            yield checks.Warning(
                f"DESCOPE[{name!r}] seems to stand in the settings themselves",
                hint=f"read it from the environment: leave it out, and set DESCOPE_{name}",
                id="descope.W005",
            )
    if found.get("DPOP") and found.get("ORIGIN") is None and not settings.ALLOWED_HOSTS:
        yield checks.Warning(
            "DPoP proofs are compared with the Host header, and ALLOWED_HOSTS is empty",
            hint="set DESCOPE['ORIGIN'] or ALLOWED_HOSTS",
            id="descope.W006",
        )


def _of_rest_framework() -> Iterator[CheckMessage]:
    configured_classes = getattr(settings, "REST_FRAMEWORK", {}).get(
        "DEFAULT_AUTHENTICATION_CLASSES", ()
    )
    names = [
        each if isinstance(each, str) else f"{each.__module__}.{each.__qualname__}"
        for each in configured_classes
    ]
    if _AUTHENTICATION in names[1:]:
        yield checks.Warning(
            "DescopeAuthentication is not the first of DEFAULT_AUTHENTICATION_CLASSES",
            hint="only the first class names the scheme of a 401; without one it becomes a 403",
            id="descope.W007",
        )
