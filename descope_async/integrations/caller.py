"""Who is calling, for the log records and the span of a request."""

from __future__ import annotations

import logging
import sys
from contextvars import ContextVar, Token
from typing import TYPE_CHECKING, TypeAlias

from attrs import frozen

from descope_async import SessionToken
from descope_async._values.value import Value

if TYPE_CHECKING:
    from ._asgi import App, Receive, Scope, Send

__all__ = ["Caller", "CallerFilter", "CallerMiddleware", "current_caller"]


@frozen(eq=False, repr=False)
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


class _Request:
    """A request of a `CallerMiddleware`, with the caller that a task within has found out."""

    caller: Caller | SessionToken | None = None


_request: ContextVar[_Request | None] = ContextVar("descope_async.request", default=None)


def current_caller() -> Caller | None:
    """The caller of the request that is being answered; None outside of one, or for nobody.

    Tasks and worker threads that are started meanwhile see it too. It is meant for logs: let a
    route that depends on its caller demand it.
    """
    found = _current.get()
    if found is None and (request := _request.get()) is not None:
        found = request.caller
    return Caller(found) if isinstance(found, SessionToken) else found


def note(session: SessionToken | None, tenant: str | None = None) -> Before:
    """Take note of who is calling, in this context and in the current span, if there is one.

    Args:
        session: The caller; None for nobody.
        tenant: The tenant of the request's path; None for the one that the token names.
    """
    caller = session if session is None or tenant is None else Caller(session, tenant)
    token = _current.set(caller)
    if (request := _request.get()) is not None:
        request.caller = caller
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


class CallerMiddleware:
    """Lets what is around a route know its caller as well: other middleware, and the server's access log.

    Starlette's ``BaseHTTPMiddleware``, of which ``@app.middleware("http")`` makes one, runs the route in a
    task of its own, and what that task notes is seen in no other. Such an application needs this around
    it: ``app.add_middleware(CallerMiddleware)``, after all others.

    Args:
        app: The ASGI application.
    """

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        before = _request.set(_Request())
        try:
            await self._app(scope, receive, send)
        finally:
            _request.reset(before)
