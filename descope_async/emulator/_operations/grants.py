"""Grants: the roles and tenants of access keys and users, and what they permit."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import attrs
from attrs import frozen

from descope_async.emulator._fields import Fields
from descope_async.emulator._json import Json
from descope_async.emulator._memory.project import Project, role_alias
from descope_async.emulator._memory.records import AccessKey, Role, User


@frozen
class Grants:
    """What a key or a user may do: roles on the project, and roles by tenant id."""

    role_names: list[str]
    tenants: dict[str, list[str]]


def grants_of_key(project: Project, key: AccessKey) -> Grants:
    """What a key may do. A key that is bound to a user has all that the user has.

    Of a key's own roles and tenants, the tenants win, as the documentation of create says.
    """
    if not key.bound_user_id:
        return Grants([] if key.tenants else key.role_names, key.tenants)
    user = project.users.get(key.bound_user_id)
    return grants_of_user(user) if user else Grants([], {})


def grants_of_user(user: User) -> Grants:
    """What a user may do: roles on the project and in tenants side by side."""
    return Grants(user.role_names, user.tenants)


def read_tenants(fields: Fields, name: str) -> dict[str, list[str]]:
    """Tenants with roles, as in ``keyTenants``; the last of a tenant's mentions counts."""
    return {
        tenant.required("tenantId"): tenant.names("roleNames") for tenant in fields.children(name)
    }


def tenants_to_json(project: Project, tenants: dict[str, list[str]]) -> list[Json]:
    """Tenants with roles, as the service shows them; an unknown tenant has no name."""
    found = ((key, project.tenants.get(key), names) for key, names in tenants.items())
    return [
        {"tenantId": key, "tenantName": tenant.name if tenant else "", "roleNames": names}
        for key, tenant, names in found
    ]


def resolve_role(project: Project, name: str, tenant_id: str = "") -> Role | None:
    """The role that a name means: within a tenant its own one, else the project's."""
    own = project.roles.find(role_alias(name, tenant_id))
    return own or project.roles.find(role_alias(name, ""))


def permissions_of(project: Project, role_names: Iterable[str], tenant_id: str = "") -> list[str]:
    """What roles permit; a name that means no role permits nothing."""
    roles = (resolve_role(project, name, tenant_id) for name in role_names)
    return list(dict.fromkeys(name for role in roles if role for name in role.permission_names))


def role_was_renamed(project: Project, role: Role, new: str | None) -> None:
    """Let the holders of a role follow its new name, or lose the role when that is None.

    Args:
        project: The project that the role belongs to.
        role: The role as it was before.
        new: The role's new name; None when it was deleted.
    """
    if role.name == new:
        return

    def follow(names: list[str], tenant_id: str) -> list[str]:
        if role.name not in names or not is_meant_in(tenant_id):
            return names
        replaced = (new if name == role.name else name for name in names)
        return list(dict.fromkeys(name for name in replaced if name is not None))

    def is_meant_in(tenant_id: str) -> bool:
        if role.tenant_id or not tenant_id:
            return role.tenant_id == tenant_id
        return project.roles.find(role_alias(role.name, tenant_id)) is None

    _change_all(
        project,
        lambda holder: Grants(
            follow(holder.role_names, ""),
            {key: follow(names, key) for key, names in holder.tenants.items()},
        ),
    )


def tenant_was_deleted(project: Project, tenant_id: str) -> None:
    """Take everybody out of a tenant."""
    _change_all(
        project,
        lambda holder: Grants(
            holder.role_names,
            {key: names for key, names in holder.tenants.items() if key != tenant_id},
        ),
    )


def _change_all(project: Project, change: Callable[[AccessKey | User], Grants]) -> None:
    for key in project.access_keys:
        grants = change(key)
        if grants != Grants(key.role_names, key.tenants):
            changed = attrs.evolve(key, role_names=grants.role_names, tenants=grants.tenants)
            project.access_keys.put(changed)
    for user in project.users:
        grants = change(user)
        if grants != Grants(user.role_names, user.tenants):
            project.users.put(
                attrs.evolve(user, role_names=grants.role_names, tenants=grants.tenants)
            )
