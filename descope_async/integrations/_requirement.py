"""What a route demands of its callers."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Final

from attrs import field, frozen

from descope_async import InvalidArgument, SessionToken
from descope_async._values.numbers import is_number
from descope_async._values.value import Value

__all__ = ["Requirement"]


def _names(value: str | Iterable[str]) -> tuple[str, ...]:
    # A string is an iterable of letters: each letter would become a name.
    if isinstance(value, str):
        raise InvalidArgument("permissions and roles must be lists of names, not a string")
    given: tuple[object, ...] = tuple(value)
    names = tuple([each for each in given if isinstance(each, str) and each])
    if len(names) < len(given):
        raise InvalidArgument("permissions and roles must be names, none of them empty")
    return names


@frozen(eq=False, repr=False)
class Requirement(Value):
    """What a route demands of its callers.

    Attributes:
        permissions: All of these, on the project or, with a tenant, in the tenant.
        roles: All of these, likewise.
        tenant: The name of the path parameter that holds a tenant's id; None to look at what the
            caller has on the project. The caller must belong to the tenant.
        max_age: Seconds since the service made the token, at most: that long a deactivated access
            key is let in. None for the token's life.

    Raises:
        InvalidArgument: A value cannot be right.
    """

    permissions: tuple[str, ...] = field(default=(), converter=_names)
    roles: tuple[str, ...] = field(default=(), converter=_names)
    tenant: str | None = None
    max_age: float | None = None
    _needs_permissions_alone: bool = field(init=False, repr=False, eq=False)
    _permissions: frozenset[str] = field(init=False, repr=False, eq=False)

    def __attrs_post_init__(self) -> None:
        is_simple = self.tenant is None and self.max_age is None and not self.roles
        object.__setattr__(self, "_needs_permissions_alone", is_simple)
        object.__setattr__(self, "_permissions", frozenset(self.permissions))
        tenant: object = self.tenant
        if tenant is not None and not (isinstance(tenant, str) and tenant):
            raise InvalidArgument("tenant must be the name of a path parameter")
        age: object = self.max_age
        if age is None:
            return
        if not is_number(age) or not 0 < age < math.inf:
            raise InvalidArgument("max_age must be a number of seconds, more than 0")

    @property
    def is_empty(self) -> bool:
        """Whether every caller fulfils it."""
        return self == _NOTHING

    def is_recent(self, session: SessionToken, now: float) -> bool:
        """Whether the token is young enough at this time, in epoch seconds."""
        if self.max_age is None:
            return True
        issued: object = session.claims.get("iat")
        return isinstance(issued, int | float) and now - issued <= self.max_age

    def is_met_by(self, session: SessionToken) -> bool:
        """Whether it names permissions on the project alone, and the token has them."""
        return self._needs_permissions_alone and self._permissions.issubset(session.permissions)

    def is_granted(self, session: SessionToken, tenant: str | None = None) -> bool:
        """Whether the token has the permissions and roles.

        Args:
            session: The token.
            tenant: The id of the tenant that the request is about, if the requirement names a
                path parameter for it.
        """
        if self.tenant is None:
            return self._permissions.issubset(session.permissions) and session.validate_roles(
                self.roles
            )
        # Both calls are False for a tenant that the token does not belong to, even with no names.
        return (
            tenant is not None
            and session.validate_tenant_permissions(tenant, self.permissions)
            and session.validate_tenant_roles(tenant, self.roles)
        )


_NOTHING: Final = Requirement()
