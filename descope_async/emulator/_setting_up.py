"""What Python code and seeds put into an emulator before requests come."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from . import _arguments as arguments
from . import _seed as seed
from ._fields import Fields
from ._instance import Instance
from ._memory.records import new_id, new_secret
from ._memory.state import State, usable_id, usable_secret
from ._operations import access_keys, permissions, roles, tenants, users
from .credentials import ProjectCredentials


def secret_or_random(management_key: str | None) -> str:
    """A management key that can be used; a random one for None."""
    return new_secret() if management_key is None else usable_secret(management_key)


async def prepare(
    state: State,
    project_id: str | None,
    management_key: str | None,
    contents: Fields,
    now: int,
    strict: bool,
) -> tuple[str, str, str]:
    """Make what every emulator has, and fill new projects from a seed.

    Returns:
        The id of the first project, that of the management key for everything, and the key itself.
    """
    mark = state.mark
    if project_id is None:
        project_id = next(iter(state.projects), None) or new_id("P")
    try:
        author, management_key = state.set_default_manager(management_key)
        if project_id not in state.projects:
            seed.fill(state.add_project(project_id, now), contents, now, author, strict)
        for inner_id, inner_key, inner in seed.projects(contents, project_id):
            if inner_id not in state.projects:
                project = state.add_managed_project(inner_id, inner_key or new_secret(), now)
                seed.fill(project, inner, now, author, strict)
    except BaseException:
        state.discard()  # else the next start would find, and keep, half a seed
        raise
    await state.settle(mark)
    return project_id, author, management_key


async def create_project(
    instance: Instance, project_id: str | None, management_key: str | None
) -> ProjectCredentials:
    """A new project with a management key of its own; None for random ones."""
    made = ProjectCredentials(
        new_id("P") if project_id is None else usable_id(project_id),
        secret_or_random(management_key),
    )
    mark, now = instance.state.mark, instance.clock.stamp()
    instance.state.add_managed_project(made.project_id, made.management_key, now)
    await instance.state.settle(mark)
    return made


async def create_management_key(
    instance: Instance, project_ids: Sequence[str], management_key: str | None
) -> str:
    """A new management key for these projects, or for all of them if none is named."""
    named = arguments.names("project_ids", project_ids)
    known = [instance.project(each).id for each in named]
    secret = secret_or_random(management_key)
    mark = instance.state.mark
    instance.state.add_manager(secret, known)
    await instance.state.settle(mark)
    return secret


async def create_role(
    instance: Instance,
    name: str,
    permission_names: Sequence[str],
    tenant_id: str | None,
    project_id: str | None,
) -> None:
    """A new role, and those of its permissions that do not exist."""
    permission_names = arguments.names("permission_names", permission_names)
    for permission_name in permission_names:
        if not instance.project(project_id).permissions.find(permission_name):
            await instance.act(permissions.create, {"name": permission_name}, project_id)
    values = {"name": name, "permissionNames": permission_names, "tenantId": tenant_id}
    await instance.act(roles.create, values, project_id)


async def create_user(
    instance: Instance,
    login_id: str,
    role_names: Sequence[str],
    by_tenant: Mapping[str, Sequence[str]] | None,
    project_id: str | None,
) -> str:
    """A new, enabled user; gives its id."""
    found = {} if by_tenant is None else arguments.names_by_id("tenants", by_tenant)
    values = {
        "loginId": login_id,
        "status": "enabled",
        "roleNames": arguments.names("role_names", role_names),
        "userTenants": [
            {"tenantId": tenant_id, "roleNames": names} for tenant_id, names in found.items()
        ],
    }
    answer = await instance.act(users.create, values, project_id)
    return str(answer["user"]["userId"])


async def snapshot(instance: Instance, project_id: str | None) -> dict[str, Any]:
    """All that a project holds, as the service would show it."""
    project = instance.project(project_id)
    by_parent = tenants.children(project)
    return {
        "accessKeys": [access_keys.to_json(project, each) for each in project.access_keys],
        "tenants": [tenants.to_json(each, by_parent) for each in project.tenants],
        "permissions": [permissions.to_json(each) for each in project.permissions],
        "roles": [roles.to_json(each) for each in project.roles],
        "users": [users.to_json(project, each) for each in project.users],
    }
