"""Which requests need no CSRF token: no browser adds an ``Authorization`` header by itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar, cast

from django.conf import settings
from django.http import HttpRequest

from descope_async.integrations._receiver import Admitted
from descope_async.integrations.admission import Refusal

V = TypeVar("V", bound=Callable[..., Any])

#: Methods that need no CSRF token (RFC 9110, 9.2.1).
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})


def is_guarded(request: HttpRequest) -> bool:
    """Whether Django may demand a CSRF token of a request."""
    return request.method not in _SAFE


def exempt_caller(request: HttpRequest, found: Admitted | Refusal) -> None:
    """Let a request with a valid credential pass without a CSRF token.

    It needs one if it has the cookie of a session as well, since a view may act for the user of that session.

    Args:
        request: The request.
        found: Its caller, or why its credential is refused.
    """
    if isinstance(found, Admitted) and settings.SESSION_COOKIE_NAME not in request.COOKIES:
        # Django's test client and Django REST framework set the same flag.
        cast("Any", request)._dont_enforce_csrf_checks = True  # noqa: SLF001


def exempt_view(view: V) -> V:
    """The view, to which Django lets requests without a CSRF token through.

    Nobody gets into it without a valid credential. A caller whose token has expired must be told that,
    and not that a CSRF token is missing.
    """
    cast("Any", view).csrf_exempt = True
    return view
