"""The operations on roles, which consist of permissions."""

from __future__ import annotations

from typing import Final

import attrs

from descope_async.emulator._error_answers import Problem, Refusal
from descope_async.emulator._fields import Fields
from descope_async.emulator._json import Json
from descope_async.emulator._memory.project import Project, role_alias
from descope_async.emulator._memory.records import Role, new_id

from .call import Call
from .criteria import arrange, has_text, one_of
from .existence import check_grants, check_permissions
from .grants import role_was_renamed

_SORTABLE: Final = frozenset({"id", "name", "description", "createdTime", "tenantId"})


def create(call: Call) -> Json:
    """Create a role, of the project or of one tenant."""
    return to_json(_create(call))


def create_batch(call: Call) -> Json:
    """Create all of these roles, or none if one cannot be."""
    with call.project.as_a_whole():
        roles = [_create(attrs.evolve(call, fields=each)) for each in call.fields.children("roles")]
    return {"roles": [to_json(role) for role in roles]}


def load_all(call: Call) -> Json:
    """Show all roles, those of tenants too."""
    return {"roles": [to_json(role) for role in call.project.roles]}


def search(call: Call) -> Json:
    """Show the roles that meet every criterion given."""
    fields = call.fields
    tenant_ids = fields.names("tenantIds")
    if tenant_ids and fields.flag("includeProjectRoles"):
        tenant_ids.append("")
    in_tenant = frozenset(tenant_ids)
    ids = one_of(fields, "roleIds")
    names = one_of(fields, "roleNames")
    name_like = has_text(fields, "roleNameLike")
    text = has_text(fields)
    permission_names = frozenset(fields.names("permissionNames"))
    found = [
        to_json(role)
        for role in call.project.roles
        if (not in_tenant or role.tenant_id in in_tenant)
        and ids([role.id])
        and names([role.name])
        and name_like([role.name])
        and text([role.id, role.name, role.description])
        and permission_names.issubset(role.permission_names)
    ]
    return {"roles": arrange(found, fields, _SORTABLE), "total": len(found)}


def update(call: Call) -> Json:
    """Replace what describes a role; absent fields become empty. Its holders keep it."""
    return to_json(_update(call))


def update_batch(call: Call) -> Json:
    """Update all of these roles, or none if one cannot be."""
    with call.project.as_a_whole():
        roles = [_update(attrs.evolve(call, fields=each)) for each in call.fields.children("roles")]
    return {"roles": [to_json(role) for role in roles]}


def delete(call: Call) -> Json:
    """Forget a role; its holders lose it."""
    _delete(call.project, named(call))
    return {}


def delete_batch(call: Call) -> Json:
    """Forget all of these roles, or none if one is unknown.

    Without names and ids, every role of the tenant, or of the project, is forgotten. The service
    does so too, which is why SDKs refuse an empty list.
    """
    fields, project = call.fields, call.project
    tenant_id = fields.text("tenantId")
    ids, names = fields.names("roleIds"), fields.names("roleNames")
    found = [
        *(project.roles.get(each) for each in ids),
        *(project.roles.find(role_alias(name, tenant_id)) for name in names),
    ]
    if not ids and not names:
        found = [role for role in project.roles if role.tenant_id == tenant_id]
    roles = [role for role in found if role]
    if len(roles) < len(found):
        raise Refusal(Problem.NOT_FOUND, "The role does not exist")
    for role in {role.id: role for role in roles}.values():
        _delete(project, role)
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


def named(call: Call) -> Role:
    """The role that a request means, by id, or by name and tenant."""
    fields = call.fields
    if fields.has("id"):
        role = call.project.roles.get(fields.required("id"))
    else:
        alias = role_alias(fields.required("name"), fields.text("tenantId"))
        role = call.project.roles.find(alias)
    if role is None:
        raise Refusal(Problem.NOT_FOUND, "The role does not exist")
    return role


def _create(call: Call) -> Role:
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
    if call.strict:
        _check(call.project, role)
    return call.project.roles.put(role)


def _update(call: Call) -> Role:
    role = named(call)
    name = call.fields.text("newName") or role.name
    taken = call.project.roles.find(role_alias(name, role.tenant_id))
    if taken and taken.id != role.id:
        raise Refusal(Problem.EXISTS, "A role of this name exists")
    changed = _described(call.fields, attrs.evolve(role, name=name))
    if call.strict:
        _check(call.project, changed)
    kept = call.project.roles.put(changed)
    role_was_renamed(call.project, role, kept.name)
    return kept


def _check(project: Project, role: Role) -> None:
    check_permissions(project, role.permission_names)
    if role.tenant_id:
        check_grants(project, [], {role.tenant_id: []})


def _delete(project: Project, role: Role) -> None:
    project.roles.remove(role.id)
    role_was_renamed(project, role, None)


def _described(fields: Fields, role: Role) -> Role:
    return attrs.evolve(
        role,
        description=fields.text("description"),
        permission_names=fields.names("permissionNames"),
        default=fields.flag("default"),
        private=fields.flag("private"),
    )
