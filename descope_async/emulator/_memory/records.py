"""Records: what the emulator remembers, in frozen classes that JSON can hold."""

from __future__ import annotations

import hashlib
import secrets
import string
from typing import Any, Final

from attrs import field, frozen

from descope_async.emulator.token_shapes import TokenShape

_ALPHABET: Final = string.digits + string.ascii_letters
_ID_LENGTH: Final = 27


def new_id(prefix: str) -> str:
    """A random id as the service makes them: a prefix and 27 letters and digits."""
    return prefix + _letters(_ID_LENGTH)


def new_secret() -> str:
    """A random secret of 64 letters and digits (381 bits): safe in URLs, headers and shells."""
    return "K" + _letters(63)


def digest(secret: str) -> str:
    """What is kept of a secret.

    One round of SHA-256 is enough, and lets a secret be found by its digest: secrets are random
    and long, so unlike passwords they cannot be guessed from it.
    """
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _letters(count: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(count))


def restored_shape(value: TokenShape | dict[str, Any] | None) -> TokenShape | None:
    """A token shape, also from how a data file has it."""
    return TokenShape(**value) if isinstance(value, dict) else value


@frozen(kw_only=True)
class ManagementKey:
    """A key to manage projects.

    Attributes:
        project_ids: The projects that it manages; empty for all.
        is_default: Whether it is the emulator's own.
        kept_secret: The secret, where it is the emulator's own and nobody chose it.
        roles: The roles that it was made with, as they came.
    """

    id: str
    secret_digest: str = field(repr=False)
    project_ids: list[str] = field(factory=list[str])
    is_default: bool = False
    kept_secret: str = field(default="", repr=False)
    name: str = ""
    description: str = ""
    status: str = "active"
    created_time: int = 0
    expire_time: int = 0
    permitted_ips: list[str] = field(factory=list[str])
    roles: dict[str, Any] = field(factory=dict[str, Any])


@frozen(kw_only=True)
class SigningKey:
    """A private key that signs a project's tokens; `rotation` counts the rotations before it."""

    id: str
    algorithm: str
    created_time: int
    private_pem: str = field(repr=False)
    rotation: int = 0


@frozen(kw_only=True)
class AccessKey:
    """An access key; `tenants` maps a tenant's id to the key's roles in it."""

    id: str
    name: str
    secret_digest: str = field(repr=False)
    client_id: str
    created_by: str
    created_time: int
    expire_time: int = 0
    status: str = "active"
    description: str = ""
    role_names: list[str] = field(factory=list[str])
    tenants: dict[str, list[str]] = field(factory=dict[str, list[str]])
    bound_user_id: str = ""
    custom_claims: dict[str, Any] = field(factory=dict[str, Any])
    custom_attributes: dict[str, Any] = field(factory=dict[str, Any])
    permitted_ips: list[str] = field(factory=list[str])
    token_shape: TokenShape | None = field(default=None, converter=restored_shape)

    def is_expired(self, now: int) -> bool:
        """Whether the key's time is over at a moment in epoch seconds."""
        return 0 < self.expire_time <= now


@frozen(kw_only=True)
class Tenant:
    """A tenant of a project; `settings` are those that nothing here depends on, as they came."""

    id: str
    name: str
    created_time: int
    parent: str = ""
    disabled: bool = False
    self_provisioning_domains: list[str] = field(factory=list[str])
    default_roles: list[str] = field(factory=list[str])
    settings: dict[str, Any] = field(factory=dict[str, Any])
    custom_attributes: dict[str, Any] = field(factory=dict[str, Any])


@frozen(kw_only=True)
class Permission:
    """Something that a role may do."""

    id: str
    name: str
    description: str = ""
    system_default: bool = False


@frozen(kw_only=True)
class Role:
    """A named set of permissions, of the project or (`tenant_id`) of one tenant."""

    id: str
    name: str
    created_time: int
    description: str = ""
    permission_names: list[str] = field(factory=list[str])
    tenant_id: str = ""
    default: bool = False
    private: bool = False


@frozen(kw_only=True)
class JwtTemplate:
    """What tokens look like; `template` are the claims that it adds."""

    id: str
    name: str
    settings: dict[str, Any]
    template: dict[str, Any]


@frozen(kw_only=True)
class User:
    """A user; `tenants` maps a tenant's id to the user's roles in it."""

    id: str
    login_ids: list[str]
    created_time: int
    status: str = "invited"
    test: bool = False
    email: str = ""
    phone: str = ""
    verified_email: bool = False
    verified_phone: bool = False
    name: str = ""
    given_name: str = ""
    middle_name: str = ""
    family_name: str = ""
    picture: str = ""
    role_names: list[str] = field(factory=list[str])
    tenants: dict[str, list[str]] = field(factory=dict[str, list[str]])
    sso_app_ids: list[str] = field(factory=list[str])
    modified_time: int = 0
    custom_attributes: dict[str, Any] = field(factory=dict[str, Any])
