"""Who is calling, for the log records and the span of a request."""

from __future__ import annotations

import logging
import sys
from contextvars import ContextVar, Token
from typing import TypeAlias

from attrs import frozen

from descope_async import SessionToken
from descope_async._values.value import Value

__all__ = ["Caller", "CallerFilter", "current_caller"]


@frozen
class Caller(Value):
    """Who is calling.

    Attributes:
        session: What the caller may do.
        path_tenant: The id of the tenant in the request's path, if the route demands one.
    """

    session: SessionToken
    path_tenant: str | None = None

    @property
    def tenant(self) -> str | None:
        """The tenant in which the caller acts: that of the path, else the selected one, if any."""
        return self.session.current_tenant if self.path_tenant is None else self.path_tenant


#: A caller in no tenant's path is kept as the session: few requests look, and each would make a Caller.
_current: ContextVar[Caller | SessionToken | None] = ContextVar(
    "descope_async.caller", default=None
)
#: What `forget` needs of `note`.
Before: TypeAlias = Token[Caller | SessionToken | None]


def current_caller() -> Caller | None:
    """The caller of the request that is being answered; None outside of one, or for nobody.

    Tasks and worker threads that are started meanwhile see it too. It is meant for logs: let a
    route that depends on its caller demand it.
    """
    found = _current.get()
    return Caller(found) if isinstance(found, SessionToken) else found


def note(session: SessionToken | None, tenant: str | None = None) -> Before:
    """Take note of who is calling, in this context and in the current span, if there is one.

    Args:
        session: The caller; None for nobody.
        tenant: The tenant of the request's path; None for the one that the token names.
    """
    if session is None or tenant is None:
        token = _current.set(session)
    else:
        token = _current.set(Caller(session, tenant))
    # A program that makes spans has imported this module already, and has a context for a span.
    context = sys.modules.get("opentelemetry.context")
    if session is not None and context is not None and context.get_current():
        _mark_span(Caller(session, tenant))
    return token


def _mark_span(caller: Caller) -> None:
    trace = sys.modules.get("opentelemetry.trace")
    if trace is None:
        return
    span = trace.get_current_span()
    if span is trace.INVALID_SPAN:
        return
    span.set_attribute("descope.key_id", caller.session.key_id)
    if caller.tenant is not None:
        span.set_attribute("descope.tenant_id", caller.tenant)


def forget(token: Before) -> None:
    """End what `note` began, at the end of a request."""
    _current.reset(token)


class CallerFilter(logging.Filter):
    """Puts the caller into log records: ``descope_key_id`` and ``descope_tenant``, each or None.

    Add it to a handler, or to one logger, such as ``uvicorn.access``. It lets every record pass.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Add the fields."""
        caller = current_caller()
        record.descope_key_id = None if caller is None else caller.session.key_id
        record.descope_tenant = None if caller is None else caller.tenant
        return True
