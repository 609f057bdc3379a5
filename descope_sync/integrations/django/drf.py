"""Django REST framework (``descope-async[drf]``): authentication, permissions and throttling."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final

from attrs import frozen

from descope_async import SessionToken
from descope_async.integrations.admission import Refusal, Requirement

from ._admitting import admit, demand
from ._caches import tell_apart
from ._settings import site
from .protection import tuple_of

try:
    from rest_framework.authentication import BaseAuthentication
    from rest_framework.exceptions import APIException, AuthenticationFailed
    from rest_framework.permissions import BasePermission
    from rest_framework.request import Request
    from rest_framework.throttling import SimpleRateThrottle
except ModuleNotFoundError as _error:
    _problem = "this needs an extra: pip install 'descope-async[drf]'"
    raise ModuleNotFoundError(_problem, name=_error.name) from None

if TYPE_CHECKING:
    # At run time this would be a circular import: the framework's views import this module.
    from rest_framework.views import APIView

__all__ = ["AccessKeyThrottle", "DescopeAuthentication", "HasAccess", "Machine"]

_UNAUTHORIZED: Final = 401


@frozen
class Machine:
    """The ``request.user`` of a caller with an access key. It is in no database.

    Attributes:
        session: What the caller may do.
    """

    session: SessionToken
    is_active: ClassVar[bool] = True
    is_anonymous: ClassVar[bool] = False
    is_authenticated: ClassVar[bool] = True
    is_staff: ClassVar[bool] = False
    is_superuser: ClassVar[bool] = False

    @property
    def pk(self) -> str:
        """The id of the access key."""
        return self.session.key_id

    @property
    def username(self) -> str:
        """The id of the access key."""
        return self.session.key_id

    def __str__(self) -> str:
        return f"access key {self.session.key_id}"

    def get_username(self) -> str:
        """The id of the access key."""
        return self.session.key_id

    def has_perm(self, perm: str, obj: object = None) -> bool:  # noqa: ARG002 - Django's signature
        """Whether the caller has a Descope permission on the project."""
        return self.session.validate_permissions([perm])

    def has_perms(self, perm_list: list[str], obj: object = None) -> bool:  # noqa: ARG002 - as above
        """Whether the caller has all of these."""
        return self.session.validate_permissions(perm_list)


class DescopeAuthentication(BaseAuthentication):
    """Callers with a session token or, where that is accepted, an access key.

    ``request.user`` is a `Machine`, and ``request.auth`` the caller's `SessionToken`. A request without a
    credential is left to the next class. Put this class first: only the first one's scheme is named in a
    401.
    """

    def authenticate(self, request: Request) -> tuple[Machine, SessionToken] | None:
        """The caller; None for a request without a credential for this class."""
        found = admit(request._request)  # noqa: SLF001 - the documented way to Django's request
        view = (request.parser_context or {}).get("view")
        if view is not None:
            tell_apart(view.headers)
        if isinstance(found, Refusal):
            if found.status == _UNAUTHORIZED and found.error is None:
                return None
            raise _refused(request, found)
        return Machine(found.session), found.session

    def authenticate_header(self, request: Request) -> str:
        """The challenge of a 401."""
        found = admit(request._request)  # noqa: SLF001 - as above
        if isinstance(found, Refusal) and found.challenge is not None:
            return found.challenge
        return site().admission.refuse_missing().challenge or "Bearer"


class HasAccess(BasePermission):
    """Lets only callers with certain rights in. `of` makes a class for ``permission_classes``.

    Attributes:
        requirement: What callers need.
    """

    requirement: ClassVar[Requirement] = Requirement()

    @classmethod
    def of(
        cls,
        *permissions: str,
        roles: tuple[str, ...] | list[str] = (),
        tenant: str | None = None,
        max_age: float | None = None,
    ) -> type[HasAccess]:
        """A permission class.

        Args:
            permissions: All of these, on the project or, with a tenant, in the tenant.
            roles: All of these, likewise.
            tenant: The name of the URL argument that holds a tenant's id.
            max_age: Seconds since the service made the token, at most. None for its life.

        Raises:
            InvalidArgument: An argument cannot be right.
        """
        requirement = Requirement(permissions, tuple_of(roles), tenant, max_age)
        return type(cls.__name__, (cls,), {"requirement": requirement})

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Whether the caller has the rights. The answer says which one is missing."""
        if not isinstance(request.auth, SessionToken):
            return False
        where: dict[str, Any] = getattr(view, "kwargs", {})
        found = demand(request._request, self.requirement, where)  # noqa: SLF001 - as above
        if isinstance(found, Refusal):
            raise _refused(request, found)
        return True


class AccessKeyThrottle(SimpleRateThrottle):
    """Limits how often each access key may call, by ``DEFAULT_THROTTLE_RATES["access_key"]``."""

    scope: str | None = "access_key"

    def get_cache_key(self, request: Request, view: APIView) -> str | None:  # noqa: ARG002 - DRF's signature
        """The cache key of the caller's counter. None, which means no limit, for callers without an access key."""
        if not isinstance(request.auth, SessionToken):
            return None
        return self.cache_format % {"scope": self.scope, "ident": request.auth.key_id}


def _refused(request: Request, refusal: Refusal) -> APIException:
    """The exception for a refusal. The framework answers it with the headers of the refusal."""
    view = (request.parser_context or {}).get("view")
    # OPTIONS and the browsable API ask with a copy of the request whether another method is allowed.
    # They answer nobody with the refusal, so the headers would be those of their own answer.
    is_answered = request.method == request._request.method  # noqa: SLF001 - as above
    if view is not None and is_answered:
        view.headers.update(refusal.headers)  # its own handler looks for two of them only
    cls = AuthenticationFailed if refusal.status == _UNAUTHORIZED else APIException
    error = cls(detail=refusal.description, code=refusal.body["error"])
    error.status_code = refusal.status
    if refusal.challenge is not None:
        error.auth_header = refusal.challenge  # type: ignore[attr-defined]  # its handler looks for it
    if refusal.retry_after is not None:
        error.wait = refusal.retry_after  # type: ignore[attr-defined]  # as above
    return error
