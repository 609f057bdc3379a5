"""Gives each request ``request.descope`` and ``await request.adescope()``."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from inspect import iscoroutinefunction
from typing import Any, cast

from asgiref.sync import markcoroutinefunction
from django.http import HttpRequest, HttpResponseBase
from django.utils.functional import SimpleLazyObject

import descope_sync
from descope_async import SessionToken
from descope_async.integrations._receiver import Admitted
from descope_async.integrations.caller import Before

from . import _log_caller
from ._admitting import aadmit, admit, known_caller, refusal_of
from ._caches import told_apart
from ._csrf import exempt_caller, is_guarded

__all__ = ["DescopeMiddleware", "DescopeRequest"]


class DescopeRequest(HttpRequest):
    """What a view names as the type of its request, so that type checkers know ``request.descope``.

    It is for annotations alone: a request stays one of Django's own classes. Behind `access_key_required`
    there is always a caller. Elsewhere ``descope`` is false for a request without a valid credential.

    Attributes:
        descope: The caller.
        adescope: Awaited, the caller; None for nobody.
    """

    descope: SessionToken
    adescope: Callable[[], Awaitable[SessionToken | None]]


class DescopeMiddleware:
    """Middleware for Django's sync and async mode. It lets every request pass.

    It adds two things to a request. ``request.descope`` is the caller's `SessionToken`, found out when it is
    first looked at; it is false for a request without a valid credential. ``await request.adescope()``
    returns the token, or None.

    A request whose credential is valid needs no CSRF token: no browser adds an ``Authorization`` header by
    itself. It needs one if it has the cookie of a session as well, since a view may act for the user of that
    session. For this the middleware has to stand in front of ``CsrfViewMiddleware``.

    Args:
        get_response: The next middleware or the view.
    """

    sync_capable = True
    async_capable = True

    def __init__(
        self, get_response: Callable[[HttpRequest], HttpResponseBase | Awaitable[HttpResponseBase]]
    ) -> None:
        descope_sync.preload()  # as the site starts, and not in its first request
        self._get_response = get_response
        self._is_async = iscoroutinefunction(get_response)
        if self._is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        """Answer a request."""
        if self._is_async:
            return self._acall(request)
        before = equip(request)
        try:
            if is_guarded(request):
                exempt_caller(request, admit(request))
            return _completed(request, cast("HttpResponseBase", self._get_response(request)))
        finally:
            unequip(request, before)

    async def _acall(self, request: HttpRequest) -> HttpResponseBase:
        before = equip(request)
        try:
            if is_guarded(request):
                exempt_caller(request, await aadmit(request))
            response = await cast("Awaitable[HttpResponseBase]", self._get_response(request))
            return _completed(request, response)
        finally:
            unequip(request, before)


def equip(request: HttpRequest) -> Before | None:
    """Give a request ``descope`` and ``adescope``, and let the logs name its caller.

    Returns:
        What `unequip` needs at the end of the request. None for a request that has all this already:
        whoever gave it will take care of its end.
    """
    if not hasattr(request, "adescope"):
        given = cast("Any", request)
        given.descope = SimpleLazyObject(partial(_session, request))
        given.adescope = partial(_asession, request)
    return _log_caller.begin(request, known_caller(request))


def unequip(request: HttpRequest, before: Before | None) -> None:
    """At the end of a request, let the logs name its caller no more. The request keeps its attributes."""
    _log_caller.end(request, before)


def _session(request: HttpRequest) -> SessionToken | None:
    found = admit(request)
    return found.session if isinstance(found, Admitted) else None


async def _asession(request: HttpRequest) -> SessionToken | None:
    found = await aadmit(request)
    return found.session if isinstance(found, Admitted) else None


def _completed(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    """The response for this caller, with the headers of the refusal if a framework answered that without them."""
    told_apart(request, response)
    found = refusal_of(request)
    if found is not None and response.status_code == found.status:
        for name, value in found.headers.items():
            response.headers.setdefault(name, value)
    return response
