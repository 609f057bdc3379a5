"""From an access key to the claims of its session token."""

from __future__ import annotations

import ipaddress
from typing import Final

from descope_async.emulator._memory.project import Project
from descope_async.emulator._memory.records import AccessKey, User, digest
from descope_async.emulator.answers import Json, Problem, Refusal
from descope_async.emulator.fields import Fields

from .access_keys import grants, is_expired, network
from .associations import Grants, permissions_of

# Custom claims of these names are left out of tokens: they would change what a token means.
_RESERVED: Final = frozenset({
    "iss", "sub", "aud", "exp", "nbf", "iat", "jti",
    "drn", "dct", "dcl", "dsub", "amr", "azp", "cnf", "nsec", "rexp",
    "roles", "permissions", "tenants",
})  # fmt: skip


def admit(project: Project, cleartext: str, peer: str, now: int) -> AccessKey:
    """The key of this secret, if it may be used now and from this address."""
    key = project.access_keys.find(digest(cleartext))
    if key is None:
        raise Refusal(Problem.KEY_REFUSED, "The access key is not valid")
    if key.status != "active":
        raise Refusal(Problem.KEY_REFUSED, "The access key is not active")
    if is_expired(key, now):
        raise Refusal(Problem.KEY_REFUSED, "The access key has expired")
    if key.permitted_ips and not _is_permitted(peer, key.permitted_ips):
        raise Refusal(Problem.KEY_REFUSED, "The access key is not permitted from this IP address")
    if key.bound_user_id:
        user = project.users.get(key.bound_user_id)
        if user is None or user.status == "disabled":
            raise Refusal(Problem.KEY_REFUSED, "The user of the access key cannot sign in")
    return key


def key_claims(project: Project, key: AccessKey, login_options: Fields) -> Json:
    """What the token of a key says, apart from who issued it and when."""
    granted = grants(project, key)
    claims: Json = {
        name: value for name, value in key.custom_claims.items() if name not in _RESERVED
    }
    claims |= {"sub": key.id, "drn": "DS"} | _granted_claims(project, granted)
    if chosen := login_options.mapping("customClaims"):
        claims["nsec"] = chosen
    if tenant_id := login_options.text("selectedTenant"):
        if tenant_id not in granted.tenants:
            raise Refusal(
                Problem.TENANT_REFUSED, "The access key does not belong to the selected tenant"
            )
        claims["dct"] = tenant_id
    return claims


def user_claims(project: Project, user: User, drn: str) -> Json:
    """What the session (``DS``) or refresh (``DSR``) token of a user says."""
    return {"sub": user.id, "drn": drn} | _granted_claims(
        project, Grants(user.role_names, user.tenants)
    )


def _granted_claims(project: Project, granted: Grants) -> Json:
    claims: Json = {}
    if granted.role_names:
        claims["roles"] = granted.role_names
        claims["permissions"] = permissions_of(project, granted.role_names)
    if granted.tenants:
        claims["tenants"] = {
            tenant_id: {
                "roles": names,
                "permissions": permissions_of(project, names, tenant_id),
            }
            for tenant_id, names in granted.tenants.items()
        }
    return claims


def _is_permitted(peer: str, permitted: list[str]) -> bool:
    address = ipaddress.ip_address(peer.partition("%")[0])
    # A socket for both families shows an IPv4 peer as ::ffff:a.b.c.d.
    mapped = getattr(address, "ipv4_mapped", None)
    return any((mapped or address) in network(text) for text in permitted)
