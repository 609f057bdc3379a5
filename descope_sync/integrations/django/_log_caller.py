"""The caller of a Django request in the logs, from when it is known until the request is answered."""

from __future__ import annotations

from typing import Final

from django.http import HttpRequest

from descope_async import SessionToken
from descope_async.integrations.caller import Before, forget, note

#: The attribute that a request has while somebody will forget its caller.
_FLAG: Final = "_descope_names_caller"


def begin(request: HttpRequest, known: SessionToken | None) -> Before | None:
    """Let the logs name the caller of a request, until `end`.

    Args:
        request: The request.
        known: The caller, if it is known already.

    Returns:
        What `end` needs. None if they name it already: whoever began that will end it.
    """
    if hasattr(request, _FLAG):
        return None
    setattr(request, _FLAG, True)
    return note(known)


def name(request: HttpRequest, session: SessionToken, tenant: str | None = None) -> None:
    """Name the caller in the logs, unless nobody would forget it.

    A middleware further out, or a streamed answer, may find the caller out after the request's `end`.
    """
    if hasattr(request, _FLAG):
        note(session, tenant)


def end(request: HttpRequest, before: Before | None) -> None:
    """Forget the caller of a request that has ended."""
    if before is not None:
        delattr(request, _FLAG)
        forget(before)
