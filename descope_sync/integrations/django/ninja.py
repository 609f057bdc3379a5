"""Django Ninja: callables for ``auth=``, one for ``def`` and one for ``async def`` operations."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NoReturn

from django.http import HttpRequest

from descope_async import SessionToken
from descope_async.integrations.admission import Refusal, Requirement

from ._admitting import ademand, demand
from .protection import tuple_of

try:
    from ninja.errors import HttpError
    from ninja.security.base import AuthBase
except ModuleNotFoundError as _error:
    _problem = "this needs Django Ninja: pip install 'django-ninja'"
    raise ModuleNotFoundError(_problem, name=_error.name) from None

__all__ = ["AccessKeyAuth", "AsyncAccessKeyAuth"]


class AccessKeyAuth(AuthBase):
    """Lets only callers with a valid credential and certain rights reach an operation.

    ``request.auth`` is then the caller's `SessionToken`. With `DescopeMiddleware` installed, refusals have
    all their headers.

    Args:
        permissions: All of these, on the project or, with a tenant, in the tenant.
        roles: All of these, likewise.
        tenant: The name of the URL argument that holds a tenant's id.
        max_age: Seconds since the service made the token, at most. None for its life.

    Raises:
        InvalidArgument: An argument cannot be right.
    """

    openapi_type = "http"
    openapi_scheme = "bearer"
    openapi_bearerFormat = "JWT"  # noqa: N815 - the name that OpenAPI gives it
    openapi_name = "DescopeAccessKey"

    def __init__(
        self,
        *,
        permissions: Iterable[str] = (),
        roles: Iterable[str] = (),
        tenant: str | None = None,
        max_age: float | None = None,
    ) -> None:
        self._requirement = Requirement(tuple_of(permissions), tuple_of(roles), tenant, max_age)
        super().__init__()

    def __call__(self, request: HttpRequest) -> Any:
        """The caller."""
        found = demand(request, self._requirement, _where(request))
        return _refuse(found) if isinstance(found, Refusal) else found.session


class AsyncAccessKeyAuth(AccessKeyAuth):
    """As `AccessKeyAuth`, for ``async def`` operations."""

    async def __call__(self, request: HttpRequest) -> SessionToken:
        """The caller."""
        found = await ademand(request, self._requirement, _where(request))
        return _refuse(found) if isinstance(found, Refusal) else found.session


def _where(request: HttpRequest) -> dict[str, Any]:
    return {} if request.resolver_match is None else dict(request.resolver_match.kwargs)


def _refuse(refusal: Refusal) -> NoReturn:
    raise HttpError(refusal.status, refusal.description)
