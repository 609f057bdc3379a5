"""The rules of roles and of the permissions in them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import attrs

from descope_async.emulator._memory.project import Call, role_alias
from descope_async.emulator._memory.records import Permission, Role, new_id
from descope_async.emulator.answers import Json, Problem, Refusal
from descope_async.emulator.fields import Fields

from .associations import role_was_renamed


def create(call: Call) -> Json:
    """Create a role, of the project or of one tenant."""
    fields = call.fields
    role = _described(
        fields,
        Role(
            id=new_id("ROL"),
            name=fields.required("name"),
            tenant_id=fields.text("tenantId"),
            created_time=call.now,
        ),
    )
    if call.project.roles.find(role_alias(role.name, role.tenant_id)):
        raise Refusal(Problem.EXISTS, "A role of this name exists")
    return to_json(call.project.roles.put(role))


def load_all(call: Call) -> Json:
    """Show all roles, those of tenants too."""
    return {"roles": [to_json(role) for role in call.project.roles]}


def search(call: Call) -> Json:
    """Show the roles that meet every criterion given."""
    fields = call.fields
    tenant_ids = fields.names("tenantIds")
    if tenant_ids and fields.flag("includeProjectRoles"):
        tenant_ids.append("")
    ids = fields.names("roleIds")
    names = fields.names("roleNames")
    name_like = fields.text("roleNameLike").casefold()
    permission_names = set(fields.names("permissionNames"))
    found = [
        to_json(role)
        for role in call.project.roles
        if (not tenant_ids or role.tenant_id in tenant_ids)
        and (not ids or role.id in ids)
        and (not names or role.name in names)
        and name_like in role.name.casefold()
        and permission_names.issubset(role.permission_names)
    ]
    return {"roles": found}


def update(call: Call) -> Json:
    """Replace what describes a role; absent fields become empty. Its holders keep it."""
    role = _named(call)
    name = call.fields.text("newName") or role.name
    taken = call.project.roles.find(role_alias(name, role.tenant_id))
    if taken and taken.id != role.id:
        raise Refusal(Problem.EXISTS, "A role of this name exists")
    changed = call.project.roles.put(_described(call.fields, attrs.evolve(role, name=name)))
    role_was_renamed(call.project, role, name)
    return to_json(changed)


def delete(call: Call) -> Json:
    """Forget a role; its holders lose it."""
    role = _named(call)
    call.project.roles.remove(role.id)
    role_was_renamed(call.project, role, None)
    return {}


def create_permission(call: Call) -> Json:
    """Create a permission."""
    name = call.fields.required("name")
    if call.project.permissions.find(name):
        raise Refusal(Problem.EXISTS, "A permission of this name exists")
    description = call.fields.text("description")
    call.project.permissions.put(Permission(id=new_id("PER"), name=name, description=description))
    return {}


def load_all_permissions(call: Call) -> Json:
    """Show all permissions."""
    return {"permissions": [permission_to_json(each) for each in call.project.permissions]}


def update_permission(call: Call) -> Json:
    """Rename and describe a permission; roles follow the new name."""
    permission = _named_permission(call)
    name = call.fields.text("newName") or permission.name
    taken = call.project.permissions.find(name)
    if taken and taken.id != permission.id:
        raise Refusal(Problem.EXISTS, "A permission of this name exists")
    description = call.fields.text("description")
    call.project.permissions.put(attrs.evolve(permission, name=name, description=description))
    _permission_was_renamed(call, permission.name, name)
    return {}


def delete_permission(call: Call) -> Json:
    """Forget a permission; roles lose it."""
    permission = _named_permission(call)
    call.project.permissions.remove(permission.id)
    _permission_was_renamed(call, permission.name, None)
    return {}


def to_json(role: Role) -> Json:
    """A role as the service shows it."""
    return {
        "id": role.id,
        "name": role.name,
        "description": role.description,
        "permissionNames": role.permission_names,
        "createdTime": role.created_time,
        "tenantId": role.tenant_id,
        "default": role.default,
        "private": role.private,
    }


def permission_to_json(permission: Permission) -> Json:
    """A permission as the service shows it."""
    return {
        "id": permission.id,
        "name": permission.name,
        "description": permission.description,
        "systemDefault": permission.system_default,
    }


def _described(fields: Fields, role: Role) -> Role:
    return attrs.evolve(
        role,
        description=fields.text("description"),
        permission_names=fields.names("permissionNames"),
        default=fields.flag("default"),
        private=fields.flag("private"),
    )


def _named(call: Call) -> Role:
    fields = call.fields
    if fields.has("id"):
        role = call.project.roles.get(fields.required("id"))
    else:
        alias = role_alias(fields.required("name"), fields.text("tenantId"))
        role = call.project.roles.find(alias)
    if role is None:
        raise Refusal(Problem.NOT_FOUND, "The role does not exist")
    return role


def _named_permission(call: Call) -> Permission:
    fields = call.fields
    if fields.has("id"):
        permission = call.project.permissions.get(fields.required("id"))
    else:
        permission = call.project.permissions.find(fields.required("name"))
    if permission is None:
        raise Refusal(Problem.NOT_FOUND, "The permission does not exist")
    return permission


def _permission_was_renamed(call: Call, old: str, new: str | None) -> None:
    for role in call.project.roles:
        if old in role.permission_names:
            replaced = (new if name == old else name for name in role.permission_names)
            names = [name for name in replaced if name is not None]
            call.project.roles.put(attrs.evolve(role, permission_names=names))


ROUTES: Final[dict[tuple[str, str], Callable[[Call], Json]]] = {
    ("POST", "/v1/mgmt/role/create"): create,
    ("GET", "/v1/mgmt/role/all"): load_all,
    ("POST", "/v1/mgmt/role/search"): search,
    ("POST", "/v1/mgmt/role/update"): update,
    ("POST", "/v1/mgmt/role/delete"): delete,
    ("POST", "/v1/mgmt/permission/create"): create_permission,
    ("GET", "/v1/mgmt/permission/all"): load_all_permissions,
    ("POST", "/v1/mgmt/permission/update"): update_permission,
    ("POST", "/v1/mgmt/permission/delete"): delete_permission,
}
