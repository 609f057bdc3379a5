"""A validated session token, and what it grants."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from functools import cached_property, lru_cache
from typing import Any, Final, TypeVar, cast

from attrs import define, field, frozen

from ._values.strict_json import ReadOnlyDict, glance, read_object, read_only_mapping
from ._values.value import Value, schema_of
from .errors import InvalidArgument
from .models import moment, names

__all__ = ["SessionToken", "TenantAccess"]

T = TypeVar("T")

#: A tuple, because `list | tuple` would be made anew for each claim.
_LISTS: Final = (list, tuple)


@frozen(eq=False, repr=False)
class TenantAccess(Value):
    """What a session token grants within one tenant."""

    permissions: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()


def _kept(claims: Mapping[str, Any] | bytes) -> ReadOnlyDict | bytes:
    if isinstance(claims, bytes):
        return claims
    given: object = claims  # callers without a type checker pass anything
    if not isinstance(given, Mapping):
        raise InvalidArgument(
            f"claims must be a mapping or JSON as bytes, not {type(given).__name__}"
        )
    return read_only_mapping("claims", claims)


def _read(signed: ReadOnlyDict | bytes) -> ReadOnlyDict:
    return _readable(read_object(signed)) if isinstance(signed, bytes) else signed


def look_at(signed: bytes) -> Mapping[str, Any] | None:
    """As `glance`. The result must not be changed: it is kept until another document is looked at.

    What a token grants is mostly asked for right after its validation.
    """
    global _seen_last  # noqa: PLW0603 - one assignment, so that no thread sees one half of it
    document, found = _seen_last
    if document is not signed:
        found = glance(signed)
        _seen_last = signed, found
    return found


_seen_last: tuple[bytes, Mapping[str, Any] | None] = b"", None


def _look_at(signed: ReadOnlyDict | bytes) -> Mapping[str, Any]:
    return _readable(look_at(signed)) if isinstance(signed, bytes) else signed


def _readable(claims: T | None) -> T:
    if claims is None:
        raise InvalidArgument("claims is not a JSON object of distinct names")
    return claims


@define  # not frozen, as it is made anew for each token
class _Grants:
    top_level: TenantAccess
    tenants: Mapping[str, TenantAccess]
    current_tenant: str | None


@frozen(kw_only=True, repr=False)
class SessionToken(Value):
    """A session token whose signature and claims were checked.

    The ``validate_*`` methods say whether **all** of the named permissions or roles are granted,
    so an empty list is always granted, except in a tenant that the token does not belong to. The
    ``get_matched_*`` methods say which of them are.

    Attributes:
        jwt: The token itself, to send as ``Authorization: Bearer …``.
        key_id: The id of the access key that was exchanged (``dsub``, else ``sub``).
        project_id: The project that issued it.
        expire_time: When it ends, in epoch seconds.
    """

    jwt: str = field(repr=False)
    key_id: str
    project_id: str
    expire_time: float
    _signed: ReadOnlyDict | bytes = field(
        alias="claims",
        factory=ReadOnlyDict,
        converter=_kept,
        eq=_read,
        hash=False,
        repr=False,
    )

    @property
    def is_encrypted(self) -> bool:
        """Whether the token is encrypted (JWE), as a project can have its tokens.

        Only Descope can read such a token. So it can be handed on, but it has no claims here, and
        grants nothing. Only `DescopeClient.exchange_access_key` returns one.
        """
        return self.jwt.count(".") == 4  # noqa: PLR2004 - five segments (RFC 7516, 7.1)

    # Few callers read all claims of a token, so claims are decoded when they are asked for.

    @property
    def claims(self) -> Mapping[str, Any]:
        """All claims, as signed."""
        return self._claims

    @property
    def client_claims(self) -> Mapping[str, Any]:
        """The claims under ``nsec``, which the caller chose, so never authorise on them."""
        chosen = self.claims.get("nsec")
        return chosen if isinstance(chosen, ReadOnlyDict) else ReadOnlyDict()

    @property
    def permissions(self) -> tuple[str, ...]:
        """Permissions on the project."""
        return self._grants.top_level.permissions

    @property
    def roles(self) -> tuple[str, ...]:
        """Roles on the project."""
        return self._grants.top_level.roles

    @property
    def tenants(self) -> Mapping[str, TenantAccess]:
        """What it grants by tenant id. The selected tenant is always among them."""
        return self._grants.tenants

    @property
    def current_tenant(self) -> str | None:
        """The tenant selected at the exchange (``dct``); None for none."""
        return self._grants.current_tenant

    @cached_property
    def _claims(self) -> ReadOnlyDict:
        return _read(self._signed)

    @cached_property
    def _grants(self) -> _Grants:
        # Only the grants are kept. To keep all claims would slow down the garbage collector.
        return _grants(_look_at(self._signed))

    @property
    def expires_at(self) -> datetime:
        """``expire_time`` as an aware datetime in UTC."""
        return moment(self.expire_time)

    def _members(self, *, secrets: bool) -> dict[str, Any]:
        granted = ("current_tenant", "permissions", "roles", "tenants", "claims")
        return super()._members(secrets=secrets) | {name: getattr(self, name) for name in granted}

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: object, handler: object) -> dict[str, Any]:
        described = super().__get_pydantic_json_schema__(schema, handler)
        texts = {"type": "array", "items": {"type": "string"}}
        described["properties"] |= {
            "current_tenant": {"anyOf": [{"type": "string"}, {"type": "null"}]},
            "permissions": texts,
            "roles": texts,
            "tenants": {"type": "object", "additionalProperties": schema_of(TenantAccess)},
            "claims": {"type": "object"},
        }
        return described

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


def _grants(claims: Mapping[str, Any]) -> _Grants:
    selected = claims.get("dct")
    current = selected if isinstance(selected, str) and selected else None
    top_level = _access(claims)
    # With a selected tenant and no `tenants` at all, the top level speaks of that tenant. Where
    # `tenants` exists, the top level speaks of the project, and must not leak into a tenant.
    if "tenants" not in claims:
        tenants = {current: top_level} if current else {}
    else:
        listed: Mapping[str, Mapping[str, Any]] = claims["tenants"]
        members = listed if isinstance(listed, dict) else {}
        tenants = {
            tenant: _access(item) for tenant, item in members.items() if isinstance(item, dict)
        }
        if current:
            tenants.setdefault(current, TenantAccess())
    return _Grants(top_level, ReadOnlyDict(tenants), current)


def _access(claims: Mapping[str, Any]) -> TenantAccess:
    listed = _listed(claims.get("permissions")), _listed(claims.get("roles"))
    try:
        return _known_access(*listed)
    except TypeError:  # something in the list has no hash, such as a list, which is no name
        return TenantAccess(strings(listed[0]), strings(listed[1]))


@lru_cache(maxsize=256)  # many tokens of a project grant the same, so they share one value
def _known_access(permissions: tuple[Any, ...], roles: tuple[Any, ...]) -> TenantAccess:
    return TenantAccess(strings(permissions), strings(roles))


def _listed(claim: Sequence[Any] | None) -> tuple[Any, ...]:
    return tuple(claim) if isinstance(claim, _LISTS) else ()


def strings(claim: object) -> tuple[str, ...]:
    """The strings in a claim that lists some. A claim of the wrong type lists none."""
    if not isinstance(claim, _LISTS):
        return ()
    items = cast("Collection[object]", claim)
    return tuple([item for item in items if isinstance(item, str)])


def _matched(wanted: Collection[str], granted: Collection[str]) -> list[str]:
    return [name for name in names(wanted) if name in granted]
