"""Views for callers with certain rights: a decorator for functions and a mixin for classes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from functools import wraps
from inspect import iscoroutinefunction
from typing import Any, ClassVar, TypeVar, cast

from django.http import HttpRequest, HttpResponseBase
from django.views.generic.base import View

from descope_async.integrations.admission import Refusal, Requirement

from ._admitting import ademand, demand
from ._answers import answer
from ._caches import told_apart
from ._csrf import exempt_view
from .middleware import equip, unequip

__all__ = ["AccessKeyRequiredMixin", "access_key_required"]

V = TypeVar("V", bound=Callable[..., Any])


def access_key_required(
    *,
    permissions: Iterable[str] = (),
    roles: Iterable[str] = (),
    tenant: str | None = None,
    max_age: float | None = None,
) -> Callable[[V], V]:
    """Let only callers with a valid credential and certain rights reach a view.

    The view may be a ``def`` or an ``async def``. It works with and without the middleware, and demands no
    CSRF token.

    Args:
        permissions: All of these, on the project or, with a tenant, in the tenant.
        roles: All of these, likewise.
        tenant: The name of the URL argument that holds a tenant's id. The caller must belong to it.
        max_age: Seconds since the service made the token, at most. None for the token's life.

    Raises:
        InvalidArgument: An argument cannot be right.
    """
    requirement = Requirement(tuple_of(permissions), tuple_of(roles), tenant, max_age)

    def protect(view: V) -> V:
        if iscoroutinefunction(view):

            @wraps(view)
            async def aprotected(request: HttpRequest, *args: Any, **where: Any) -> Any:
                before = equip(request)
                try:
                    found = await ademand(request, requirement, where)
                    if isinstance(found, Refusal):
                        return answer(request, found)
                    return told_apart(request, await view(request, *args, **where))
                finally:
                    unequip(request, before)

            return cast("V", exempt_view(aprotected))

        @wraps(view)
        def protected(request: HttpRequest, *args: Any, **where: Any) -> Any:
            before = equip(request)
            try:
                found = demand(request, requirement, where)
                if isinstance(found, Refusal):
                    return answer(request, found)
                return told_apart(request, view(request, *args, **where))
            finally:
                unequip(request, before)

        return cast("V", exempt_view(protected))

    return protect


def tuple_of(names: Iterable[str]) -> Any:
    """Names as a tuple. A string stays a string, which `Requirement` refuses."""
    return names if isinstance(names, str) else tuple(names)


class AccessKeyRequiredMixin(View):
    """Lets only callers with a valid credential and certain rights reach a class-based view.

    Put it in front of the view's class. Handlers may be ``def`` or ``async def``. No CSRF token is demanded,
    unless the class has a ``dispatch`` of its own.

    Attributes:
        permissions: As for `access_key_required`.
        roles: As for `access_key_required`.
        tenant: As for `access_key_required`.
        max_age: As for `access_key_required`.
    """

    permissions: ClassVar[Iterable[str]] = ()
    roles: ClassVar[Iterable[str]] = ()
    tenant: ClassVar[str | None] = None
    max_age: ClassVar[float | None] = None

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Answer a request that is refused, and pass any other on."""
        requirement = Requirement(
            tuple_of(self.permissions), tuple_of(self.roles), self.tenant, self.max_age
        )
        if self.view_is_async:
            return self._adispatch(requirement, request, *args, **kwargs)
        before = equip(request)
        try:
            found = demand(request, requirement, kwargs)
            if isinstance(found, Refusal):
                return answer(request, found)
            return told_apart(request, super().dispatch(request, *args, **kwargs))
        finally:
            unequip(request, before)

    exempt_view(dispatch)  # from where `as_view` takes it

    async def _adispatch(
        self, requirement: Requirement, request: HttpRequest, *args: Any, **kwargs: Any
    ) -> HttpResponseBase:
        before = equip(request)
        try:
            found = await ademand(request, requirement, kwargs)
            if isinstance(found, Refusal):
                return answer(request, found)
            handled = super().dispatch(request, *args, **kwargs)
            response: HttpResponseBase = told_apart(
                request, await cast("Awaitable[HttpResponseBase]", handled)
            )
            return response
        finally:
            unequip(request, before)
