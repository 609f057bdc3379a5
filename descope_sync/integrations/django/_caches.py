"""What caches must be told of an answer that depends on its caller."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any, Final

from django.http import HttpRequest, HttpResponseBase
from django.utils.cache import patch_vary_headers

from ._admitting import is_asked_about
from ._settings import site

_VARY: Final = "Vary"


def told_apart(request: HttpRequest, response: Any) -> Any:
    """What a view has answered, so that caches give it to no other caller.

    Caches give no answer to a request with ``Authorization`` to another one (RFC 9111, 3.5). Older releases of
    Django do, and no cache knows that a header such as ``X-Api-Key`` says who is calling, or that a token
    needs a proof. For the cookie of a session Django does the same.

    Args:
        request: The request. If nobody has asked who sent it, nothing is done.
        response: What the view returned, which Django refuses later if it is no response.
    """
    if isinstance(response, HttpResponseBase) and is_asked_about(request):
        patch_vary_headers(response, site().credential_headers)
    return response


def tell_apart(headers: MutableMapping[str, str]) -> None:
    """The same for the headers that a view of Django REST framework will answer with."""
    named = [name.strip() for name in headers.get(_VARY, "").split(",")]
    headers[_VARY] = ", ".join(filter(None, dict.fromkeys([*named, *site().credential_headers])))
