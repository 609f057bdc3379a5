"""The operations on a user's roles, tenants and applications."""

from __future__ import annotations

from collections.abc import Callable

import attrs

from descope_async.emulator._json import Json

from .call import Call
from .users import named, put

Change = Callable[[list[str], list[str]], list[str]]


def add_roles(call: Call) -> Json:
    """Give a user roles, on the project or in a tenant."""
    return _change_roles(call, _added)


def remove_roles(call: Call) -> Json:
    """Take roles away from a user, on the project or in a tenant."""
    return _change_roles(call, _removed)


def set_roles(call: Call) -> Json:
    """Replace a user's roles, on the project or in a tenant."""
    return _change_roles(call, _replaced)


def add_tenant(call: Call) -> Json:
    """Put a user into a tenant."""
    user = named(call.project, call.fields)
    tenant_id = call.fields.required("tenantId")
    tenants = {tenant_id: call.fields.names("roleNames")} | user.tenants
    return put(call, attrs.evolve(user, tenants=tenants))


def remove_tenant(call: Call) -> Json:
    """Take a user out of a tenant."""
    user = named(call.project, call.fields)
    tenant_id = call.fields.required("tenantId")
    tenants = {key: names for key, names in user.tenants.items() if key != tenant_id}
    return put(call, attrs.evolve(user, tenants=tenants))


def add_applications(call: Call) -> Json:
    """Give a user single sign-on applications."""
    return _change_applications(call, _added)


def remove_applications(call: Call) -> Json:
    """Take single sign-on applications away from a user."""
    return _change_applications(call, _removed)


def set_applications(call: Call) -> Json:
    """Replace a user's single sign-on applications."""
    return _change_applications(call, _replaced)


def _added(held: list[str], given: list[str]) -> list[str]:
    return list(dict.fromkeys([*held, *given]))


def _removed(held: list[str], given: list[str]) -> list[str]:
    gone = set(given)
    return [name for name in held if name not in gone]


def _replaced(_: list[str], given: list[str]) -> list[str]:
    return given


def _change_roles(call: Call, change: Change) -> Json:
    user = named(call.project, call.fields)
    role_names = call.fields.names("roleNames")
    tenant_id = call.fields.text("tenantId")
    if tenant_id:
        changed = change(user.tenants.get(tenant_id, []), role_names)
        return put(call, attrs.evolve(user, tenants=user.tenants | {tenant_id: changed}))
    return put(call, attrs.evolve(user, role_names=change(user.role_names, role_names)))


def _change_applications(call: Call, change: Change) -> Json:
    user = named(call.project, call.fields)
    changed = change(user.sso_app_ids, call.fields.names("ssoAppIds"))
    return put(call, attrs.evolve(user, sso_app_ids=changed))
