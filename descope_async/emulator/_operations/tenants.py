"""The operations on tenants."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import attrs

from descope_async.emulator._error_answers import Problem, Refusal
from descope_async.emulator._fields import Fields
from descope_async.emulator._json import Json
from descope_async.emulator._memory.project import Project
from descope_async.emulator._memory.records import Tenant, new_id

from .call import Call
from .criteria import has_attributes, one_of, refuse_not_emulated
from .grants import tenant_was_deleted

_NOT_EMULATED: Final = ("tenantSSODomains",)
#: Settings of a tenant that a tenant shows, with the values that they have at first.
_SHOWN: Final[Json] = {
    "domains": [],
    "authType": "none",
    "enforceSSO": False,
    "enforceSSOExclusions": [],
    "federatedAppIds": [],
    "roleInheritance": "",
}
#: Settings that only the operation for settings takes and shows.
_SESSION: Final[Json] = {
    "enabled": False,
    "refreshTokenExpiration": 0,
    "refreshTokenExpirationUnit": "",
    "sessionTokenExpiration": 0,
    "sessionTokenExpirationUnit": "",
    "stepupTokenExpiration": 0,
    "stepupTokenExpirationUnit": "",
    "enableInactivity": False,
    "inactivityTime": 0,
    "inactivityTimeUnit": "",
    "JITDisabled": False,
    "ssoSetupSuiteSettings": {},
}


def create(call: Call) -> Json:
    """Create a tenant, of a given id or a random one."""
    fields = call.fields
    tenant = _described(
        fields,
        Tenant(
            id=fields.text("id") or new_id("T"),
            name=fields.required("name"),
            created_time=call.now,
            parent=fields.text("parent"),
        ),
    )
    if call.project.tenants.get(tenant.id):
        raise Refusal(Problem.EXISTS, "A tenant of this id exists")
    if tenant.parent:
        _known(call.project, tenant.parent)
    call.project.tenants.put(tenant)
    return {"id": tenant.id}


def load(call: Call) -> Json:
    """Show a tenant."""
    return to_json(_named(call), children(call.project))


def load_all(call: Call) -> Json:
    """Show all tenants."""
    by_parent = children(call.project)
    return {"tenants": [to_json(tenant, by_parent) for tenant in call.project.tenants]}


def search(call: Call) -> Json:
    """Show the tenants that meet every criterion given."""
    fields = call.fields
    refuse_not_emulated(fields, _NOT_EMULATED)
    ids = one_of(fields, "tenantIds")
    names = one_of(fields, "tenantNames")
    domains = one_of(fields, "tenantSelfProvisioningDomains")
    attributes = has_attributes(fields)
    parent = fields.text("parentTenantId")
    top_level_only = fields.flag("topLevelOnly")
    auth_type = fields.text("authType")
    by_parent = children(call.project)
    found = [
        to_json(tenant, by_parent)
        for tenant in call.project.tenants
        if ids([tenant.id])
        and names([tenant.name])
        and domains(tenant.self_provisioning_domains)
        and attributes(tenant.custom_attributes)
        and (not parent or tenant.parent == parent)
        and (not top_level_only or not tenant.parent)
        and (not auth_type or tenant.settings.get("authType", _SHOWN["authType"]) == auth_type)
    ]
    return {"tenants": found}


def update(call: Call) -> Json:
    """Replace what describes a tenant; absent fields become empty."""
    call.fields.required("id")
    name = call.fields.required("name")
    tenant = _named(call)
    kept = {name: value for name, value in tenant.settings.items() if name not in _SHOWN}
    bare = attrs.evolve(tenant, name=name, settings=kept)
    call.project.tenants.put(_described(call.fields, bare))
    return {}


def patch(call: Call) -> Json:
    """Change what is given of a tenant."""
    fields, tenant = call.fields, _named(call)
    domains = fields.keep("selfProvisioningDomains", fields.names, tenant.self_provisioning_domains)
    changed = attrs.evolve(
        tenant,
        name=fields.keep("name", fields.required, tenant.name),
        self_provisioning_domains=domains,
        custom_attributes=fields.keep("customAttributes", fields.mapping, tenant.custom_attributes),
        disabled=fields.keep("disabled", fields.flag, tenant.disabled),
        default_roles=fields.keep("defaultRoles", fields.names, tenant.default_roles),
        settings=tenant.settings | _settings(fields, _SHOWN),
    )
    call.project.tenants.put(changed)
    return {}


def load_settings(call: Call) -> Json:
    """Show a tenant's settings."""
    tenant = _named(call)
    return {
        **_SHOWN,
        **_SESSION,
        **tenant.settings,
        "selfProvisioningDomains": tenant.self_provisioning_domains,
        "tenantId": tenant.id,
    }


def update_settings(call: Call) -> Json:
    """Change those of a tenant's settings that are given. Nothing here depends on them."""
    fields = call.fields
    tenant = _known(call.project, fields.required("tenantId"))
    domains = fields.keep("selfProvisioningDomains", fields.names, tenant.self_provisioning_domains)
    settings = tenant.settings | _settings(fields, _SHOWN | _SESSION)
    call.project.tenants.put(
        attrs.evolve(tenant, self_provisioning_domains=domains, settings=settings)
    )
    return {}


def update_default_roles(call: Call) -> Json:
    """Name the roles that new users of a tenant get. Nothing here gives them."""
    default_roles = call.fields.names("defaultRoles")
    call.project.tenants.put(attrs.evolve(_named(call), default_roles=default_roles))
    return {}


def delete(call: Call) -> Json:
    """Forget a tenant; with ``cascade``, the keys and users of no other tenant too."""
    tenant = _named(call)
    if call.fields.flag("cascade"):
        for key in call.project.access_keys:
            if list(key.tenants) == [tenant.id]:
                call.project.access_keys.remove(key.id)
        for user in call.project.users:
            if list(user.tenants) == [tenant.id]:
                call.project.users.remove(user.id)
    tenant_was_deleted(call.project, tenant.id)
    for role in call.project.roles:
        if role.tenant_id == tenant.id:
            call.project.roles.remove(role.id)
    for child in call.project.tenants:
        if child.parent == tenant.id:
            call.project.tenants.put(attrs.evolve(child, parent=""))
    call.project.tenants.remove(tenant.id)
    return {}


def children(project: Project) -> Mapping[str, list[str]]:
    """The ids of every tenant's children, by the id of the tenant."""
    found: dict[str, list[str]] = {}
    for tenant in project.tenants:
        if tenant.parent:
            found.setdefault(tenant.parent, []).append(tenant.id)
    return found


def successors(id: str, by_parent: Mapping[str, list[str]]) -> list[str]:
    """The ids of a tenant's children, of their children, and so on."""
    found = [id]
    for ancestor in found:  # grows as it is read
        found += by_parent.get(ancestor, ())
    return found[1:]


def to_json(tenant: Tenant, by_parent: Mapping[str, list[str]]) -> Json:
    """A tenant as the service shows it."""
    shown = {name: tenant.settings.get(name, value) for name, value in _SHOWN.items()}
    return {
        "id": tenant.id,
        "name": tenant.name,
        "selfProvisioningDomains": tenant.self_provisioning_domains,
        "customAttributes": tenant.custom_attributes,
        "createdTime": tenant.created_time,
        "parent": tenant.parent,
        "successors": successors(tenant.id, by_parent),
        "disabled": tenant.disabled,
        "defaultRoles": tenant.default_roles,
        **shown,
    }


def _described(fields: Fields, tenant: Tenant) -> Tenant:
    return attrs.evolve(
        tenant,
        self_provisioning_domains=fields.names("selfProvisioningDomains"),
        custom_attributes=fields.mapping("customAttributes"),
        disabled=fields.flag("disabled"),
        default_roles=fields.keep("defaultRoles", fields.names, tenant.default_roles),
        settings=tenant.settings | _settings(fields, _SHOWN),
    )


def _settings(fields: Fields, known: Json) -> Json:
    """The settings that are given, each read as what it is at first."""
    readers: dict[type, Callable[[str], object]] = {
        bool: fields.flag,
        int: fields.size,
        str: fields.text,
        list: fields.names,
    }
    return {
        name: readers.get(value.__class__, fields.mapping)(name)
        for name, value in known.items()
        if fields.has(name)
    }


def _named(call: Call) -> Tenant:
    return _known(call.project, call.fields.required("id"))


def _known(project: Project, id: str) -> Tenant:
    tenant = project.tenants.get(id)
    if tenant is None:
        raise Refusal(Problem.NOT_FOUND, "The tenant does not exist")
    return tenant
