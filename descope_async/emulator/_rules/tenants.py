"""The rules of tenants."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import attrs

from descope_async.emulator._memory.project import Call, Project
from descope_async.emulator._memory.records import Tenant, new_id
from descope_async.emulator.answers import Json, Problem, Refusal
from descope_async.emulator.fields import Fields

from .associations import tenant_was_deleted


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
    return to_json(call.project, _named(call))


def load_all(call: Call) -> Json:
    """Show all tenants."""
    return {"tenants": [to_json(call.project, tenant) for tenant in call.project.tenants]}


def search(call: Call) -> Json:
    """Show the tenants that meet every criterion given."""
    fields = call.fields
    ids = fields.names("tenantIds")
    names = fields.names("tenantNames")
    domains = set(fields.names("tenantSelfProvisioningDomains"))
    attributes = fields.mapping("customAttributes")
    parent = fields.text("parentTenantId")
    found = [
        to_json(call.project, tenant)
        for tenant in call.project.tenants
        if (not ids or tenant.id in ids)
        and (not names or tenant.name in names)
        and (not domains or not domains.isdisjoint(tenant.self_provisioning_domains))
        and all(tenant.custom_attributes.get(name) == value for name, value in attributes.items())
        and (not parent or tenant.parent == parent)
    ]
    return {"tenants": found}


def update(call: Call) -> Json:
    """Replace what describes a tenant; absent fields become empty."""
    call.fields.required("id")
    name = call.fields.required("name")
    tenant = _named(call)
    call.project.tenants.put(_described(call.fields, attrs.evolve(tenant, name=name)))
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


def to_json(project: Project, tenant: Tenant) -> Json:
    """A tenant as the service shows it."""
    return {
        "id": tenant.id,
        "name": tenant.name,
        "selfProvisioningDomains": tenant.self_provisioning_domains,
        "customAttributes": tenant.custom_attributes,
        "createdTime": tenant.created_time,
        "parent": tenant.parent,
        "successors": _successors(project, tenant.id),
        "disabled": tenant.disabled,
    }


def _described(fields: Fields, tenant: Tenant) -> Tenant:
    return attrs.evolve(
        tenant,
        self_provisioning_domains=fields.names("selfProvisioningDomains"),
        custom_attributes=fields.mapping("customAttributes"),
        disabled=fields.flag("disabled"),
    )


def _successors(project: Project, id: str) -> list[str]:
    found = [id]
    for ancestor in found:  # grows as it is read
        found += [tenant.id for tenant in project.tenants if tenant.parent == ancestor]
    return found[1:]


def _named(call: Call) -> Tenant:
    return _known(call.project, call.fields.required("id"))


def _known(project: Project, id: str) -> Tenant:
    tenant = project.tenants.get(id)
    if tenant is None:
        raise Refusal(Problem.NOT_FOUND, "The tenant does not exist")
    return tenant


ROUTES: Final[dict[tuple[str, str], Callable[[Call], Json]]] = {
    ("POST", "/v1/mgmt/tenant/create"): create,
    ("GET", "/v1/mgmt/tenant"): load,
    ("GET", "/v1/mgmt/tenant/all"): load_all,
    ("POST", "/v1/mgmt/tenant/search"): search,
    ("POST", "/v1/mgmt/tenant/update"): update,
    ("POST", "/v1/mgmt/tenant/delete"): delete,
}
