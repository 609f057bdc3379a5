"""The values that calls take and return: frozen, typed, and free of any client."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, NoReturn, cast

from attrs import field, frozen

from .clock import SYSTEM_CLOCK
from .errors import InvalidArgument


class ReadOnlyDict(dict[str, Any]):
    """A dict that cannot be changed, so that several holders can share it."""

    __slots__ = ()

    def _refuse(self, *_: Any, **__: Any) -> NoReturn:
        raise TypeError("read-only: make a dict() of it first")

    __setitem__: Any = _refuse
    __delitem__: Any = _refuse
    __ior__: Any = _refuse
    clear: Any = _refuse
    pop: Any = _refuse
    popitem: Any = _refuse
    setdefault: Any = _refuse
    update: Any = _refuse

    def __reduce__(self) -> tuple[type[ReadOnlyDict], tuple[dict[str, Any]]]:
        return ReadOnlyDict, (dict(self),)


def _no_members() -> dict[str, Any]:
    return {}  # `dict[str, Any]` itself takes five times as long to call


def names(value: Iterable[str]) -> tuple[str, ...]:
    """The names in a list of them.

    Raises:
        InvalidArgument: A single string, whose letters would otherwise be taken for names, or
            something in the list that is not a non-empty string.
    """
    given: object = value  # callers without a type checker pass anything
    if type(given) is not tuple:  # which the values of an answer are: they are checked here too
        if isinstance(given, str | bytes) or not isinstance(given, Iterable):
            raise InvalidArgument(f"pass a list of names, not a single {type(given).__name__}")
        given = tuple(cast("Iterable[object]", given))
    for name in cast("tuple[object, ...]", given):
        if not isinstance(name, str) or not name:
            raise InvalidArgument("every name in a list of names must be a non-empty string")
    return cast("tuple[str, ...]", given)


def _names_or_none(value: Iterable[str] | None) -> tuple[str, ...]:
    return () if value is None else names(value)


@frozen
class AssociatedTenant:
    """A tenant that an access key belongs to, with the key's roles in it.

    Attributes:
        tenant_id: The tenant's id.
        role_names: The key's roles in this tenant.
        tenant_name: The tenant's name, as the service reports it; not sent.
        extra: What the service reported beyond that; not sent.
    """

    tenant_id: str
    role_names: tuple[str, ...] = field(default=(), converter=_names_or_none)
    tenant_name: str = ""
    extra: Mapping[str, Any] = field(factory=_no_members, kw_only=True, hash=False)


@frozen(kw_only=True)
class AccessKey:
    """An access key as the service keeps it; its secret is not part of it.

    Attributes:
        id: The key's id.
        name: Its name, which need not be unique.
        description: Free text, empty when none was given.
        status: ``"active"`` or ``"inactive"``. An expired key may still say ``"active"``.
        role_names: Roles on the project. A key with tenants has roles there instead.
        key_tenants: The tenants that the key belongs to.
        bound_user_id: The user whose roles and tenants the key takes; empty when unbound.
        client_id: The key's OAuth client id.
        custom_claims: Claims at the top level of every session token of this key.
        custom_attributes: Values of attributes that the project declares for access keys.
        permitted_ips: IP addresses and CIDR ranges that may use the key; empty for all.
        created_by: Who created it.
        created_time: When, in epoch seconds.
        expire_time: When it stops working, in epoch seconds; 0 for never.
        editable: Whether the calling management key may change it.
        extra: Whatever else the service reported, under the service's names.
    """

    id: str
    name: str = ""
    description: str = ""
    status: str = ""
    role_names: tuple[str, ...] = ()
    key_tenants: tuple[AssociatedTenant, ...] = ()
    bound_user_id: str = ""
    client_id: str = ""
    custom_claims: Mapping[str, Any] = field(factory=_no_members, hash=False)
    custom_attributes: Mapping[str, Any] = field(factory=_no_members, hash=False)
    permitted_ips: tuple[str, ...] = ()
    created_by: str = ""
    created_time: int = 0
    expire_time: int = 0
    editable: bool = False
    extra: Mapping[str, Any] = field(factory=_no_members, hash=False)

    @property
    def created_at(self) -> datetime:
        """``created_time`` as an aware datetime in UTC."""
        return moment(self.created_time)

    @property
    def expires_at(self) -> datetime | None:
        """``expire_time`` as an aware datetime in UTC; None for never."""
        return moment(self.expire_time) if self.expire_time else None

    @property
    def is_expired(self) -> bool:
        """Whether ``expire_time`` has passed, by this machine's clock."""
        return 0 < self.expire_time <= SYSTEM_CLOCK.now()

    @property
    def is_active(self) -> bool:
        """Whether the key can be used now: active and not expired."""
        return self.status == "active" and not self.is_expired

    def to_dict(self) -> dict[str, Any]:
        """The key under the service's own names, ``extra`` included, ready for JSON."""
        from .wire import to_wire  # the JSON names, and cattrs, are loaded only when needed

        return to_wire(self)


@frozen
class CreatedAccessKey:
    """An access key with the secret that was made for it.

    Attributes:
        key: The access key.
        cleartext: The secret. It is shown this once: store it before anything else.
    """

    key: AccessKey
    cleartext: str = field(repr=False)

    def to_dict(self) -> dict[str, Any]:
        """The answer under the service's own names, the secret included."""
        from .wire import to_wire

        return to_wire(self)


@frozen
class SortField:
    """One criterion of the order of a search.

    Attributes:
        field: A field of the access key under the service's name, such as ``"createdTime"``.
        desc: Whether the largest comes first.
    """

    field: str
    desc: bool = False


@frozen
class AccessKeyLoginOptions:
    """What a machine may ask for when it exchanges its access key.

    Attributes:
        custom_claims: Claims to nest under ``nsec`` in the token. Chosen by the caller, so a
            receiver must not authorise on them.
        selected_tenant: The tenant to act in (the token's ``dct``); None for no choice.
    """

    custom_claims: Mapping[str, Any] | None = field(default=None, hash=False)
    selected_tenant: str | None = None


@frozen
class TenantAccess:
    """What a session token grants within one tenant."""

    permissions: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()


@frozen(kw_only=True)
class SessionToken:
    """A session token whose signature and claims were checked.

    The ``validate_*`` methods say whether **all** of the named permissions or roles are granted,
    so an empty list is always granted, except in a tenant that the token does not belong to. The
    ``get_matched_*`` methods say which of them are.

    Attributes:
        jwt: The token itself, to send as ``Authorization: Bearer …``.
        key_id: The id of the access key that was exchanged (``dsub``, else ``sub``).
        project_id: The project that issued it.
        expire_time: When it ends, in epoch seconds.
        permissions: Permissions on the project.
        roles: Roles on the project.
        tenants: What it grants by tenant id. The selected tenant is always among them.
        current_tenant: The tenant selected at the exchange (``dct``); None for none.
        client_claims: The claims under ``nsec``. The caller chose them: never authorise on them.
        claims: All claims, as signed.
    """

    jwt: str = field(repr=False)
    key_id: str
    project_id: str
    expire_time: float
    permissions: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    tenants: Mapping[str, TenantAccess] = field(factory=ReadOnlyDict, hash=False)
    current_tenant: str | None = None
    client_claims: Mapping[str, Any] = field(factory=ReadOnlyDict, hash=False, repr=False)
    claims: Mapping[str, Any] = field(factory=ReadOnlyDict, hash=False, repr=False)

    @property
    def expires_at(self) -> datetime:
        """``expire_time`` as an aware datetime in UTC."""
        return moment(self.expire_time)

    def validate_permissions(self, permissions: Collection[str]) -> bool:
        """Whether the token has all of these permissions on the project."""
        return set(names(permissions)).issubset(self.permissions)

    def get_matched_permissions(self, permissions: Collection[str]) -> list[str]:
        """Those of these permissions that the token has on the project."""
        return _matched(permissions, self.permissions)

    def validate_roles(self, roles: Collection[str]) -> bool:
        """Whether the token has all of these roles on the project."""
        return set(names(roles)).issubset(self.roles)

    def get_matched_roles(self, roles: Collection[str]) -> list[str]:
        """Those of these roles that the token has on the project."""
        return _matched(roles, self.roles)

    def validate_tenant_permissions(self, tenant: str, permissions: Collection[str]) -> bool:
        """Whether the token belongs to the tenant and has all of these permissions there."""
        wanted, access = set(names(permissions)), self._access(tenant)
        return access is not None and wanted.issubset(access.permissions)

    def get_matched_tenant_permissions(
        self, tenant: str, permissions: Collection[str]
    ) -> list[str]:
        """Those of these permissions that the token has in the tenant."""
        access = self._access(tenant)
        return _matched(permissions, access.permissions if access else ())

    def validate_tenant_roles(self, tenant: str, roles: Collection[str]) -> bool:
        """Whether the token belongs to the tenant and has all of these roles there."""
        wanted, access = set(names(roles)), self._access(tenant)
        return access is not None and wanted.issubset(access.roles)

    def get_matched_tenant_roles(self, tenant: str, roles: Collection[str]) -> list[str]:
        """Those of these roles that the token has in the tenant."""
        access = self._access(tenant)
        return _matched(roles, access.roles if access else ())

    def _access(self, tenant: str) -> TenantAccess | None:
        given: object = tenant  # callers without a type checker pass anything
        if not isinstance(given, str):
            raise InvalidArgument(f"tenant must be a string, not {type(given).__name__}")
        return self.tenants.get(given)


def moment(epoch_seconds: float) -> datetime:
    """An aware datetime in UTC; the last one that Python knows for anything later."""
    try:
        return datetime.fromtimestamp(epoch_seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return datetime.max.replace(tzinfo=UTC)


def _matched(wanted: Collection[str], granted: Collection[str]) -> list[str]:
    return [name for name in names(wanted) if name in granted]
