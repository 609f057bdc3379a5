"""The operations on permissions, which roles consist of."""

from __future__ import annotations

import attrs

from descope_async.emulator._error_answers import Problem, Refusal
from descope_async.emulator._json import Json
from descope_async.emulator._memory.project import Project
from descope_async.emulator._memory.records import Permission, new_id

from .call import Call


def create(call: Call) -> Json:
    """Create a permission."""
    _create(call)
    return {}


def create_batch(call: Call) -> Json:
    """Create all of these permissions, or none if one cannot be."""
    given = call.fields.children("permissions")
    with call.project.as_a_whole():
        permissions = [_create(attrs.evolve(call, fields=fields)) for fields in given]
    return {"permissions": [to_json(permission) for permission in permissions]}


def load_all(call: Call) -> Json:
    """Show all permissions."""
    return {"permissions": [to_json(each) for each in call.project.permissions]}


def update(call: Call) -> Json:
    """Rename and describe a permission; roles follow the new name."""
    _update(call)
    return {}


def update_batch(call: Call) -> Json:
    """Update all of these permissions, or none if one cannot be."""
    given = call.fields.children("permissions")
    with call.project.as_a_whole():
        permissions = [_update(attrs.evolve(call, fields=fields)) for fields in given]
    return {"permissions": [to_json(permission) for permission in permissions]}


def delete(call: Call) -> Json:
    """Forget a permission; roles lose it."""
    _delete(call.project, _named(call))
    return {}


def delete_batch(call: Call) -> Json:
    """Forget all of these permissions, or none if one is unknown."""
    fields, project = call.fields, call.project
    found = [
        *(project.permissions.get(each) for each in fields.names("ids")),
        *(project.permissions.find(name) for name in fields.names("names")),
    ]
    if not found:
        raise Refusal(Problem.MISSING, "The names field is required")
    permissions = [permission for permission in found if permission]
    if len(permissions) < len(found):
        raise Refusal(Problem.NOT_FOUND, "The permission does not exist")
    for permission in {each.id: each for each in permissions}.values():
        _delete(project, permission)
    return {}


def to_json(permission: Permission) -> Json:
    """A permission as the service shows it."""
    return {
        "id": permission.id,
        "name": permission.name,
        "description": permission.description,
        "systemDefault": permission.system_default,
    }


def _named(call: Call) -> Permission:
    fields = call.fields
    if fields.has("id"):
        permission = call.project.permissions.get(fields.required("id"))
    else:
        permission = call.project.permissions.find(fields.required("name"))
    if permission is None:
        raise Refusal(Problem.NOT_FOUND, "The permission does not exist")
    return permission


def _create(call: Call) -> Permission:
    name = call.fields.required("name")
    if call.project.permissions.find(name):
        raise Refusal(Problem.EXISTS, "A permission of this name exists")
    description = call.fields.text("description")
    permission = Permission(id=new_id("PER"), name=name, description=description)
    return call.project.permissions.put(permission)


def _update(call: Call) -> Permission:
    permission = _named(call)
    name = call.fields.text("newName") or permission.name
    taken = call.project.permissions.find(name)
    if taken and taken.id != permission.id:
        raise Refusal(Problem.EXISTS, "A permission of this name exists")
    description = call.fields.text("description")
    changed = attrs.evolve(permission, name=name, description=description)
    kept = call.project.permissions.put(changed)
    _rename_in_roles(call.project, permission.name, kept.name)
    return kept


def _delete(project: Project, permission: Permission) -> None:
    project.permissions.remove(permission.id)
    _rename_in_roles(project, permission.name, None)


def _rename_in_roles(project: Project, old: str, new: str | None) -> None:
    """Let the roles that have a permission follow its new name, or lose it when that is None."""
    if old == new:
        return
    for role in project.roles:
        if old in role.permission_names:
            replaced = (new if name == old else name for name in role.permission_names)
            names = [name for name in replaced if name is not None]
            project.roles.put(attrs.evolve(role, permission_names=names))
