"""The rules of access keys: create, load, search, update, switch, rotate, delete."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from typing import Any, Final

import attrs

from descope_async.emulator._memory.project import Call, Project
from descope_async.emulator._memory.records import AccessKey, digest, new_id, new_secret
from descope_async.emulator.answers import Json, Problem, Refusal
from descope_async.emulator.fields import Fields

from .associations import Grants, read_tenants, tenants_to_json


def issue(call: Call, *, id: str = "", cleartext: str = "") -> tuple[AccessKey, str]:
    """Create a key and its secret, both random unless given."""
    fields = call.fields
    name = fields.required("name")
    cleartext = cleartext or new_secret()
    bound_user_id = fields.text("userId")
    key = AccessKey(
        id=id or new_id("K"),
        name=name,
        secret_digest=digest(cleartext),
        client_id=new_id("C"),
        created_by=call.author,
        created_time=call.now,
        expire_time=fields.size("expireTime"),
        description=fields.text("description"),
        role_names=fields.names("roleNames"),
        tenants=read_tenants(fields, "keyTenants"),
        bound_user_id=bound_user_id,
        custom_claims=fields.mapping("customClaims"),
        custom_attributes=fields.mapping("customAttributes"),
        permitted_ips=_read_ips(fields),
    )
    return call.project.access_keys.put(_without_ignored(key)), cleartext


def create(call: Call) -> Json:
    """Create a key; the only answer but rotate's with its secret."""
    key, cleartext = issue(call)
    return {"key": to_json(call.project, key), "cleartext": cleartext}


def load(call: Call) -> Json:
    """Show a key."""
    return {"key": to_json(call.project, _named(call))}


def search(call: Call) -> Json:
    """Show the keys that meet every criterion given, oldest first unless sorted."""
    fields = call.fields
    tenant_ids = set(fields.names("tenantIds"))
    bound_user_id = fields.text("boundUserId")
    creating_user = fields.text("creatingUser")
    attributes = fields.mapping("customAttributes")
    text = fields.text("text").casefold()
    found = [
        to_json(call.project, key)
        for key in call.project.access_keys
        if (not tenant_ids or not tenant_ids.isdisjoint(grants(call.project, key).tenants))
        and (not bound_user_id or key.bound_user_id == bound_user_id)
        and (not creating_user or key.created_by == creating_user)
        and all(key.custom_attributes.get(name) == wanted for name, wanted in attributes.items())
        and any(text in part.casefold() for part in (key.id, key.name, key.description))
    ]
    for criterion in reversed(fields.children("sort")):  # a stable sort: the first counts most
        found.sort(key=_sort_key(criterion), reverse=criterion.flag("desc"))
    limit = fields.size("limit") or len(found)
    start = fields.size("page") * limit
    return {"keys": found[start : start + limit]}


def update(call: Call) -> Json:
    """Change a key: absent fields stay, empty ones clear; expiry and binding never change."""
    fields = call.fields
    fields.required("id")
    name = fields.required("name")
    key = _named(call)
    changed = attrs.evolve(
        key,
        name=name,
        description=fields.keep("description", fields.text, key.description),
        role_names=fields.keep("roleNames", fields.names, key.role_names),
        tenants=fields.keep("keyTenants", lambda field: read_tenants(fields, field), key.tenants),
        custom_claims=fields.keep("customClaims", fields.mapping, key.custom_claims),
        custom_attributes=fields.keep("customAttributes", fields.mapping, key.custom_attributes),
        permitted_ips=fields.keep("permittedIps", lambda _: _read_ips(fields), key.permitted_ips),
    )
    return {"key": to_json(call.project, call.project.access_keys.put(_without_ignored(changed)))}


def activate(call: Call) -> Json:
    """Let a key be used again; an active one stays so."""
    _switch(call, [_named(call)], "active")
    return {}


def deactivate(call: Call) -> Json:
    """Let a key be refused until it is activated; an inactive one stays so."""
    _switch(call, [_named(call)], "inactive")
    return {}


def delete(call: Call) -> Json:
    """Forget a key for good."""
    call.project.access_keys.remove(_named(call).id)
    return {}


def activate_batch(call: Call) -> Json:
    """Activate all of these keys, or none if one is unknown."""
    _switch(call, _listed(call), "active")
    return {}


def deactivate_batch(call: Call) -> Json:
    """Deactivate all of these keys, or none if one is unknown."""
    _switch(call, _listed(call), "inactive")
    return {}


def delete_batch(call: Call) -> Json:
    """Delete all of these keys, or none if one is unknown."""
    for key in _listed(call):
        call.project.access_keys.remove(key.id)
    return {}


def rotate(call: Call) -> Json:
    """Give a key a new secret; the old one is refused from now on."""
    key = _named(call)
    if key.status != "active":
        raise Refusal(Problem.WRONG_STATE, "Only an active access key can be rotated")
    if is_expired(key, call.now):
        raise Refusal(Problem.WRONG_STATE, "An expired access key cannot be rotated")
    cleartext = new_secret()
    rotated = call.project.access_keys.put(attrs.evolve(key, secret_digest=digest(cleartext)))
    return {"key": to_json(call.project, rotated), "cleartext": cleartext}


def is_expired(key: AccessKey, now: int) -> bool:
    """Whether a key's time is over."""
    return 0 < key.expire_time <= now


def grants(project: Project, key: AccessKey) -> Grants:
    """What a key may do: its user's roles and tenants if bound; tenants win over roles."""
    holder = project.users.get(key.bound_user_id) if key.bound_user_id else key
    if holder is None:
        return Grants([], {})
    return Grants([] if holder.tenants else holder.role_names, holder.tenants)


def to_json(project: Project, key: AccessKey) -> Json:
    """A key as the service shows it: every field, the empty ones too."""
    return {
        "id": key.id,
        "name": key.name,
        "roleNames": key.role_names,
        "keyTenants": tenants_to_json(project, key.tenants),
        "status": key.status,
        "createdTime": key.created_time,
        "expireTime": key.expire_time,
        "createdBy": key.created_by,
        "clientId": key.client_id,
        "boundUserId": key.bound_user_id,
        "customClaims": key.custom_claims,
        "description": key.description,
        "permittedIps": key.permitted_ips,
        "editable": True,
        "customAttributes": key.custom_attributes,
    }


def network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    """An address, or a range in CIDR notation whose host bits do not matter.

    Raises:
        ValueError: It is neither.
    """
    if "%" in text:
        raise ValueError("a zone is no part of an address that can be permitted")
    return ipaddress.ip_network(text, strict=False)


def _read_ips(fields: Fields) -> list[str]:
    ips = fields.names("permittedIps")
    for ip in ips:
        try:
            network(ip)
        except ValueError as error:
            raise Refusal(
                Problem.INVALID, "The permittedIps field must hold IP addresses or CIDR ranges"
            ) from error
    return ips


def _without_ignored(key: AccessKey) -> AccessKey:
    """A bound key has its user's roles and tenants, and none of its own."""
    return attrs.evolve(key, role_names=[], tenants={}) if key.bound_user_id else key


def _named(call: Call) -> AccessKey:
    return _known(call.project, call.fields.required("id"))


def _listed(call: Call) -> list[AccessKey]:
    ids = call.fields.names("ids")
    if not ids:
        raise Refusal(Problem.MISSING, "The ids field is required")
    return [_known(call.project, each) for each in ids]


def _known(project: Project, id: str) -> AccessKey:
    key = project.access_keys.get(id)
    if key is None:
        raise Refusal(Problem.NOT_FOUND, "The access key does not exist")
    return key


def _switch(call: Call, keys: list[AccessKey], status: str) -> None:
    for key in keys:
        if key.status != status:
            call.project.access_keys.put(attrs.evolve(key, status=status))


_SORTABLE: Final = frozenset(
    {
        "id",
        "name",
        "roleNames",
        "keyTenants",
        "status",
        "createdTime",
        "expireTime",
        "createdBy",
        "clientId",
        "boundUserId",
        "description",
        "permittedIps",
        "editable",
    }
)


def _sort_key(criterion: Fields) -> Callable[[Json], Any]:
    field = criterion.required("field")
    if field not in _SORTABLE:
        raise Refusal(Problem.INVALID, "The sort field must be a property of an access key")
    if field == "keyTenants":
        return lambda key: [tenant["tenantId"] for tenant in key[field]]
    return lambda key: key[field]


ROUTES: Final[dict[tuple[str, str], Callable[[Call], Json]]] = {
    ("POST", "/v1/mgmt/accesskey/create"): create,
    ("GET", "/v1/mgmt/accesskey"): load,
    ("POST", "/v1/mgmt/accesskey/search"): search,
    ("POST", "/v1/mgmt/accesskey/update"): update,
    ("POST", "/v1/mgmt/accesskey/activate"): activate,
    ("POST", "/v1/mgmt/accesskey/deactivate"): deactivate,
    ("POST", "/v1/mgmt/accesskey/delete"): delete,
    ("POST", "/v1/mgmt/accesskey/rotate"): rotate,
    ("POST", "/v1/mgmt/accesskey/activate/batch"): activate_batch,
    ("POST", "/v1/mgmt/accesskey/deactivate/batch"): deactivate_batch,
    ("POST", "/v1/mgmt/accesskey/delete/batch"): delete_batch,
}
