"""Who may have a session token for an access key, and what the token says."""

from __future__ import annotations

import secrets
from typing import Final

from attrs import field, frozen

from descope_async.emulator._error_answers import Problem, Refusal
from descope_async.emulator._fields import Fields
from descope_async.emulator._json import Json
from descope_async.emulator._memory.project import Project
from descope_async.emulator._memory.records import AccessKey, User, digest
from descope_async.emulator._networks import is_permitted
from descope_async.emulator.token_shapes import TokenShape, is_subject

from .grants import Grants, grants_of_key, grants_of_user, permissions_of

# Custom claims of these names are left out of tokens: they would change what a token means.
_RESERVED: Final = frozenset({
    "iss", "sub", "aud", "exp", "nbf", "iat", "jti",
    "drn", "dct", "dcl", "dsub", "amr", "azp", "cnf", "nsec", "rexp",
    "roles", "permissions", "tenants",
})  # fmt: skip


@frozen
class LoginOptions:
    """What an exchange asks for beside the token.

    Attributes:
        custom_claims: What goes into ``nsec``.
        selected_tenant: What becomes ``dct``; empty for none.
    """

    custom_claims: Json = field(repr=False)
    selected_tenant: str


def read_login_options(fields: Fields) -> LoginOptions:
    """The ``loginOptions`` of a request."""
    options = fields.child("loginOptions")
    return LoginOptions(options.mapping("customClaims"), options.text("selectedTenant"))


def admit(project: Project, cleartext: str, peer: str, now: int) -> AccessKey:
    """The key of this secret, if it may be used now and from this address."""
    key = project.access_keys.find(digest(cleartext))
    if key is None:
        raise Refusal(Problem.KEY_REFUSED, "The access key is not valid")
    if key.status != "active":
        raise Refusal(Problem.KEY_REFUSED, "The access key is not active")
    if key.is_expired(now):
        raise Refusal(Problem.KEY_REFUSED, "The access key has expired")
    if not is_permitted(peer, key.permitted_ips):
        raise Refusal(Problem.KEY_REFUSED, "The access key is not permitted from this IP address")
    if key.bound_user_id:
        user = project.users.get(key.bound_user_id)
        if user is None or user.status == "disabled":
            raise Refusal(Problem.KEY_REFUSED, "The user of the access key cannot sign in")
    return key


def key_claims(project: Project, key: AccessKey, options: LoginOptions, shape: TokenShape) -> Json:
    """What the token of a key says, apart from who issued it and when."""
    granted = grants_of_key(project, key)
    current = options.selected_tenant
    if current and current not in granted.tenants:
        raise Refusal(
            Problem.TENANT_REFUSED, "The access key does not belong to the selected tenant"
        )
    if not current and shape.auto_tenant and len(granted.tenants) == 1:
        (current,) = granted.tenants
    custom = key.custom_claims
    claims: Json = {name: value for name, value in custom.items() if name not in _RESERVED}
    claims |= {"sub": key.id, "drn": "DS"} | _granted_claims(project, granted, current, shape)
    if options.custom_claims:
        claims["nsec"] = options.custom_claims
    return {**claims, **shape.claims, **_shaped_claims(key, shape)}


def user_claims(project: Project, user: User, drn: str, current: str = "") -> Json:
    """What the session (``DS``) or refresh (``DSR``) token of a user says."""
    granted = _granted_claims(project, grants_of_user(user), current, TokenShape())
    return {"sub": user.id, "drn": drn} | granted


def _granted_claims(project: Project, granted: Grants, current: str, shape: TokenShape) -> Json:
    if shape.auth_schema == "none":
        return {}
    claims: Json = {"dct": current} if current else {}
    if shape.auth_schema == "tenantOnly" and current:
        return claims | _role_claims(project, granted.tenants[current], shape, current)
    if granted.role_names:
        claims |= _role_claims(project, granted.role_names, shape)
    if granted.tenants and shape.auth_schema == "default":
        claims["tenants"] = {
            tenant_id: _role_claims(project, names, shape, tenant_id)
            for tenant_id, names in granted.tenants.items()
        }
    return claims


def _role_claims(
    project: Project, role_names: list[str], shape: TokenShape, tenant_id: str = ""
) -> Json:
    if shape.exclude_permissions:
        return {"roles": role_names}
    return {"roles": role_names, "permissions": permissions_of(project, role_names, tenant_id)}


def _shaped_claims(key: AccessKey, shape: TokenShape) -> Json:
    claims: Json = {}
    if shape.override_subject:
        claims["dsub"] = key.id
        wanted = shape.claims.get("sub", key.custom_claims.get("sub"))
        claims["sub"] = wanted if is_subject(wanted) else key.id
    if shape.add_jti:
        claims["jti"] = secrets.token_hex(16)
    if shape.thumbprint:
        claims["cnf"] = {"jkt": shape.thumbprint}
    return claims
